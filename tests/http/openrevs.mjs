// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: replication from sources without _bulk_get: GET ?open_revs=[...] as multipart/mixed with
// attachments in the same answer, what does not travel (atts_since), and answers that are broken.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import http from 'node:http'

const AUTH = 'Basic ' + Buffer.from('admin:secret').toString('base64')

async function ask (server, method, target, body) {
  const answer = await fetch(`http://127.0.0.1:${server.port}${target}`,
    { method, headers: { authorization: AUTH, 'content-type': 'application/json', accept: 'application/json' }, body })
  return { status: answer.status, body: await answer.json() }
}

// Between the replicator and a server: notes what passes, hides what older servers lack, and sends what
// `turn` names to a place of its own first.
const THERE = '/there'
async function veil (server, notes, hide, { turn = () => false, disguised = true } = {}) {
  const proxy = http.createServer((req, res) => {
    notes.push(`${req.method} ${decodeURIComponent(req.url)}`)
    const arrived = req.url.startsWith(`${THERE}/`)
    if (arrived) req.url = req.url.slice(THERE.length)
    else if (turn(req)) {
      req.resume()
      res.writeHead(307, { location: `${THERE}${req.url}`, 'content-type': 'text/plain' })
      return res.end('elsewhere')
    }
    if (hide(req)) {
      req.resume()
      res.writeHead(404, { 'content-type': 'application/json' })
      return res.end('{"error":"not_found","reason":"missing"}')
    }
    const onward = http.request({ host: '127.0.0.1', port: server.port, path: req.url, method: req.method, headers: req.headers }, (answer) => {
      if (req.url !== '/' || !disguised) {
        res.writeHead(answer.statusCode, answer.headers)
        return answer.pipe(res)
      }
      answer.resume() // who it is: a CouchDB
      res.end('{"couchdb":"Welcome","version":"2.1.0","vendor":{"name":"The Apache Software Foundation"}}')
    })
    onward.on('error', () => res.destroy())
    req.pipe(onward)
  })
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  return proxy
}

function close (server) {
  server.closeAllConnections()
  server.close()
}

const withoutBulkGet = (req) => req.url.includes('/_bulk_get')
const url = (proxy, db) => `http://admin:secret@127.0.0.1:${proxy.address().port}/${db}`

async function put (server, db, id, fields, rev) {
  const { status, body } = await ask(server, 'PUT', `/${db}/${id}${rev ? `?rev=${rev}` : ''}`, JSON.stringify(fields))
  assert.equal(status, 201, JSON.stringify(body))
  return body.rev
}

const inline = (data, type = 'application/octet-stream') => ({ content_type: type, data: data.toString('base64') })

async function same (server, a, b, ids) {
  for (const id of ids) {
    const left = await ask(server, 'GET', `/${a}/${id}?attachments=true&revs=true&conflicts=true`)
    const right = await ask(server, 'GET', `/${b}/${id}?attachments=true&revs=true&conflicts=true`)
    assert.deepEqual(right, left, id)
  }
}

