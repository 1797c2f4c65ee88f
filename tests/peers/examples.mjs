// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: what docs/replicas.md promises: replicas behind HAProxy with docs/haproxy.cfg as it is but for the
// ports, and a snapshot by replication.
//
//   node tests/peers/examples.mjs BUILD-DIR
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Node, freePort, sleep } from './node.mjs'

const build = path.resolve(process.argv[2])
const top = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..')
const AUTH = 'Basic ' + Buffer.from('admin:secret').toString('base64')

async function until (what, check, timeoutMs = 120000) {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await sleep(50)) {
    try { if (await check()) return } catch { /* not yet */ }
  }
  assert.fail(`waited too long until ${what}`)
}

function ask (port, method, target, body) {
  return new Promise((resolve, reject) => {
    const req = http.request({ host: '127.0.0.1', port, method, path: target, timeout: 60000,
      headers: { authorization: AUTH, 'content-type': 'application/json' } }, (res) => {
      const parts = []
      res.on('data', (part) => parts.push(part))
      res.on('end', () => {
        try {
          resolve({ status: res.statusCode, body: JSON.parse(Buffer.concat(parts).toString()) })
        } catch (error) { reject(error) }
      })
    })
    req.on('timeout', () => req.destroy(new Error('timeout')))
    req.on('error', reject)
    req.end(body)
  })
}

async function balanced () {
  const nodes = [0, 1, 2].map((number) => new Node(build, number))
  const dir = mkdtempSync(path.join(os.tmpdir(), 'tuffet-haproxy-'))
  let proxy
  try {
    for (const node of nodes) await node.start()
    const [a, ...replicas] = nodes
    assert.equal((await a.ask('PUT', '/notes')).status, 201)
    const follow = (to) => to.ask('PUT', '/_replicator/notes', JSON.stringify({
      source: `http://admin:secret@${a.address}:${a.port}/notes`, target: `http://admin:secret@${to.address}:${to.port}/notes`, create_target: true, continuous: true
    }))
    for (const to of replicas) {
      await to.ask('PUT', '/_replicator')
      assert.equal((await follow(to)).status, 201)
    }
    const port = await freePort('127.0.0.1')
    let cfg = readFileSync(path.join(top, 'docs/haproxy.cfg'), 'utf8').replace('127.0.0.1:5984', `127.0.0.1:${port}`)
    for (const [pos, old] of ['127.0.0.1:15984', '127.0.0.1:25984', '127.0.0.1:35984'].entries()) {
      assert.ok(cfg.includes(old), `docs/haproxy.cfg names ${old}`)
      cfg = cfg.replaceAll(old, `${nodes[pos].address}:${nodes[pos].port}`)
    }
    writeFileSync(path.join(dir, 'haproxy.cfg'), cfg)
    proxy = spawn('haproxy', ['-f', path.join(dir, 'haproxy.cfg')], { stdio: ['ignore', 'ignore', 'pipe'] })
    let errors = ''
    proxy.stderr.on('data', (data) => { errors += data })
    proxy.on('error', (error) => { errors += error })
    await until(`HAProxy answers: ${errors}`, async () => (await ask(port, 'GET', '/')).status === 200)

    // Who answered, by its uuid.
    const uuids = await Promise.all(nodes.map(async (node) => (await node.ask('GET', '/')).body.uuid))
    const who = async () => uuids.indexOf((await ask(port, 'GET', '/')).body.uuid)
    // Writes reach the writer, reads come from a replica.
    assert.equal((await ask(port, 'PUT', '/notes/one', '{"a":1}')).status, 201)
    assert.equal((await a.ask('GET', '/notes/one')).status, 200)
    for (const replica of replicas) await until('the replica has it', async () => (await replica.ask('GET', '/notes/one')).status === 200)
    // A machine that is too busy for a check of theirs makes HAProxy think that they are lost, for a while.
    await until('a replica answers reads, not the writer', async () => (await who()) > 0)
    assert.equal((await ask(port, 'GET', '/notes/one')).status, 200)
    const asked = await ask(port, 'POST', '/notes/_all_docs', '{"keys":["one"]}')
    assert.equal(asked.body.rows[0].id, 'one')
    // Feeds are the writer's: its sequences.
    const feed = (await ask(port, 'GET', '/notes/_changes')).body.last_seq
    assert.equal(feed, (await a.ask('GET', '/notes/_changes')).body.last_seq)

    // One replica after the other is lost: reads go on.
    for (const lost of [1, 2]) {
      let first
      await until('a replica answers', async () => (first = await who()) > 0)
      await nodes[first].kill('SIGKILL')
      await until('somebody else answers', async () => { const now = await who(); return now !== first && now >= 0 })
      await until(`reads go on, replica ${lost} is lost`, async () => (await ask(port, 'GET', '/notes/one')).status === 200)
    }
    await until('the writer answers', async () => (await who()) === 0)
    await until('it is written', async () => (await ask(port, 'PUT', '/notes/two', '{}')).status === 201)
    // And back: the jobs begin again by themselves.
    for (const node of replicas) await node.start()
    await until('the replicas have the rest', async () =>
      (await replicas[0].ask('GET', '/notes/two')).status === 200 && (await replicas[1].ask('GET', '/notes/two')).status === 200)
    await until('they answer again', async () => (await who()) > 0)
  } finally {
    proxy?.kill('SIGKILL')
    for (const node of nodes) { node.child?.kill('SIGKILL'); node.agent.destroy(); node.remove() }
    rmSync(dir, { recursive: true, force: true })
  }
}

