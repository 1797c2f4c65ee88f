// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: replication with remotes that are broken or mean: it must end in time, in bounded memory,
// with an error, and the local database must stay sound and go on working.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import http from 'node:http'

const AUTH = 'Basic ' + Buffer.from('admin:secret').toString('base64')
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

async function ask (server, method, target, body) {
  const answer = await fetch(`http://127.0.0.1:${server.port}${target}`,
    { method, headers: { authorization: AUTH, 'content-type': 'application/json' }, body })
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
  ['a redirect is not followed', { 'GET /db/': (res) => { res.writeHead(302, { location: 'http://127.0.0.1:1/' }); res.end() } }, 'db_not_found'],
  ['endless information', { 'GET /db/': (res) => endless(res, 'x'.repeat(65536)) }, 'db_not_found'],
  ['no JSON in _changes', { 'GET /db/_changes': (res) => json(res, 200, '{"results":[{') }, 'invalid_answer'],
  ['rows without a meaning', { 'GET /db/_changes': (res) => json(res, 200, { results: [{ seq: 1, id: 7 }], last_seq: 1 }) }, 'invalid_answer'],
  ['rows nested deeply', { 'GET /db/_changes': (res) => json(res, 200, '['.repeat(1000000)) }, 'invalid_answer'],
  ['_changes cut off', { 'GET /db/_changes': (res) => { res.writeHead(200, { 'content-length': 1000 }); res.write('{"results":['); setTimeout(() => res.destroy(), 20) } }, 'req_failed'],
  ['endless _changes', { 'GET /db/_changes': (res) => endless(res, '{"results":[' + ' '.repeat(65536)) }, 'answer_too_large'],
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
    if (answer) answer(res)
    else json(res, 404, { error: 'not_found' })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

const residentKib = (server) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.child.pid}/status`, 'latin1'))[1])

async function runScenario (server, pos) {
  const [name, answers, outcome] = scenarios[pos]
  const source = await remote(answers)
  const before = residentKib(server)
  const begin = Date.now()
  try {
    const { status, body } = await ask(server, 'POST', '/_replicate', JSON.stringify({
      source: `http://127.0.0.1:${source.address().port}/db`, target: `t${pos}`, create_target: true,
      connection_timeout: 800, retries_per_request: name === '500 twice' ? 2 : 1
    }))
    const text = `${name}: ${status} ${JSON.stringify(body)}`
    if (outcome === 'written') assert.equal(body.history?.[0].docs_written, 1, text)
    else if (outcome === 'failure') assert.equal(body.history?.[0].doc_write_failures, 1, text)
    else assert.equal(body.error, outcome, text)
    const doc = await ask(server, 'GET', `/t${pos}/x`)
    assert.equal(doc.status, outcome === 'written' || outcome === 'checkpoint_commit_failure' ? 200 : 404, text)
    assert.equal((await ask(server, 'PUT', `/t${pos}/mine`, '{}')).status, 201, text)
  } finally {
    source.closeAllConnections()
    source.close()
  }
  assert.ok(Date.now() - begin < 20000, `${name} took ${Date.now() - begin} ms`)
  assert.ok(residentKib(server) - before < 600 * 1024, `${name} took ${residentKib(server) - before} KiB`)
}

export const replicationBehaviours = [
  ...scenarios.map(([name], pos) => ({ name: `replication: ${name}`, run: (server) => runScenario(server, pos) })),
  {
    name: 'replication: the server stops in the middle of a silent remote',
    async run (server) {
      const source = await remote({ 'GET /db/_changes': () => {} })
      const waiting = ask(server, 'POST', '/_replicate', JSON.stringify({
        source: `http://127.0.0.1:${source.address().port}/db`, target: 't', create_target: true
      })).catch(() => null)
      await sleep(500)
      const begin = Date.now()
      assert.equal(await server.stop(), 0)
      assert.ok(Date.now() - begin < 5000, `it took ${Date.now() - begin} ms to stop`)
      await waiting
      source.closeAllConnections()
      source.close()
    }
  }
]
