// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: classes of weaknesses whose tests need time, sockets or sources. Those that are requests and
// answers only are in 90-cve.t.
import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

import { ask, startOther, until } from './operation.mjs'

const sources = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../server')

// Ports that a process listens on, all protocols of TCP.
function listening (pid) {
  const inodes = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try { return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] } catch { return undefined }
  }))
  return ['tcp', 'tcp6'].map((name) => `/proc/${pid}/net/${name}`).filter((file) => existsSync(file))
    .flatMap((file) => readFileSync(file, 'utf8').split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/)).filter((f) => f[3] === '0A' && inodes.has(f[9]))
    .map((f) => parseInt(f[1].split(':')[1], 16))
}

function rawRequest (server, bytes) {
  return new Promise((resolve) => {
    let text = ''
    const socket = net.connect(server.port, '127.0.0.1', () => socket.write(bytes))
    socket.on('data', (data) => { text += data.toString('latin1') })
    socket.on('close', () => resolve(text))
    socket.on('error', () => resolve(text))
  })
}

export const weaknessBehaviours = [
  {
    name: '2010-0009: secrets are compared in one place, in constant time',
    async run () {
      for (const name of ['identify.c', 'jwt.c', 'lockout.c', 'password.c', 'session.c', 'session_http.c', 'tokens.c', 'users.c']) {
        const text = readFileSync(path.join(sources, name), 'utf8').replaceAll('CRYPTO_memcmp', '')
        for (const [line] of text.matchAll(/.*\b(memcmp|strcmp|slice_equal)\(.*/g)) {
          assert.doesNotMatch(line, /mac|derived|sha|secret|token|signature|tags/i, `${name}: ${line}`)
        }
      }
    }
  },
  {
    name: '2010-0009: a name that is not there takes as long as a wrong password',
    ini: [{ section: 'chttpd_auth', setting: 'iterations = 600000' }, { section: 'chttpd_auth_lockout', setting: 'mode = off' }],
    async run (server) {
      await ask(server, 'PUT', '/_users')
      const times = { there: [], missing: [] }
      const least = (list) => Math.min(...list)
      const ratio = () => least(times.there) / least(times.missing)
      // The admin of the tests has a hash of few rounds unless it is made anew: at least not faster by far.
      // The least of many: other work on this machine can only add.
      const close = () => ratio() < 4 && ratio() > 0.25
      for (let i = 0; i < 6 || (i < 30 && !close()); i++) {
        for (const [kind, user] of [['there', 'admin:wrong'], ['missing', `nobody${i}:wrong`]]) {
          const start = process.hrtime.bigint()
          assert.equal((await ask(server, 'GET', '/_session', undefined, { user })).status, 401)
          times[kind].push(Number(process.hrtime.bigint() - start))
        }
      }
      assert.ok(close(), `there / missing = ${ratio()}`)
    }
  },
  {
    name: '2022-24706: one port, no secret that others know, no account',
    async run (server) {
      assert.deepEqual(listening(server.child.pid), [server.port])
      const first = (await ask(server, 'GET', '/_node/_local/_config/chttpd_auth/secret')).body
      assert.match(first, /^"[0-9a-f]{64}"\n$/)
      const other = await startOther(server, ['--log-level', 'error', '--set', 'chttpd_auth/iterations=10'], { COUCHDB_USER: 'a', COUCHDB_PASSWORD: 'b' })
      const second = (await ask(other, 'GET', '/_node/_local/_config/chttpd_auth/secret', undefined, { user: 'a:b' })).body
      assert.notEqual(first, second)
      for (const user of ['admin:admin', 'admin:password', 'admin:', 'root:', 'monster:monster']) {
        assert.equal((await ask(other, 'GET', '/_all_dbs', undefined, { user })).status, 401)
      }
      await other.stop()
    }
  },
  {
    name: '2023-26268, 2023-45725: functions of design documents are given nothing of a visitor',
    async run (server) {
      // There is no engine that shows, lists, updates and rewrites: they are refused, not run.
      await ask(server, 'PUT', '/db')
      const leak = 'function (doc, req) { return { headers: req.headers, cookie: req.cookie } }'
      const ddoc = { shows: { s: leak }, updates: { u: leak }, lists: { l: leak }, filters: { f: leak }, views: { v: { map: leak } } }
      assert.equal((await ask(server, 'PUT', '/db/_design/d', JSON.stringify(ddoc))).status, 201)
      for (const target of ['_show/s', '_list/l/v', '_update/u', '_rewrite/x', '_view/v']) {
        for (const method of ['GET', 'POST']) {
          const answer = await ask(server, method, `/db/_design/d/${target}`, method === 'POST' ? '{}' : undefined, { cookie: 'a=canary' })
          assert.ok(answer.status >= 400, `${method} ${target}: ${answer.status}`)
          assert.doesNotMatch(answer.body + JSON.stringify(answer.headers), /canary|YWRtaW46/)
        }
      }
    }
  },
  {
    name: 'a decompression bomb costs no more than its limit',
    ini: [{ section: 'chttpd', setting: 'max_http_request_size = 10000000' }],
    async run (server) {
      await ask(server, 'PUT', '/db')
      const bomb = gzipSync(Buffer.alloc(256 << 20, 0x20), { level: 9 })
      const answer = await ask(server, 'POST', '/db/_bulk_docs', bomb, { 'content-encoding': 'gzip', 'content-length': bomb.length })
      assert.equal(answer.status, 413)
      const peak = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1])
      assert.ok(peak < 700000, `${peak} kB`)
      // One that is stored compressed comes back by pieces.
      await ask(server, 'PUT', '/db/a/b', gzipSync(Buffer.alloc(64 << 20)), { 'content-encoding': 'gzip', 'content-type': 'text/plain' })
      assert.equal((await ask(server, 'GET', '/_up')).status, 200)
    }
  },
  {
    name: 'many members, and deep ones, cost what they are long',
    async run (server) {
      await ask(server, 'PUT', '/db')
      const members = (n) => JSON.stringify(Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, i])))
      const time = async (n, round) => {
        const body = members(n)
        const start = Date.now()
        assert.equal((await ask(server, 'PUT', `/db/m${n}-${round}`, body)).status, 201)
        return Date.now() - start + 5
      }
      await time(1000, 0)
      // The least of several: other work on this machine can only add.
      let [small, large] = [Infinity, Infinity]
      for (let i = 0; i < 3 || (i < 12 && large >= small * 40); i++) {
        small = Math.min(small, await time(20000, i))
        large = Math.min(large, await time(160000, i))
      }
      assert.ok(large < small * 40, `20000 members: ${small} ms, 160000: ${large} ms`)
      const deep = '['.repeat(200000) + ']'.repeat(200000)
      assert.equal((await ask(server, 'PUT', '/db/deep', `{"a":${deep}}`)).status, 400)
      const colliding = Array.from({ length: 300 }, (_, i) => `p${i}=1`).join('&')
      assert.ok((await ask(server, 'GET', `/db/_all_docs?${colliding}`)).status >= 400)
    }
  },
  {
    name: 'nobody writes a line of the log but the server',
    async run (server) {
      server.logLevel = 'notice'
      await server.stop()
      await server.start()
      const evil = '[error] forged'
      await rawRequest(server, `GET /a%0a${encodeURIComponent(evil)} HTTP/1.1\r\nHost: x\x01${evil}\r\nConnection: close\r\n\r\n`)
      await rawRequest(server, `GET /b HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ${Buffer.from(`u\n${evil}:p`).toString('base64')}\r\nConnection: close\r\n\r\n`)
      await rawRequest(server, `GET /c HTTP/1.1\r\nHost: x\r\nX-Couch-Request-ID: i\t${evil}\r\nConnection: close\r\n\r\n`)
      await ask(server, 'GET', '/_up')
      await until('the log has the last', () => server.errors.includes('/_up'))
      for (const line of server.errors.trim().split('\n')) assert.match(line, /^\[notice\] \d{4}-/)
    }
  },
  {
    name: 'a server is made to contact others by admins and role _replicator only',
    async run (server) {
      await ask(server, 'PUT', '/_users')
      await ask(server, 'PUT', '/_users/org.couchdb.user:jan', '{"name":"jan","type":"user","roles":[],"password":"apple"}')
      const wanted = JSON.stringify({ source: 'http://169.254.169.254/latest', target: 'db', create_target: true })
      for (const user of [null, 'jan:apple']) {
        const answer = await ask(server, 'POST', '/_replicate', wanted, { user })
        assert.ok([401, 403].includes(answer.status), `${user}: ${answer.status}`)
      }
      for (const source of ['file:///etc/passwd', 'gopher://127.0.0.1/', 'ftp://127.0.0.1/x']) {
        const answer = await ask(server, 'POST', '/_replicate', JSON.stringify({ source, target: 'db' }))
        assert.ok(answer.status >= 400 && answer.status < 600, `${source}: ${answer.status}`)
        assert.doesNotMatch(answer.body, /root:/)
      }
    }
  }
]
