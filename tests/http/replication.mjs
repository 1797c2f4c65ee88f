// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: replication with remotes that are broken or mean: it must end in time, in bounded memory,
// with an error, and the local database must stay sound and go on working.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { gzipSync } from 'node:zlib'

const AUTH = 'Basic ' + Buffer.from('admin:secret').toString('base64')
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

async function ask (server, method, target, body) {
  const answer = await fetch(`http://127.0.0.1:${server.port}${target}`,
    { method, headers: { authorization: AUTH, accept: 'application/json', 'content-type': 'application/json' }, body })
  return { status: answer.status, body: await answer.json() }
}

const json = (res, status, value) => {
  res.writeHead(status, { 'content-type': 'application/json' })
  res.end(typeof value === 'string' ? value : JSON.stringify(value))
}
const DOC = { _id: 'x', _rev: '1-a', _revisions: { start: 1, ids: ['a'] } }
const ATT = { ...DOC, _attachments: { f: { content_type: 'a/b', revpos: 1, digest: 'md5-1B2M2Y8AsgTpgAmY7PhCfg==', length: 1000, stub: true } } }

// A well-behaved source of one document; each scenario replaces some answers.
const honest = {
  'GET /': (res) => json(res, 200, { couchdb: 'Welcome' }),
  'GET /db/': (res) => json(res, 200, { update_seq: 1, instance_start_time: '0' }),
  'GET /db/_local': (res) => json(res, 404, { error: 'not_found' }),
  'PUT /db/_local': (res) => json(res, 201, { ok: true, id: 'x', rev: '0-1' }),
  'GET /db/_changes': (res) => json(res, 200, { results: [{ seq: 1, id: 'x', changes: [{ rev: '1-a' }] }], last_seq: 1 }),
  'POST /db/_bulk_get': (res) => json(res, 200, { results: [{ id: 'x', docs: [{ ok: DOC }] }] }),
  'POST /db/_ensure_full_commit': (res) => json(res, 201, { ok: true, instance_start_time: '0' }),
  'GET /db/x': (res) => json(res, 200, DOC),
  'GET /db/x/f': (res) => res.end(Buffer.alloc(1000))
}

function endless (res, piece, status = 200) {
  res.writeHead(status, { 'content-type': 'application/json' })
  const push = () => { while (!res.destroyed && res.write(piece)); }
  res.on('drain', push)
  push()
}

function drip (res, text) {
  res.writeHead(200, { 'content-type': 'application/json' })
  const timer = setInterval(() => res.write(text), 100)
  res.on('close', () => clearInterval(timer))
}

function redirect (res, status, location) {
  res.writeHead(status, { location })
  res.end()
}

function zipped (res, value) {
  res.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'application/json' })
  res.end(gzipSync(JSON.stringify(value)))
}

// 64 MiB of blanks; made before, because the replication does not wait for long.
const bomb = gzipSync(Buffer.alloc(1 << 26, ' '), { level: 1 })

const withAtt = {
  'POST /db/_bulk_get': (res) => json(res, 200, { results: [{ id: 'x', docs: [{ ok: ATT }] }] }),
  'GET /db/x': (res) => json(res, 200, ATT)
}