// To a database of this server (an admin's job goes there directly), and to one over HTTP.
async function bringsAttachments (server) {
  for (const over of ['direct', 'http']) {
    const notes = []
    const proxy = await veil(server, notes, withoutBulkGet)
    const from = `or-${over}-a`; const to = `or-${over}-b`
    try {
      await ask(server, 'PUT', `/${from}`)
      const big = randomBytes(3 << 20)
      let rev = await put(server, from, 'with', { n: 1, _attachments: { big: inline(big), 'a ä"b.txt': inline(Buffer.alloc(5000, 'x'), 'text/plain'), empty: inline(Buffer.alloc(0)) } })
      await put(server, from, 'plain', { n: 2 })
      await ask(server, 'POST', `/${from}/_bulk_docs`, JSON.stringify({
        new_edits: false,
        docs: ['a', 'b', 'c'].map((x) => ({ _id: 'torn', _rev: `1-${x}`, x, _attachments: { f: inline(Buffer.from(x)) } }))
      }))
      const job = { source: url(proxy, from), target: over === 'http' ? url(proxy, to) : to, create_target: true }
      let { body } = await ask(server, 'POST', '/_replicate', JSON.stringify(job))
      assert.equal(body.history?.[0].docs_written, 5, JSON.stringify(body))
      assert.equal(body.history[0].docs_read, 5)
      assert.equal(body.history[0].doc_write_failures, 0)
      await same(server, from, to, ['with', 'plain', 'torn'])
      // All revisions of a document in one question, as CouchDB asks it; no GET of an attachment.
      const torn = notes.filter((note) => note.startsWith(`GET /${from}/torn`))
      assert.equal(torn.length, 1, torn.join('\n'))
      assert.match(torn[0], /\?revs=true&open_revs=\["1-.","1-.","1-."\]&latest=true$/)
      assert.equal(notes.filter((note) => /GET \/[^?]*\/with\/./.test(note)).length, 0, notes.join('\n'))

      // The next revision: what the target has does not travel again.
      rev = await put(server, from, 'with', { n: 3, _attachments: { big: { stub: true }, fresh: inline(Buffer.from('new')) } }, rev)
      notes.length = 0
      body = (await ask(server, 'POST', '/_replicate', JSON.stringify(job))).body
      assert.equal(body.history?.[0].docs_written, 5 + 1, JSON.stringify(body))
      await same(server, from, to, ['with'])
      const asked = notes.filter((note) => note.startsWith(`GET /${from}/with`))
      assert.equal(asked.length, 1, asked.join('\n'))
      assert.match(asked[0], new RegExp(`open_revs=\\["${rev}"\\]&latest=true&atts_since=\\["1-[0-9a-f]{32}"\\]$`))
    } finally { close(proxy) }
  }
}

// Redirects inside the server: of open_revs, of single attachments, and of the PUTs.
async function followsRedirects (server) {
  for (const over of ['direct', 'http']) {
    for (const disguised of [true, false]) { // from another Tuffet attachments are read one by one
      const notes = []
      const turn = (req) => /^\/or-r[^/]*\/with/.test(req.url)
      const proxy = await veil(server, notes, () => false, { turn, disguised })
      const from = `or-r${over}${disguised ? 1 : 0}-a`; const to = `or-r${over}${disguised ? 1 : 0}-b`
      try {
        await ask(server, 'PUT', `/${from}`)
        await put(server, from, 'with', { _attachments: { big: inline(randomBytes(2 << 20)), small: inline(Buffer.from('x'), 'text/plain') } })
        const job = { source: url(proxy, from), target: over === 'http' ? url(proxy, to) : to, create_target: true, retries_per_request: 0 }
        const { body } = await ask(server, 'POST', '/_replicate', JSON.stringify(job))
        assert.equal(body.history?.[0].docs_written, 1, JSON.stringify(body))
        assert.equal(body.history[0].doc_write_failures, 0, JSON.stringify(body))
        await same(server, from, to, ['with'])
        const arrived = notes.filter((note) => note.includes(` ${THERE}/`))
        assert.equal(arrived.some((note) => note.includes(disguised ? 'open_revs' : '/with/big?rev=')), true, notes.join('\n'))
        assert.equal(arrived.some((note) => note.startsWith('PUT')), over === 'http', notes.join('\n'))
      } finally { close(proxy) }
    }
  }
}

