// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: where and how the server listens: TLS, several addresses, a Unix socket.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import os from 'node:os'
import path from 'node:path'
import tls from 'node:tls'

import { ask, startOther, until } from './operation.mjs'

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

// A key and a certificate for a name, signed by itself. Returns their paths.
function makeCertificate (server, name) {
  const at = (end) => path.join(server.dir, `${name}.${end}`)
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`, '-keyout', at('key'), '-out', at('crt')], { stdio: 'ignore' })
  return { key: at('key'), cert: at('crt') }
}

function askTls (port, servername, target, more = {}) {
  const { method = 'GET', body, ...options } = more
  return new Promise((resolve, reject) => {
    const auth = 'Basic ' + Buffer.from('admin:secret').toString('base64')
    const req = https.request({
      host: '127.0.0.1', port, servername, path: target, method, rejectUnauthorized: false, agent: false,
      headers: { authorization: auth, 'content-type': 'application/json' }, ...options
    }, (res) => {
      const parts = []
      const name = res.socket.getPeerCertificate().subject.CN
      const protocol = res.socket.getProtocol()
      res.on('data', (part) => parts.push(part))
      res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(parts), name, protocol }))
    })
    req.on('error', reject)
    req.end(body)
  })
}

// A server that listens on two places.
const startBoth = (server, args) => startOther(server, args, {}, 'other', undefined, 2)

// Places of the ready lines: { https: [port], http: [port], unix: [path] }.
function places (other) {
  const out = { http: [], https: [], unix: [] }
  for (const [, kind, rest] of other.text.matchAll(/ready on (https?|unix):(\S+)/g)) {
    out[kind].push(kind === 'unix' ? rest : Number(/:(\d+)\/$/.exec(rest)[1]))
  }
  return out
}

const ini = (server, text) => {
  const at = path.join(server.dir, 'net.ini')
  writeFileSync(at, `[admins]\nadmin = secret\n[chttpd_auth]\niterations = 10\n[log]\nlevel = warning\n${text}`)
  return ['--config', at]
}

export const networkBehaviours = [
  {
    name: 'TLS: requests, large bodies, names, versions, new certificates without a restart',
    async run (server) {
      const first = makeCertificate(server, 'one.example')
      const second = makeCertificate(server, 'two.example')
      const other = await startBoth(server, ini(server, `[ssl]\nenable = true\nport = 0\ncert_file = ${first.cert}\nkey_file = ${first.key}\n` +
        `[ssl:two.example]\ncert_file = ${second.cert}\nkey_file = ${second.key}\n`))
      const { https: [port] } = places(other)
      const welcome = await askTls(port, 'one.example', '/')
      assert.deepEqual([welcome.status, welcome.name, welcome.protocol], [200, 'one.example', 'TLSv1.3'])
      assert.equal((await askTls(port, 'two.example', '/')).name, 'two.example')
      assert.equal((await askTls(port, 'nobody.example', '/')).name, 'one.example')
      assert.equal((await askTls(port, 'one.example', '/', { maxVersion: 'TLSv1.2' })).protocol, 'TLSv1.2')
      await assert.rejects(askTls(port, 'one.example', '/', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }))
      // What is large and what has no length.
      assert.equal((await askTls(port, 'one.example', '/db', { method: 'PUT' })).status, 201)
      const bytes = Buffer.alloc(3 << 20, 'abcdefgh')
      const put = await askTls(port, 'one.example', '/db/d/file', { method: 'PUT', body: bytes, headers: { authorization: 'Basic YWRtaW46c2VjcmV0', 'content-type': 'a/b' } })
      assert.equal(put.status, 201)
      assert.ok((await askTls(port, 'one.example', '/db/d/file')).body.equals(bytes))
      assert.match((await askTls(port, 'one.example', '/db/_changes')).body.toString(), /"last_seq"/)
      // A cookie of TLS is for TLS.
      const login = await askTls(port, 'one.example', '/_session', { method: 'POST', body: '{"name":"admin","password":"secret"}' })
      assert.match(login.headers['set-cookie'][0], /; Secure/)
      // Other certificates.
      const third = makeCertificate(server, 'three.example')
      writeFileSync(first.key, readFileSync(third.key))
      writeFileSync(first.cert, readFileSync(third.cert))
      other.child.kill('SIGHUP')
      await until('it shows the new one', async () => (await askTls(port, 'x', '/')).name === 'three.example')
      writeFileSync(first.cert, 'nonsense')
      other.child.kill('SIGHUP')
      await until('the fault is told', () => /reading certificates: .*one\.example\.crt/.test(other.text))
      assert.equal((await askTls(port, 'x', '/')).name, 'three.example')
      assert.equal(await other.stop(), 0)
      assert.equal((await startOther(server, [...ini(server, `[ssl]\nenable = true\ncert_file = ${first.cert}\nkey_file = ${first.key}\n`), '--check-config'])).code, 78)
    }
  },
  {
    name: 'TLS: garbage, plain HTTP and a client that says nothing end without harm',
    async run (server) {
      const cert = makeCertificate(server, 'one.example')
      const other = await startBoth(server, ini(server, `[ssl]\nenable = true\nport = 0\ncert_file = ${cert.cert}\nkey_file = ${cert.key}\n`))
      const { https: [port] } = places(other)
      await assert.rejects(ask(other, 'GET', '/', undefined, { port }))
      for (let i = 0; i < 50; i++) {
        const socket = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
        socket.on('error', () => {})
        if (i % 2) socket.on('secureConnect', () => socket.destroy())
        else setTimeout(() => socket.destroy(), i)
      }
      await sleep(200)
      assert.equal((await askTls(port, 'x', '/')).status, 200)
      assert.equal(await other.stop(), 0)
    }
  },
  {
    name: 'TLS: clients show certificates, if that is wanted',
    async run (server) {
      const own = makeCertificate(server, 'own.example')
      const ann = makeCertificate(server, 'ann.example')
      const eve = makeCertificate(server, 'eve.example')
      const text = `[ssl]\nenable = true\nport = 0\ncert_file = ${own.cert}\nkey_file = ${own.key}\nverify_ssl_certificates = true\n`
      const none = await startOther(server, ini(server, text))
      assert.match(none.text, /verify_ssl_certificates needs a cacert_file/)
      assert.equal(none.code, 78)
      const shown = ({ cert, key }) => ({ cert: readFileSync(cert), key: readFileSync(key) })
      for (const must of [false, true]) {
        const other = await startBoth(server, ini(server, `${text}cacert_file = ${ann.cert}\nfail_if_no_peer_cert = ${must}\n`))
        const ask = (more) => askTls(places(other).https[0], 'own.example', '/', more)
        assert.equal((await ask(shown(ann))).status, 200)
        await assert.rejects(ask(shown(eve)), 'a stranger')
        if (must) await assert.rejects(ask({}), 'nobody')
        else assert.equal((await ask({})).status, 200)
        await other.stop()
      }
    }
  },
  {
    name: 'a user replicates by names, wherever the server listens; a socket is no address',
    async run (server) {
      const cert = makeCertificate(server, 'one.example')
      const tlsOnly = `[chttpd]\nenable = false\n[ssl]\nenable = true\nport = 0\ncert_file = ${cert.cert}\nkey_file = ${cert.key}\n`
      const socketPath = path.join(server.dir, 'own.sock')
      const hasV6 = Object.values(os.networkInterfaces()).flat().some((one) => one.address === '::1')
      const ways = [
        { listen: ['--listen', '127.0.0.2:0'], host: '127.0.0.2' },
        { listen: ['--listen', '0.0.0.0:0'] },
        { listen: ['--listen', 'any:0'] },
        { listen: ['--listen', 'localhost:0'], host: 'localhost' }, // ::1 or 127.0.0.1, by /etc/hosts
        ...(hasV6 ? [{ listen: ['--listen', '[::]:0'], host: '::1' }, { listen: ['--listen', '[::1]:0'], host: '::1' }] : []),
        // Of several the plain one, whatever comes first.
        { listen: ['--listen', '127.0.0.1:0'], text: `[ssl]\nenable = true\nport = 0\ncert_file = ${cert.cert}\nkey_file = ${cert.key}\n`, count: 2 },
        // Nobody signs certificates for 127.0.0.1.
        { listen: [], text: tlsOnly + '[replicator]\nverify_ssl_certificates = false\n', secure: true },
        { listen: [], text: `[chttpd]\nenable = false\nunix_socket = ${socketPath}\n`, socketPath }
      ]
      for (const [i, way] of ways.entries()) {
        const other = await startOther(server, ini(server, way.text ?? ''), {}, `own${i}`, way.listen, way.count)
        assert.equal(other.code, undefined, other.text)
        const { http: [plain], https: [secure] } = places(other)
        const send = (method, target, body, user = 'admin:secret') => {
          const options = { method, path: target, agent: false, headers: { authorization: 'Basic ' + Buffer.from(user).toString('base64'), 'content-type': 'application/json' } }
          if (way.socketPath) options.socketPath = way.socketPath
          else Object.assign(options, { host: way.host ?? '127.0.0.1', port: way.secure ? secure : plain, rejectUnauthorized: false })
          return new Promise((resolve, reject) => {
            const req = (way.secure ? https : http).request(options, (res) => {
              let text = ''
              res.on('data', (data) => { text += data })
              res.on('end', () => resolve({ status: res.statusCode, body: JSON.parse(text) }))
            })
            req.on('error', reject)
            req.end(body && JSON.stringify(body))
          })
        }
        await send('PUT', '/_users')
        await send('PUT', '/_users/org.couchdb.user:ann', { name: 'ann', type: 'user', roles: [], password: 'pw' })
        for (const name of ['_replicator', 'a', 'b']) {
          await send('PUT', `/${name}`)
          await send('PUT', `/${name}/_security`, { members: { names: ['ann'] } })
        }
        assert.equal((await send('PUT', '/a/doc', { n: i })).status, 201)
        const answer = await send('POST', '/_replicate', { source: 'a', target: 'b' }, 'ann:pw')
        if (way.socketPath) {
          assert.equal(answer.status, 400)
          assert.match(answer.body.reason, /^source is the name of a database here, and there is no address to ask for it$/)
        } else {
          assert.deepEqual([answer.status, answer.body.ok, answer.body.history?.[0].docs_written], [200, true, 1], JSON.stringify([way, answer]))
          assert.equal((await send('GET', '/b/doc')).body.n, i)
        }
        assert.equal(await other.stop(), 0)
      }
    }
  },
  {
    name: 'several addresses, TLS alone, a Unix socket',
    async run (server) {
      const cert = makeCertificate(server, 'one.example')
      const several = await startBoth(server, ['--listen', '127.0.0.2:0', ...ini(server, '')])
      const ports = places(several).http
      assert.equal(ports.length, 2)
      for (const [i, host] of ['127.0.0.1', '127.0.0.2'].entries()) {
        assert.equal((await fetch(`http://${host}:${ports[i]}/`)).status, 200)
      }
      await several.stop()
      const socketPath = path.join(server.dir, 's.sock')
      const text = `[chttpd]\nunix_socket = ${socketPath}\n`
      const first = await startBoth(server, ini(server, text))
      assert.equal((await ask(first, 'GET', '/_all_dbs', undefined, { socketPath })).status, 200)
      assert.equal(statSync(socketPath).mode & 0o777, 0o660)
      assert.match((await startOther(server, ini(server, text), {}, 'third')).text, /cannot listen on .*s\.sock/)
      first.child.kill('SIGKILL')
      await first.exited
      assert.ok(existsSync(socketPath))
      const second = await startBoth(server, ini(server, text))
      assert.equal((await ask(second, 'GET', '/_up', undefined, { socketPath })).status, 200)
      await second.stop()
      assert.ok(!existsSync(socketPath))
      const args = ini(server, `[chttpd]\nenable = false\n[ssl]\nenable = true\nport = 0\ncert_file = ${cert.cert}\nkey_file = ${cert.key}\n`)
      const alone = await startOther(server, args, {}, 'other', [])
      assert.deepEqual(places(alone).http, [])
      assert.equal((await askTls(places(alone).https[0], 'x', '/')).status, 200)
      await alone.stop()
    }
  }
]