// name, answers, what must be the outcome: an error, 'failure' (counted), or 'written'
const scenarios = [
  ['an honest source', {}, 'written'],
  ['an honest source with an attachment without a right digest', withAtt, 'failure'],
  ['no _bulk_get', { 'POST /db/_bulk_get': (res) => json(res, 404, { error: 'not_found' }) }, 'written'],
  ['500 twice', (() => {
    let count = 0
    return { 'GET /db/_changes': (res) => count++ < 2 ? json(res, 500, {}) : honest['GET /db/_changes'](res) }
  })(), 'written'],
  ['the database is a web page', { 'GET /db/': (res) => res.end('<html>') }, 'db_not_found'],
  ['a redirect to another server', { 'GET /db/': (res) => redirect(res, 302, 'http://127.0.0.1:1/') }, 'redirect_refused'],
  ['a redirect to a file', { 'GET /db/': (res) => redirect(res, 302, 'file:///etc/passwd') }, 'redirect_refused'],
  ['a redirect to another scheme', { 'GET /db/_changes': (res, req) => redirect(res, 301, `https://${req.headers.host}/db/_changes`) }, 'redirect_refused'],
  ['redirects inside the server', {
    'GET /db/': (res) => redirect(res, 301, '/db2/?x=1'),
    'GET /db2/': (res, req) => redirect(res, 307, `http://${req.headers.host}/db3/`),
    'GET /db3/': (res) => honest['GET /db/'](res),
    'POST /db/_bulk_get': (res) => redirect(res, 308, '/db2/_bulk_get'),
    'POST /db2/_bulk_get': (res) => honest['POST /db/_bulk_get'](res)
  }, 'written'],
  ['redirects without end', { 'GET /db/': (res) => redirect(res, 302, '/db/') }, 'redirect_refused'],
  ['401 for ever', { 'GET /db/_changes': (res) => json(res, 401, { error: 'unauthorized' }) }, 'unauthorized'],
  ['403 for ever', { 'GET /db/_changes': (res) => json(res, 403, { error: 'forbidden' }) }, 'forbidden'],
  ['429 for ever', { 'GET /db/_changes': (res) => json(res, 429, { error: 'too_many' }) }, 'changes_req_failed'],
  ['429 with a pause', (() => {
    let begin = 0
    return {
      'GET /db/_changes': (res) => {
        // It would come after 250 ms by itself. What is measured is too short by what this process was late
        // the first time.
        begin ||= Date.now()
        if (Date.now() - begin > 1500) return honest['GET /db/_changes'](res)
        res.writeHead(429, { 'retry-after': '3' })
        res.end()
      }
    }
  })(), 'written'],
  ['503 for ever', { 'POST /db/_bulk_get': (res) => json(res, 503, { error: 'unavailable' }) }, 'bulk_get_failed'],
  ['connections reset', { 'GET /db/_changes': (res) => res.socket.resetAndDestroy() }, 'req_failed'],
  ['a connection reset in the middle', { 'POST /db/_bulk_get': (res) => { res.writeHead(200, { 'content-length': 1000 }); res.write('{"results":['); setTimeout(() => res.socket.resetAndDestroy(), 20) } }, 'req_failed'],
  ['answers in gzip', {
    'GET /db/_changes': (res) => zipped(res, { results: [{ seq: 1, id: 'x', changes: [{ rev: '1-a' }] }], last_seq: 1 }),
    'POST /db/_bulk_get': (res) => zipped(res, { results: [{ id: 'x', docs: [{ ok: DOC }] }] })
  }, 'written'],
  ['a gzip bomb', { 'GET /db/_changes': (res) => { res.writeHead(200, { 'content-encoding': 'gzip' }); res.end(bomb) } }, 'answer_too_large'],
  ['gzip that is none', { 'GET /db/_changes': (res) => { res.writeHead(200, { 'content-encoding': 'gzip' }); res.end('hello') } }, 'req_failed'],
  ['a filter that does not exist', {}, 'filter_fetch_error', { filter: 'd/f' }],
  ['a filter that the source refuses', {
    'GET /db/_design/d': (res) => json(res, 200, { _id: '_design/d', filters: { f: 'function () {}' } }),
    'GET /db/_changes': (res) => json(res, 400, { error: 'x', reason: 'no such view' })
  }, 'changes_req_failed', { filter: 'd/f' }],
  ['endless information', { 'GET /db/': (res) => endless(res, 'x'.repeat(65536)) }, 'db_not_found'],
  ['no JSON in _changes', { 'GET /db/_changes': (res) => json(res, 200, '{"results":[{') }, 'invalid_answer'],
  ['rows without a meaning', { 'GET /db/_changes': (res) => json(res, 200, { results: [{ seq: 1, id: 7 }], last_seq: 1 }) }, 'invalid_answer'],
  ['rows nested deeply', { 'GET /db/_changes': (res) => json(res, 200, '['.repeat(1000000)) }, 'invalid_answer'],
  ['_changes cut off', { 'GET /db/_changes': (res) => { res.writeHead(200, { 'content-length': 1000 }); res.write('{"results":['); setTimeout(() => res.destroy(), 20) } }, 'req_failed'],
  ['endless _changes', { 'GET /db/_changes': (res) => endless(res, '{"results":[' + ' '.repeat(65536)) }, 'answer_too_large'],
  ['a great many rows of nothing', { 'GET /db/_changes': (res) => json(res, 200, '{"last_seq":1,"results":[{}' + ',{}'.repeat(1300000) + ']}') }, 'invalid_answer'],
  ['a great many changes of one document', { 'GET /db/_changes': (res) => json(res, 200, '{"last_seq":1,"results":[{"seq":1,"id":"x","changes":[{"rev":"1-a"}' + ',{"rev":"1-a"}'.repeat(290000) + ']}]}') }, 'bulk_get_failed'],
  ['a great many values beside the rows', { 'GET /db/_changes': (res) => json(res, 200, '{"x":[{}' + ',{}'.repeat(1300000) + '],"results":[],"last_seq":1}') }, 'nothing'],
  ['a sequence of a great many values', { 'GET /db/_changes': (res) => json(res, 200, '{"last_seq":[{}' + ',{}'.repeat(1300000) + '],"results":[]}') }, 'invalid_answer'],
  ['a checkpoint of a great many values', { 'GET /db/_local': (res) => json(res, 200, '{"history":[{}' + ',{}'.repeat(170000) + ']}') }, 'written'],
  ['a checkpoint without end', { 'GET /db/_local': (res) => endless(res, ' '.repeat(65536)) }, 'answer_too_large'],
  ['a great many attachments', {
    'POST /db/_bulk_get': (res) => json(res, 200, '{"results":[{"id":"x","docs":[{"ok":' + JSON.stringify(DOC).slice(0, -1) + ',"_attachments":{"a":{}' + Array.from({ length: 600000 }, (_, i) => `,"${i}":{}`).join('') + '}}}]}]}'),
    'GET /db/x': (res) => json(res, 200, JSON.stringify(DOC).slice(0, -1) + ',"_attachments":{"a":{}' + Array.from({ length: 600000 }, (_, i) => `,"${i}":{}`).join('') + '}}')
  }, 'failure'],
  ['an attachment of a great many values', {
    'POST /db/_bulk_get': (res) => json(res, 200, { results: [{ id: 'x', docs: [{ ok: ATT }] }] }),
    'GET /db/x': (res) => json(res, 200, JSON.stringify(DOC).slice(0, -1) + ',"_attachments":{"a":{"x":[{}' + ',{}'.repeat(2500000) + ']}}}')
  }, 'failure'],
  ['silence', { 'GET /db/_changes': () => {} }, 'timeout'],
  ['a slow drip', { 'GET /db/_changes': (res) => drip(res, ' ') }, 'timeout'],
  ['a checkpoint that is none', { 'GET /db/_local': (res) => json(res, 200, { session_id: 5, history: { a: 1 } }) }, 'written'],
  ['a checkpoint that cannot be written', { 'PUT /db/_local': (res) => json(res, 403, { error: 'forbidden' }) }, 'checkpoint_commit_failure'],
  ['a database that was created anew meanwhile', {
    'GET /db/': (res) => json(res, 200, { update_seq: 1, instance_start_time: '1' }),
    'POST /db/_ensure_full_commit': (res) => json(res, 201, { ok: true, instance_start_time: '2' })
  }, 'checkpoint_commit_failure'],
  ['another document than was asked for', { 'POST /db/_bulk_get': (res) => json(res, 200, { results: [{ id: 'x', docs: [{ ok: { ...DOC, _id: 'y' } }] }] }), 'GET /db/x': (res) => json(res, 200, { ...DOC, _id: 'y' }) }, 'failure'],
  ['a document without history', { 'POST /db/_bulk_get': (res) => json(res, 200, { results: [{ id: 'x', docs: [{ ok: { _id: 'x', _rev: '1-a' } }] }] }), 'GET /db/x': (res) => json(res, 200, { _id: 'x', _rev: '1-a' }) }, 'failure'],
  ['revisions that do not match', { 'POST /db/_bulk_get': (res) => json(res, 200, { results: [{ id: 'x', docs: [{ ok: { ...DOC, _revisions: { start: -5, ids: [3] } } }] }] }) }, 'failure'],
  ['more results than were asked for', { 'POST /db/_bulk_get': (res) => json(res, 200, { results: [{ id: 'x', docs: [{ ok: DOC }] }, { id: 'y', docs: [{ ok: DOC }] }] }) }, 'bulk_get_failed'],
  ['fewer results than were asked for', { 'POST /db/_bulk_get': (res) => json(res, 200, { results: [] }) }, 'bulk_get_failed'],
  ['_bulk_get is endless', { 'POST /db/_bulk_get': (res) => endless(res, ' '.repeat(65536)) }, 'written'],
  ['everything is endless', { 'POST /db/_bulk_get': (res) => endless(res, ' '.repeat(65536)), 'GET /db/x': (res) => endless(res, ' '.repeat(65536)) }, 'failure'],
  ['an attachment is missing', { ...withAtt, 'GET /db/x/f': (res) => json(res, 404, { error: 'not_found' }) }, 'failure'],
  ['an attachment is too short', { ...withAtt, 'GET /db/x/f': (res) => res.end(Buffer.alloc(10)) }, 'failure'],
  ['an attachment is cut off', { ...withAtt, 'GET /db/x/f': (res) => { res.writeHead(200, { 'content-length': 1000 }); res.write('abc'); setTimeout(() => res.destroy(), 20) } }, 'req_failed'],
  ['an attachment is endless', { ...withAtt, 'GET /db/x/f': (res) => endless(res, Buffer.alloc(65536)) }, 'failure'],
  ['an attachment drips', { ...withAtt, 'GET /db/x/f': (res) => drip(res, 'x') }, 'timeout'],
  ['an attachment of 100 GB is promised', {
    'POST /db/_bulk_get': (res) => json(res, 200, { results: [{ id: 'x', docs: [{ ok: ATT }] }] }),
    'GET /db/x': (res) => json(res, 200, { ...ATT, _attachments: { f: { content_type: 'a/b', revpos: 1, length: 1e11, stub: true } } })
  }, 'failure'],
  ['attachments make no sense', {
    'POST /db/_bulk_get': (res) => json(res, 200, { results: [{ id: 'x', docs: [{ ok: { ...DOC, _attachments: { f: 1 } } }] }] }),
    'GET /db/x': (res) => json(res, 200, { ...DOC, _attachments: { f: { length: -1 } } })
  }, 'failure']
]