// With _bulk_get only documents with attachments are asked for once more, and it knows what the target has.
async function asksForFew (server) {
  const notes = []
  const proxy = await veil(server, notes, () => false)
  try {
    await ask(server, 'PUT', '/or-few')
    await ask(server, 'POST', '/or-few/_bulk_docs', JSON.stringify({ docs: Array.from({ length: 50 }, (_, i) => ({ _id: `d${i}` })) }))
    const rev = await put(server, 'or-few', 'with', { _attachments: { f: inline(Buffer.from('x')) } })
    const job = { source: url(proxy, 'or-few'), target: 'or-few2', create_target: true }
    let { body } = await ask(server, 'POST', '/_replicate', JSON.stringify(job))
    assert.equal(body.history?.[0].docs_written, 51, JSON.stringify(body))
    assert.equal(body.history[0].bulk_get_docs, 50, JSON.stringify(body))
    assert.deepEqual(notes.filter((note) => note.includes('open_revs=')).length, 1, notes.join('\n'))
    await put(server, 'or-few', 'd7', { n: 1 }, (await ask(server, 'GET', '/or-few/d7')).body._rev)
    await put(server, 'or-few', 'with', { n: 1, _attachments: { f: { stub: true } } }, rev)
    notes.length = 0
    body = (await ask(server, 'POST', '/_replicate', JSON.stringify(job))).body
    assert.equal(body.history?.[0].docs_written, 51 + 2, JSON.stringify(body))
    assert.equal(notes.filter((note) => note.startsWith('GET /or-few/d7')).length, 0, notes.join('\n'))
    assert.match(notes.find((note) => note.startsWith('GET /or-few/with')), new RegExp(`atts_since=\\["${rev}"\\]$`))
  } finally { close(proxy) }
}

// A well-behaved source of one document with attachments; `answer` is that of open_revs.
const md5 = (data) => 'md5-' + createHash('md5').update(data).digest('base64')
const DATA = Buffer.alloc(1000, 'd')
const DOC = (more = {}) => JSON.stringify({
  _id: 'x', _rev: '1-a', _revisions: { start: 1, ids: ['a'] },
  _attachments: { f: { content_type: 'a/b', revpos: 1, digest: md5(DATA), length: 1000, follows: true, ...more } }
})

const part = (type, data) => Buffer.concat([Buffer.from(`\r\nContent-Type: ${type}\r\n\r\n`), Buffer.from(data)])
const related = (...parts) => Buffer.concat([Buffer.from('--in'),
  Buffer.concat(parts.map((data, i) => Buffer.concat([Buffer.from(i > 0 ? '\r\n--in' : ''), i > 0 ? Buffer.from('\r\n\r\n') : Buffer.from('\r\nContent-Type: application/json\r\n\r\n'), Buffer.from(data)]))),
  Buffer.from('\r\n--in--')])
const mixed = (...parts) => Buffer.concat([...parts.map((data) => Buffer.concat([Buffer.from('\r\n--out'), data])), Buffer.from('\r\n--out--')])
const RELATED = 'multipart/related; boundary="in"'
const good = mixed(part(RELATED, related(DOC(), DATA)))

const send = (bytes, type = 'multipart/mixed; boundary="out"', status = 200) => (res) => {
  res.writeHead(status, { 'content-type': type })
  res.end(bytes)
}
const cut = (bytes) => (res) => {
  res.writeHead(200, { 'content-type': 'multipart/mixed; boundary="out"', 'content-length': bytes.length + 1000 })
  res.write(bytes)
  setTimeout(() => res.destroy(), 30)
}
const drip = (bytes) => (res) => {
  res.writeHead(200, { 'content-type': 'multipart/mixed; boundary="out"' })
  let pos = 0
  const timer = setInterval(() => pos < bytes.length ? res.write(bytes.subarray(pos, ++pos)) : res.end(), 0)
  res.on('close', () => clearInterval(timer))
}
const endless = (start) => (res) => {
  res.writeHead(200, { 'content-type': 'multipart/mixed; boundary="out"' })
  res.write(start)
  const push = () => { while (!res.destroyed && res.write(Buffer.alloc(65536, ' '))); }
  res.on('drain', push)
  push()
}
const openEnd = related(DOC(), '').subarray(0, -8) // up to the attachment's bytes