async function snapshot () {
  const node = new Node(build, 0)
  try {
    await node.start()
    await node.ask('PUT', '/notes')
    const docs = [...Array(500).keys()].map((n) => ({ _id: `doc${n}`, n }))
    await node.ask('POST', '/notes/_bulk_docs', JSON.stringify({ docs }))
    // The request of docs/replicas.md, word for word.
    const text = readFileSync(path.join(top, 'docs/replicas.md'), 'utf8')
    const request = /-d '(\{"source": "notes",[^']*\})'/.exec(text)[1]
    const { target } = JSON.parse(request)
    let stop = false
    const writer = (async () => {
      for (let n = 0; !stop; n++) await node.ask('PUT', `/notes/more${n}`, '{}')
    })()
    const answer = await node.ask('POST', '/_replicate', request)
    stop = true
    await writer
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    const before = (await node.ask('GET', `/${target}`)).body.doc_count
    assert.ok(before >= 500)
    const rev = (await node.ask('GET', '/notes/doc1')).body._rev
    await node.ask('PUT', '/notes/doc1', JSON.stringify({ _rev: rev, n: 'changed' }))
    await node.ask('PUT', '/notes/later', '{}')
    assert.equal((await node.ask('GET', `/${target}`)).body.doc_count, before)
    assert.equal((await node.ask('GET', `/${target}/doc1`)).body.n, 1)
    // And back, into a new database.
    const back = await node.ask('POST', '/_replicate', JSON.stringify({ source: target, target: 'restored', create_target: true }))
    assert.equal(back.body.history[0].docs_written, before)
    assert.equal((await node.ask('GET', '/restored/doc1')).body.n, 1)
    assert.equal(await node.kill('SIGTERM'), 0)
  } finally {
    node.child?.kill('SIGKILL')
    node.agent.destroy()
    node.remove()
  }
}

let passed = 0
let failed = 0
for (const [name, run] of Object.entries({ 'a snapshot': snapshot, 'replicas behind HAProxy': balanced })) {
  try {
    await run()
    console.log(`ok   ${name}`)
    passed++
  } catch (error) {
    console.log(`FAIL ${name}: ${error.stack}`)
    failed++
  }
}
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed ? 1 : 0)