async function remote (answers) {
  const server = http.createServer((req, res) => {
    req.resume()
    const path = req.url.split('?')[0]
    const key = `${req.method} ${path.startsWith('/db/_local') ? '/db/_local' : path}`
    const answer = answers[key] ?? honest[key]
    res.on('error', () => {})
    if (answer) answer(res, req)
    else json(res, 404, { error: 'not_found' })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

// Sanitizers keep what is freed for a while, and watch each byte.
const MEMORY_MAX_KIB = process.env.TUFFET_SANITIZED || /[/](san|tsan|build-san)[/]/.test(process.argv.join(' ')) ? 600 * 1024 : 100 * 1024

// The most memory since the last reset, of which there was so much at rest.
const peakKib = (server) =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${server.child.pid}/status`, 'latin1'))[1])
const resetPeak = (server) => { writeFileSync(`/proc/${server.child.pid}/clear_refs`, '5'); return peakKib(server) }

// Which document it was that could not be brought over, and why. What is logged comes through a pipe.
async function tellsWhich (server, told, why) {
  const lines = () => server.errors.slice(told).split('\n').filter((line) => /replication \S+ \(\S*\): document \S+, revision \S+: /.test(line))
  for (const end = Date.now() + 20000; Date.now() < end && !lines().some((line) => why.test(line));) await sleep(20)
  assert.ok(lines().some((line) => why.test(line)), `${why}: ${lines().join('\n')}`)
}

async function runScenario (server, pos) {
  const [name, answers, outcome, more] = scenarios[pos]
  const source = await remote(answers)
  const before = resetPeak(server)
  const told = server.errors.length
  const begin = Date.now()
  try {
    const { status, body } = await ask(server, 'POST', '/_replicate', JSON.stringify({
      source: `http://127.0.0.1:${source.address().port}/db`, target: `t${pos}`, create_target: true,
      // Only a remote that is to time out may do so: this process is the remote, and may be late.
      connection_timeout: outcome === 'timeout' ? 800 : 15000, retries_per_request: name === '500 twice' ? 2 : 1, ...more
    }))
    const text = `${name}: ${status} ${JSON.stringify(body)}`
    if (outcome === 'written') assert.equal(body.history?.[0].docs_written, 1, text)
    else if (outcome === 'nothing') assert.equal(body.history?.[0].docs_written, 0, text)
    else if (outcome === 'failure') assert.equal(body.history?.[0].doc_write_failures, 1, text)
    else assert.equal(body.error, outcome, text)
    if (outcome === 'failure') await tellsWhich(server, told, name === 'everything is endless' ? /: http:\S+ answers with more than 33554432 bytes/ : /: \S/)
    const doc = await ask(server, 'GET', `/t${pos}/x`)
    assert.equal(doc.status, outcome === 'written' || outcome === 'checkpoint_commit_failure' ? 200 : 404, text)
    assert.equal((await ask(server, 'PUT', `/t${pos}/mine`, '{}')).status, 201, text)
  } finally {
    source.closeAllConnections()
    source.close()
  }
  assert.ok(Date.now() - begin < 120000, `${name} took ${Date.now() - begin} ms`)
  if (process.env.SHOW_PEAK) console.log(`${Math.round((peakKib(server) - before) / 1024)} MiB: ${name}`)
  assert.ok(peakKib(server) - before < MEMORY_MAX_KIB, `${name} took ${peakKib(server) - before} KiB`)
}