// Redirects to `there`, the first time: then it is `answer`.
const via = (there, answer, status = 302) => (res, req) => {
  if (req.url.includes('arrived')) return answer(res, req)
  res.writeHead(status, { location: there })
  res.end('elsewhere')
}
// Answers one after another, the last one for ever.
const inTurn = (...answers) => (res, req, count) => answers[Math.min(count, answers.length) - 1](res, req)
const missing = send(mixed(part('application/json; error="true"', '{"missing":"1-a"}')))
const nothing = send('{"error":"not_found","reason":"missing"}', 'application/json', 404)

// name, answer to open_revs, outcome: an error, 'failure' (counted), or 'written'; how often it is asked
const scenarios = [
  ['a good answer', send(good), 'written'],
  ['a good answer, byte by byte', drip(good), 'written'],
  ['a preamble and an epilogue', send(Buffer.concat([Buffer.from('hello'), good, Buffer.from('\r\nbye')])), 'written'],
  ['a revision that is gone', missing, 'failure', 2],
  ['a document that is gone', nothing, 'failure', 2],
  ['a revision that comes later', inTurn(missing, send(good)), 'written', 2],
  ['a document that comes later', inTurn(nothing, send(good)), 'written', 2],
  ['another revision than was asked for is gone', send(mixed(part('application/json; error="true"', '{"missing":"1-b"}'))), 'failure', 1],
  ['an error that is no JSON', send(mixed(part('application/json; error="true"', '"'))), 'failure', 1],
  ['a redirect', via('/db/x?open_revs=arrived', send(good)), 'written', 2],
  ['a redirect that keeps the method', via('/db/x?open_revs=arrived', send(good), 308), 'written', 2],
  ['a redirect to another server', via('http://127.0.0.1:1/db/x', send(good)), 'redirect_refused', 1],
  ['redirects without end', via('/db/x?open_revs=[]', send(good)), 'redirect_refused', 4],
  ['a redirect without a place', send('', 'text/plain', 302), 'plain', 1],
  ['a redirect with an endless body', (res) => { res.writeHead(302, { location: '/db/x?open_revs=arrived' }); const push = () => { while (!res.destroyed && res.write(Buffer.alloc(65536, ' '))); }; res.on('drain', push); push() }, 'plain', 1],
  ['no part at all', send(Buffer.from('--out--')), 'none'],
  ['another document', send(mixed(part(RELATED, related(DOC().replace('"x"', '"y"'), DATA)))), 'failure'],
  ['no document in front of the attachment', send(mixed(part(RELATED, related('[]', DATA)))), 'failure'],
  ['an attachment that is too long', send(mixed(part(RELATED, related(DOC({ length: 999 }), DATA)))), 'failure'],
  ['an attachment that is too short', send(mixed(part(RELATED, related(DOC({ length: 1001 }), DATA)))), 'failure'],
  ['an attachment with another digest', send(mixed(part(RELATED, related(DOC({ digest: md5('no') }), DATA)))), 'failure'],
  ['an attachment of a negative length', send(mixed(part(RELATED, related(DOC({ length: -1 }), DATA)))), 'failure'],
  ['fewer attachments than are named', send(mixed(part(RELATED, related(DOC())))), 'failure'],
  ['more attachments than are named', send(mixed(part(RELATED, related(DOC(), DATA, DATA)))), 'failure'],
  ['a stub of an attachment nobody has', send(mixed(part(RELATED, related(DOC({ follows: false, stub: true }))))), 'failure'],
  ['a boundary that never comes', cut(good.subarray(0, -20)), 'req_failed'],
  ['an answer that ends in an attachment', (res) => { res.writeHead(200, { 'content-type': 'multipart/mixed; boundary="out"' }); res.end(good.subarray(0, 400)) }, 'req_failed'],
  ['an inner body without an end', send(mixed(part(RELATED, openEnd))), 'invalid_answer'],
  ['a part without a boundary of its own', send(mixed(part('multipart/related', 'x'))), 'invalid_answer'],
  ['parts that are none', send(Buffer.from('--out\r\nno header\r\n\r\n--out--')), 'invalid_answer'],
  ['an endless document', endless(Buffer.from('--out\r\nContent-Type: application/json\r\n\r\n')), 'plain'],
  ['an endless attachment', endless(Buffer.concat([Buffer.from('--out'), part(RELATED, openEnd)])), 'failure'],
  ['endless headers', endless(Buffer.from('--out\r\nX: ')), 'plain'],
  ['500 for ever', send('{}', 'application/json', 500), 'req_failed'],
  ['JSON in its place', send('[]', 'application/json'), 'plain'],
  ['400, by a server without open_revs', send('{}', 'application/json', 400), 'plain']
]

