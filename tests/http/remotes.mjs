// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: where replications may connect to, and whom they trust: private addresses, schemes of ends and
// proxies, certificates of servers and of https proxies.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { Server } from './server.mjs'

const AUTH = 'Basic ' + Buffer.from('admin:secret').toString('base64')

async function ask (server, method, target, body) {
  const answer = await fetch(`http://127.0.0.1:${server.port}${target}`,
    { method, headers: { authorization: AUTH, 'content-type': 'application/json' }, body: body && JSON.stringify(body) })
  return { status: answer.status, body: await answer.json() }
}

async function withServer (program, settings, run) {
  const server = new Server(program, settings.map((setting) => ({ section: 'replicator', setting })))
  try {
    await server.start()
    await ask(server, 'PUT', '/from')
    await ask(server, 'PUT', '/from/a', { n: 1 })
    await run(server)
    assert.equal(await server.stop(), 0)
  } finally {
    server.child?.kill('SIGKILL')
    server.remove()
  }
}

const close = (server) => { server.closeAllConnections?.(); server.close() }
const listen = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)))
const job = (source, more) => ({ source, target: 'to', create_target: true, retries_per_request: 0, connection_timeout: 15000, ...more })
const self = (server) => `http://admin:secret@127.0.0.1:${server.port}/from`

async function privateAddresses ({ program }) {
  const visits = []
  const inside = http.createServer((req, res) => { visits.push(req.url); res.end('{}') })
  const port = await listen(inside)
  try {
    await withServer(program, ['allow_private_addresses = false'], async (server) => {
      // By address, by name (looked at once it is resolved), and through a proxy inside.
      for (const source of [`http://127.0.0.1:${port}/x`, `http://localhost:${port}/x`, `http://127.1:${port}/x`,
        `http://0x7f000001:${port}/x`, `http://[::ffff:127.0.0.1]:${port}/x`]) {
        const { body } = await ask(server, 'POST', '/_replicate', job(source))
        assert.equal(body.error, 'conn_failed', `${source}: ${JSON.stringify(body)}`)
      }
      const { body } = await ask(server, 'POST', '/_replicate', job('http://192.0.2.1/x', { proxy: `http://127.0.0.1:${port}` }))
      assert.ok(['conn_failed', 'req_failed'].includes(body.error), JSON.stringify(body))
      assert.deepEqual(visits, [])
      // Its own databases, by name and by its own address.
      assert.equal((await ask(server, 'POST', '/_replicate', job('from'))).status, 200)
      const own = await ask(server, 'POST', '/_replicate', { source: self(server), target: `http://admin:secret@127.0.0.1:${server.port}/to2`, create_target: true })
      assert.equal(own.status, 200, JSON.stringify(own.body))
      // It is not for HTTP to change.
      const put = await ask(server, 'PUT', '/_node/_local/_config/replicator/allow_private_addresses', 'true')
      assert.equal(put.status, 403, JSON.stringify(put.body))
    })
    // As CouchDB: allowed.
    await withServer(program, [], async (server) => {
      await ask(server, 'POST', '/_replicate', job(`http://127.0.0.1:${port}/x`))
      assert.ok(visits.length > 0)
    })
  } finally { close(inside) }
}

async function schemes ({ program }) {
  await withServer(program, ['valid_endpoint_protocols = https', 'valid_proxy_protocols = socks5'], async (server) => {
    const plain = await ask(server, 'POST', '/_replicate', job('http://127.0.0.1:1/x', { target: 'https://127.0.0.1:1/y' }))
    assert.equal(plain.status, 400)
    assert.deepEqual(plain.body, { error: 'invalid_replication', reason: 'endpoint has an invalid url' })
    const proxy = await ask(server, 'POST', '/_replicate', { source: 'https://127.0.0.1:1/x', target: 'https://127.0.0.1:1/y', proxy: 'http://127.0.0.1:1' })
    assert.equal(proxy.status, 400)
    assert.deepEqual(proxy.body, { error: 'bad_request', reason: 'Invalid proxy url' })
    await ask(server, 'PUT', '/_replicator')
    const doc = await ask(server, 'PUT', '/_replicator/x', { source: 'http://127.0.0.1:1/x', target: 'https://127.0.0.1:1/y' })
    assert.deepEqual([doc.status, doc.body.error], [403, 'forbidden'], JSON.stringify(doc.body))
  })
}