// Runs a replication from a scripted source into a new database.
async function pull (server, source, target, more) {
  const url = `http://127.0.0.1:${source.address().port}/db`
  return ask(server, 'POST', '/_replicate', JSON.stringify({
    source: { url, auth: { basic: { username: 'joe', password: 'pass word&' } } }, target,
    create_target: true, connection_timeout: 15000, retries_per_request: 1, ...more
  }))
}

function closeAll (...servers) {
  for (const server of servers) {
    server.closeAllConnections?.()
    server.close()
  }
}

// A source that knows its visitors. Notes every request: method, path and how it was signed.
async function guarded (notes, login, accepts) {
  const server = http.createServer((req, res) => {
    const parts = []
    req.on('data', (part) => parts.push(part))
    req.on('end', () => {
      const path = req.url.split('?')[0]
      const signed = req.headers.cookie ?? req.headers.authorization?.split(' ')[0] ?? 'nobody'
      notes.push(`${req.method} ${path} ${signed}`)
      if (path === '/_session') return login(res, Buffer.concat(parts).toString())
      if (!accepts(req)) return json(res, 401, { error: 'unauthorized' })
      const answer = honest[`${req.method} ${path.startsWith('/db/_local') ? '/db/_local' : path}`]
      if (answer) answer(res, req)
      else json(res, 404, { error: 'not_found' })
    })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

async function sessionIsUsed (server) {
  const notes = []
  let count = 0
  const source = await guarded(notes, (res, body) => {
    assert.equal(body, 'name=joe&password=pass%20word%26')
    res.writeHead(200, { 'set-cookie': `AuthSession=c${++count}; Version=1; Path=/; HttpOnly` })
    res.end('{"ok":true}')
  }, (req) => req.headers.cookie === `AuthSession=c${count}` && req.headers.authorization === undefined)
  try {
    const { body } = await pull(server, source, 'session1')
    assert.equal(body.history?.[0].docs_written, 1, JSON.stringify(body))
    assert.equal(count, 1, notes.join(', '))
    assert.ok(notes.slice(1).every((note) => note.endsWith('AuthSession=c1') || note.startsWith('POST /_session')), notes.join(', '))
  } finally { closeAll(source) }
}

async function sessionIsRenewed (server) {
  const notes = []
  let count = 0
  let late = 0
  const source = await guarded(notes, (res) => {
    res.writeHead(200, { 'set-cookie': `AuthSession=c${++count}; Max-Age=600` })
    res.end('{"ok":true}')
  }, (req) => {
    if (!req.url.includes('_changes')) return true
    if (late++ === 0) { const end = Date.now() + 1200; while (Date.now() < end); }
    return req.headers.cookie === 'AuthSession=c2'
  })
  try {
    const { body } = await pull(server, source, 'session2')
    assert.equal(body.history?.[0].docs_written, 1, JSON.stringify(body))
    assert.equal(count, 2, notes.join(', '))
  } finally { closeAll(source) }
}

async function noSessionNoCookie (server) {
  const notes = []
  const source = await guarded(notes, (res) => json(res, 404, { error: 'not_found' }),
    (req) => req.headers.authorization === 'Basic ' + Buffer.from('joe:pass word&').toString('base64'))
  try {
    const { body } = await pull(server, source, 'session3')
    assert.equal(body.history?.[0].docs_written, 1, JSON.stringify(body))
    assert.equal(notes.filter((note) => note.includes('_session')).length, 1, notes.join(', '))
  } finally { closeAll(source) }
}

async function wrongPasswordIsSentOnce (server) {
  const notes = []
  const source = await guarded(notes, (res) => json(res, 401, { error: 'unauthorized' }), () => false)
  try {
    const { status, body } = await pull(server, source, 'session4')
    assert.equal(status, 401, JSON.stringify(body))
    assert.equal(body.error, 'unauthorized')
    assert.deepEqual(notes, ['POST /_session nobody'])
    assert.ok(!JSON.stringify(body).includes('pass word'))
  } finally { closeAll(source) }
}

async function credentialsStayAtHome (server) {
  const notes = []
  const other = await guarded(notes, (res) => json(res, 404, {}), () => true)
  const source = await remote({
    'POST /_session': (res) => json(res, 404, {}),
    'GET /db/': (res) => redirect(res, 302, `http://127.0.0.1:${other.address().port}/db/`)
  })
  try {
    const { body } = await pull(server, source, 'session5')
    assert.equal(body.error, 'redirect_refused', JSON.stringify(body))
    assert.deepEqual(notes, [])
  } finally { closeAll(source, other) }
}

// A proxy for plain http that notes what passes.
async function httpProxy (notes) {
  const server = http.createServer((req, res) => {
    notes.push(`${req.method} ${new URL(req.url).pathname} ${req.headers['proxy-authorization'] ?? ''}`)
    const onward = http.request(req.url, { method: req.method, headers: req.headers }, (answer) => {
      res.writeHead(answer.statusCode, answer.headers)
      answer.pipe(res)
    })
    onward.on('error', () => res.destroy())
    req.pipe(onward)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

// A SOCKS 5 proxy (RFC 1928) for IPv4 addresses, without authentication.
async function socksProxy (notes) {
  const server = net.createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.write(Buffer.from([5, 0]))
      socket.once('data', (request) => {
        const port = request.readUInt16BE(8)
        notes.push(`${[...request.subarray(4, 8)].join('.')}:${port}`)
        const onward = net.connect(port, '127.0.0.1', () => {
          socket.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]))
          socket.pipe(onward).pipe(socket)
        })
        onward.on('error', () => socket.destroy())
      })
    })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

async function throughProxies (server) {
  const source = await remote({})
  for (const [kind, make, scheme] of [['h', httpProxy, 'http://pu:pp@'], ['s', socksProxy, 'socks5://']]) {
    const notes = []
    const proxy = await make(notes)
    try {
      const { body } = await pull(server, source, `proxied-${kind}`, { source_proxy: `${scheme}127.0.0.1:${proxy.address().port}` })
      assert.equal(body.history?.[0].docs_written, 1, JSON.stringify(body))
      assert.ok(notes.length > 0, 'nothing went through the proxy')
      if (kind === 'h') assert.ok(notes.every((note) => note.endsWith('Basic cHU6cHA=')), notes.join(', '))
      else assert.ok(notes.every((note) => note === `127.0.0.1:${source.address().port}`), notes.join(', '))
    } finally { closeAll(proxy) }
  }
  // What must not be connected to must not be reached through a proxy either.
  const notes = []
  const proxy = await httpProxy(notes)
  const { body } = await ask(server, 'POST', '/_replicate', JSON.stringify({
    source: 'http://169.254.169.254/latest', target: 'never', create_target: true, retries_per_request: 0,
    proxy: `http://127.0.0.1:${proxy.address().port}`
  }))
  assert.equal(body.error, 'conn_failed', JSON.stringify(body))
  assert.deepEqual(notes, [])
  closeAll(source, proxy)
}

// Of documents the target has an earlier revision of: new bytes, kept ones, in several documents at once.
async function changedAttachments (server) {
  const att = (text) => ({ content_type: 'image/png', data: Buffer.from(text).toString('base64') })
  const url = (name) => `http://admin:secret@127.0.0.1:${server.port}/${name}`
  const replicate = async (name) => {
    await ask(server, 'PUT', `/_replicator/${name}`, JSON.stringify({ source: url('atts'), target: url('atts-copy') }))
    for (const end = Date.now() + 120000; Date.now() < end; await sleep(20)) {
      const { body } = await ask(server, 'GET', `/_scheduler/docs/_replicator/${name}`)
      if (body.state === 'completed') return body.info
    }
    assert.fail('it does not end')
  }
  for (const name of ['atts', 'atts-copy', '_replicator']) await ask(server, 'PUT', `/${name}`)
  const revs = new Map()
  const write = async (round) => {
    for (let i = 0; i < 5; i++) {
      const _attachments = round === 0 ? { a: att(`first ${i}`), b: att(`kept ${i}`) }
        : { a: att(`${round} ${i} ${'x'.repeat(i * 40000)}`), b: { content_type: 'image/png', stub: true, revpos: 1 } }
      const { body } = await ask(server, 'PUT', `/atts/d${i}`, JSON.stringify({ _rev: revs.get(i), _attachments }))
      revs.set(i, body.rev)
    }
  }
  for (let round = 0; round < 3; round++) {
    await write(round)
    const info = await replicate(`job${round}`)
    assert.deepEqual([info.doc_write_failures, info.docs_written], [0, 5 * (round + 1)]) // one job: it counts on
    for (let i = 0; i < 5; i++) {
      const [there, here] = await Promise.all(['atts', 'atts-copy'].map(async (name) =>
        (await ask(server, 'GET', `/${name}/d${i}?attachments=true`)).body))
      assert.deepEqual(here, there)
    }
  }
}

async function localDocumentsAreNotTaken (server) {
  const doc = { ...DOC, _id: '_local/evil' }
  const source = await remote({
    'GET /db/_changes': (res) => json(res, 200, { results: [{ seq: 1, id: '_local/evil', changes: [{ rev: '1-a' }] }], last_seq: 1 }),
    'POST /db/_bulk_get': (res) => json(res, 200, { results: [{ id: '_local/evil', docs: [{ ok: doc }] }] }),
    'GET /db/_local/evil': (res) => json(res, 200, doc)
  })
  try {
    const { body } = await pull(server, source, 'locals')
    assert.equal(body.history?.[0].docs_written, 0, JSON.stringify(body))
    assert.equal((await ask(server, 'GET', '/locals/_local/evil')).status, 404)
  } finally { closeAll(source) }
}

export const replicationBehaviours = [
  { name: 'replication: attachments that changed since the last one, over HTTP', run: changedAttachments },
  { name: 'replication: local documents that a source offers are left alone', run: localDocumentsAreNotTaken },
  { name: 'replication: the cookie of a session in place of the password', run: sessionIsUsed },
  { name: 'replication: a session that ends is begun again', run: sessionIsRenewed },
  { name: 'replication: the password each time where there are no sessions', run: noSessionNoCookie },
  { name: 'replication: a wrong password is sent once', run: wrongPasswordIsSentOnce },
  { name: 'replication: a redirect takes no credentials along', run: credentialsStayAtHome },
  { name: 'replication: through proxies', run: throughProxies },
  ...scenarios.map(([name], pos) => ({ name: `replication: ${name}`, run: (server) => runScenario(server, pos) })),
  {
    name: 'replication: the server stops in the middle of a silent remote',
    async run (server) {
      let silent
      const asked = new Promise((resolve) => { silent = resolve })
      const source = await remote({ 'GET /db/_changes': () => silent() })
      const waiting = ask(server, 'POST', '/_replicate', JSON.stringify({
        source: `http://127.0.0.1:${source.address().port}/db`, target: 't', create_target: true
      })).catch(() => null)
      await asked
      const begin = Date.now()
      assert.equal(await server.stop(), 0)
      // The connection's own time-out is 30 s.
      assert.ok(Date.now() - begin < 15000, `it took ${Date.now() - begin} ms to stop`)
      await waiting
      source.closeAllConnections()
      source.close()
    }
  }
]