async function runScenario (server, pos, direct) {
  const [name, answer, outcome, times] = scenarios[pos]
  let asked = 0
  const target = `orsc${pos}${direct ? 'd' : 'h'}`
  const json = (res, value, status = 200) => { res.writeHead(status, { 'content-type': 'application/json' }); res.end(JSON.stringify(value)) }
  const source = http.createServer((req, res) => {
    req.resume()
    res.on('error', () => {})
    const path = req.url.split('?')[0]
    if (path === '/db/') return json(res, { update_seq: 1, instance_start_time: '0' })
    if (path === '/db/_changes') return json(res, { results: [{ seq: 1, id: 'x', changes: [{ rev: '1-a' }] }], last_seq: 1 })
    if (path === '/db/_ensure_full_commit') return json(res, { ok: true, instance_start_time: '0' }, 201)
    if (path.startsWith('/db/_local') && req.method === 'PUT') return json(res, { ok: true, id: 'x', rev: '0-1' }, 201)
    if (path === '/db/x' && req.url.includes('open_revs')) return answer(res, req, ++asked)
    if (path === '/db/x') return json(res, { _id: 'x', _rev: '1-a', _revisions: { start: 1, ids: ['a'] } })
    json(res, { error: 'not_found' }, 404)
  })
  await new Promise((resolve) => source.listen(0, '127.0.0.1', resolve))
  const own = `http://admin:secret@127.0.0.1:${server.port}/${target}`
  try {
    const begin = Date.now()
    const { status, body } = await ask(server, 'POST', '/_replicate', JSON.stringify({
      source: `http://127.0.0.1:${source.address().port}/db`, target: direct ? target : own, create_target: true,
      connection_timeout: 15000, retries_per_request: 1, missing_doc_retry_msec: 20
    }))
    const text = `${name}: ${status} ${JSON.stringify(body)}`
    const { docs_written: written, doc_write_failures: failures } = body.history?.[0] ?? {}
    if (outcome === 'written' || outcome === 'plain') assert.equal(written, 1, text)
    else if (outcome === 'failure') assert.equal(failures, 1, text)
    else if (outcome === 'none') assert.equal(written, 0, text)
    else assert.equal(body.error, outcome, text)
    const doc = await ask(server, 'GET', `/${target}/x?attachments=true`)
    assert.equal(doc.status, outcome === 'written' || outcome === 'plain' ? 200 : 404, text)
    if (times) assert.equal(asked, times, text)
    if (outcome === 'written') assert.equal(doc.body._attachments.f.data, DATA.toString('base64'), text)
    assert.ok(Date.now() - begin < 120000, `${name} took ${Date.now() - begin} ms`)
  } finally { close(source) }
}

export const openRevsBehaviours = [
  { name: 'replication: open_revs: is asked for documents with attachments only', run: asksForFew },
  { name: 'replication: redirects inside the server, of documents, attachments and PUTs', run: followsRedirects },
  { name: 'replication: open_revs: attachments in the same answer, and only new ones', run: bringsAttachments },
  ...[true, false].flatMap((direct) => scenarios.map(([name], pos) =>
    ({ name: `replication: open_revs: ${name}${direct ? '' : ', to a target over HTTP'}`, run: (server) => runScenario(server, pos, direct) })))
]