// A source of one document, over TLS; and a proxy that is spoken to over TLS, for http and for CONNECT.
function source (tls) {
  return https.createServer(tls, (req, res) => {
    req.resume()
    const path = req.url.split('?')[0]
    const answers = {
      '/db/': { update_seq: 1, instance_start_time: '0' },
      '/db/_changes': { results: [{ seq: 1, id: 'x', changes: [{ rev: '1-a' }] }], last_seq: 1 },
      '/db/_bulk_get': { results: [{ id: 'x', docs: [{ ok: { _id: 'x', _rev: '1-a', _revisions: { start: 1, ids: ['a'] } } }] }] },
      '/db/_ensure_full_commit': { ok: true, instance_start_time: '0' }
    }
    const put = path.startsWith('/db/_local') && req.method === 'PUT'
    const answer = put ? { ok: true, id: 'x', rev: '0-1' } : answers[path]
    res.writeHead(answer ? (put || path.endsWith('commit') ? 201 : 200) : 404, { 'content-type': 'application/json' })
    res.end(JSON.stringify(answer ?? { error: 'not_found' }))
  })
}

function proxyOverTls (tls, notes) {
  const server = https.createServer(tls, (req, res) => {
    notes.push(`${req.method} ${req.headers['proxy-authorization'] ?? ''}`)
    const onward = http.request(req.url, { method: req.method, headers: req.headers }, (answer) => {
      res.writeHead(answer.statusCode, answer.headers)
      answer.pipe(res)
    })
    onward.on('error', () => res.destroy())
    req.pipe(onward)
  })
  server.on('connect', (req, socket) => {
    notes.push(`CONNECT ${req.url}`)
    const [host, port] = req.url.split(':')
    const onward = net.connect(Number(port), host, () => { socket.write('HTTP/1.1 200 OK\r\n\r\n'); onward.pipe(socket); socket.pipe(onward) })
    onward.on('error', () => socket.destroy())
    socket.on('error', () => onward.destroy())
  })
  return server
}

async function certificates ({ program }) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'tuffet-remotes-'))
  const cert = path.join(dir, 'cert.pem')
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', path.join(dir, 'key.pem'), '-out', cert], { stdio: 'ignore' })
  const tls = { key: readFileSync(path.join(dir, 'key.pem')), cert: readFileSync(cert) }
  const notes = []
  const secure = source(tls)
  const proxy = proxyOverTls(tls, notes)
  const url = `https://127.0.0.1:${await listen(secure)}/db`
  const proxyUrl = `https://pu:pp@127.0.0.1:${await listen(proxy)}`
  const wrote = ({ body }) => assert.equal(body.history?.[0].docs_written, 1, JSON.stringify(body))
  try {
    await withServer(program, [], async (server) => { // nobody vouches for it
      const { body } = await ask(server, 'POST', '/_replicate', job(url))
      assert.match(`${body.error} ${body.reason}`, /req_failed.*(certificate|SSL)/, JSON.stringify(body))
      const proxied = await ask(server, 'POST', '/_replicate', job(self(server), { source_proxy: proxyUrl }))
      assert.match(`${proxied.body.error} ${proxied.body.reason}`, /req_failed.*(certificate|SSL)/, JSON.stringify(proxied.body))
      assert.deepEqual(notes, [])
    })
    await withServer(program, [`ssl_trusted_certificates_file = ${cert}`], async (server) => {
      wrote(await ask(server, 'POST', '/_replicate', job(url)))
      // Another name than the certificate's.
      const { body } = await ask(server, 'POST', '/_replicate', job(url.replace('127.0.0.1', 'localhost'), { target: 'other' }))
      assert.match(`${body.error} ${body.reason}`, /req_failed/, JSON.stringify(body))
      // Plain http by an https proxy, and https by it.
      wrote(await ask(server, 'POST', '/_replicate', job(self(server), { target: 'to3', source_proxy: proxyUrl })))
      assert.ok(notes.length > 0 && notes.every((note) => note.endsWith('Basic cHU6cHA=')), notes.join(', '))
      notes.length = 0
      wrote(await ask(server, 'POST', '/_replicate', job(url, { target: 'to4', source_proxy: proxyUrl })))
      assert.ok(notes.length > 0 && notes.every((note) => note.startsWith('CONNECT 127.0.0.1:')), notes.join(', '))
    })
    await withServer(program, ['verify_ssl_certificates = false'], async (server) => {
      wrote(await ask(server, 'POST', '/_replicate', job(url)))
    })
  } finally {
    close(secure)
    close(proxy)
    rmSync(dir, { recursive: true, force: true })
  }
}

export const remotesBehaviours = [
  { name: 'remotes: private addresses may be closed to replications', run: privateAddresses },
  { name: 'remotes: only schemes that are allowed', run: schemes },
  { name: 'remotes: certificates of servers and of https proxies are verified', run: certificates }
]
