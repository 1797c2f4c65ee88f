// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: kills the server again and again under eight writers, and compares what it serves afterwards
// with the ledger that the writers keep.
//     node tests/hostile/kill9.mjs --server PATH/tuffetd [--kills 50] [--seed N]
//                                  [--fs ext4|xfs --godown PATH/godown]
// With --fs the data is on a loop-mounted file system that is shut down without writing its log before the
// server dies: a power failure, as the kernel sees it. Needs root; says SKIPPED where that is not allowed.
//
// The writers: two update documents one by one, two send _bulk_docs, two put attachments, two send
// revisions as a replicator does (new_edits false) with its checkpoints; compactions run beside them, and a
// continuous replication of the server's own, a document of _replicator, which goes on after each kill from
// its checkpoints. In the end its target must have what the source has.
// Each writes the intent into its ledger before it sends and the answer when it has come. Afterwards:
//   lost     what was acknowledged is not there
//   partial  a document or attachment is there with other bytes than were sent, or a part of a batch
//            that is committed as one
//   phantom  there is something that nobody ever sent
// What was sent and not answered may be there or not. Ends with kill9_acks, lost, partial, phantom and
// kill9_kills as name=value; exit status 1 unless the three are 0.
import { createHash } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import http from 'node:http'
import path from 'node:path'
import { Server } from '../http/server.mjs'

const options = { server: null, kills: 50, seed: 1, fs: null, godown: null }
for (let i = 2; i < process.argv.length; i += 2) options[process.argv[i].slice(2)] = process.argv[i + 1]
const AUTH = 'Basic ' + Buffer.from('admin:secret').toString('base64')
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
let seed = Number(options.seed)
const random = (limit) => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return Math.floor(seed / 4294967296 * limit)
}

const server = new Server(options.server, [])
let agent = new http.Agent({ keepAlive: true })
const tally = { acks: 0, lost: 0, partial: 0, phantom: 0, kills: 0, replicated: 0, reopen: [] }

function fault (kind, text) {
  tally[kind]++
  if (tally[kind] <= 5) console.log(`${kind.toUpperCase()} after kill ${tally.kills}: ${text}`)
}

function ask (method, target, body, type = 'application/json') {
  return new Promise((resolve, reject) => {
    const headers = { authorization: AUTH, 'content-type': type }
    const req = http.request({ host: '127.0.0.1', port: server.port, method, path: target, headers, agent }, (res) => {
      const parts = []
      res.on('data', (part) => parts.push(part))
      res.on('end', () => resolve({ status: res.statusCode, bytes: Buffer.concat(parts) }))
      res.on('aborted', () => reject(new Error('cut')))
      res.on('error', reject)
    })
    req.on('error', reject)
    req.end(body)
  })
}
const askJson = async (...args) => {
  const { status, bytes } = await ask(...args)
  return { status, json: JSON.parse(bytes) }
}

// id -> { sure, maybe }: states that were acknowledged and, at most one, that was only sent. A state
// is { text, rev, digest }: what the document's body must be, its revision, its attachment's MD5.
const ledger = new Map()
// Batches that were sent and not answered: all of their documents or none.
let openBatches = []
const entry = (id) => ledger.get(id) ?? ledger.set(id, { sure: null, maybe: null }).get(id)
function intend (id, state) { entry(id).maybe = state }
// Behind this moment an answer says nothing: fdatasync of an ext4 whose blocks are on their way while it is shut
// down answers 0, and they are gone (measured: 43 of 1,576, each answered after the shutdown began). A power
// failure has no such answers.
let down = false
function acknowledge (id, rev) {
  const e = entry(id)
  if (down) return
  e.sure = { ...e.maybe, rev }
  e.maybe = null
  tally.acks++
}
const dead = (error) => /ECONN|cut|hang up|EPIPE|aborted/.test(`${error.code} ${error.message}`)
const refused = (what, answer) => { throw new Error(`${what} was refused: ${answer.status} ${answer.bytes ?? JSON.stringify(answer.json)}`) }

const md5 = (bytes) => createHash('md5').update(bytes).digest('base64')
let round = 0
const writers = {
  async single (name, n) {
    const id = `${name}-${n % 40}`
    const before = entry(id).sure
    const text = `${name} ${round} ${n} ${'x'.repeat(random(2000))}`
    intend(id, { text })
    const answer = await askJson('PUT', `/db/${id}`, JSON.stringify({ ...(before && { _rev: before.rev }), text }))
    if (answer.status !== 201) refused(id, answer)
    acknowledge(id, answer.json.rev)
  },
  async bulk (name, n) {
    const ids = Array.from({ length: 20 }, (_, i) => `${name}-${round}-${n}-${i}`)
    const docs = ids.map((id) => ({ _id: id, text: `${id} ${'y'.repeat(random(300))}` }))
    for (const doc of docs) intend(doc._id, { text: doc.text })
    const batch = { ids }
    openBatches.push(batch)
    const answer = await askJson('POST', '/db/_bulk_docs', JSON.stringify({ docs }))
    if (answer.status !== 201) refused(name, answer)
    if (!down) openBatches = openBatches.filter((other) => other !== batch)
    for (const row of answer.json) acknowledge(row.id, row.rev)
  },
  async attachment (name, n) {
    const id = `${name}-${n % 20}`
    const before = entry(id).sure
    const bytes = Buffer.alloc(1 + random(300000), `${name}${round}${n}`)
    intend(id, { digest: md5(bytes) })
    const rev = before ? `?rev=${before.rev}` : ''
    const answer = await askJson('PUT', `/db/${id}/a.bin${rev}`, bytes, random(2) ? 'image/png' : 'text/plain')
    if (answer.status !== 201) refused(id, answer)
    acknowledge(id, answer.json.rev)
  },
  async replica (name, n) {
    const docs = Array.from({ length: 10 }, (_, i) => {
      const id = `${name}-${round}-${n}-${i}`
      const ids = [1, 2].map((k) => createHash('md5').update(id + k).digest('hex'))
      return { _id: id, _rev: `2-${ids[1]}`, _revisions: { start: 2, ids: [ids[1], ids[0]] }, text: id }
    })
    for (const doc of docs) intend(doc._id, { text: doc.text, rev: doc._rev })
    const answer = await askJson('POST', '/db/_bulk_docs', JSON.stringify({ new_edits: false, docs }))
    if (answer.status !== 201 || answer.json.length !== 0) refused(name, answer)
    for (const doc of docs) acknowledge(doc._id, doc._rev)
    const id = `_local/${name}`
    const before = entry(id).sure
    const text = `${name} ${round} ${n}`
    intend(id, { text })
    const local = await askJson('PUT', `/db/${id}`, JSON.stringify({ ...(before && { _rev: before.rev }), text }))
    if (local.status !== 201) refused(id, local)
    acknowledge(id, local.json.rev)
  }
}

async function write (kind, name, stopped) {
  for (let n = 0; !stopped(); n++) {
    try {
      await writers[kind](name, n)
    } catch (error) {
      // A file system that went down answers every write with an error of the server.
      if (!dead(error) && !(options.fs && /refused: 50/.test(error.message))) throw error
      return
    }
  }
}

async function compactNowAndThen (stopped) {
  while (!stopped()) {
    await sleep(50 + random(300))
    try { await ask('POST', '/db/_compact', '') } catch { return }
  }
}

const fits = (state, doc) => state && doc && (!state.rev || state.rev === doc._rev) &&
  (state.digest ? doc.served === state.digest : doc.text === state.text)

// What a document shows decides what was only sent.
async function judge (id, doc) {
  const e = ledger.get(id)
  if (!e) return fault('phantom', id)
  if (doc?._attachments) doc.served = md5((await ask('GET', `/db/${id}/a.bin`)).bytes)
  const kept = fits(e.sure, doc)
  if (!kept && fits(e.maybe, doc)) e.sure = { ...e.maybe, rev: doc._rev }
  else if (!kept && e.sure) fault(doc ? 'partial' : 'lost', `${id}: ${JSON.stringify(doc)?.slice(0, 200)}`)
  else if (!kept && doc) fault('partial', `${id}: ${JSON.stringify(doc).slice(0, 200)}`)
  e.maybe = null
}

// Ids that were in flight when the server died, or all.
async function verify (all) {
  const ids = [...ledger.keys()].filter((id) => all || ledger.get(id).maybe || random(20) === 0)
  const found = new Set()
  for (let i = 0; i < ids.length; i += 500) {
    const keys = ids.slice(i, i + 500).filter((id) => !id.startsWith('_local/'))
    const { json } = await askJson('POST', '/db/_all_docs?include_docs=true', JSON.stringify({ keys }))
    for (const row of json.rows) if (row.doc) found.add(row.id)
    for (const row of json.rows) await judge(row.key, row.doc ?? null)
  }
  for (const id of ids.filter((id) => id.startsWith('_local/'))) {
    const { status, json } = await askJson('GET', `/db/${id}`)
    await judge(id, status === 200 ? json : null)
  }
  for (const batch of openBatches) {
    const there = batch.ids.filter((id) => found.has(id)).length
    if (there !== 0 && there !== batch.ids.length) fault('partial', `${there} of ${batch.ids.length} documents of one batch`)
  }
  openBatches = []
  if (!all) return
  const { json } = await askJson('GET', '/db/_all_docs')
  for (const row of json.rows) if (!ledger.has(row.id)) fault('phantom', row.id)
  const wanted = [...ledger].filter(([id, e]) => e.sure && !id.startsWith('_local/')).length
  if (json.rows.length !== wanted) fault('lost', `${json.rows.length} documents, ${wanted} in the ledger`)
}

async function start () {
  await server.start()
  agent.destroy()
  agent = new http.Agent({ keepAlive: true })
  const begin = process.hrtime.bigint()
  await ask('GET', '/db')
  tally.reopen.push(Number(process.hrtime.bigint() - begin) / 1e6)
}

// ---- the file system below -------------------------------------------------------------------

const image = path.join(server.dir, 'image')
const mountPoint = path.join(server.dir, 'data')
const shell = (command, ...args) => spawnSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
function mount () {
  const done = shell('mount', '-o', 'loop', image, mountPoint)
  return done.status === 0 ? null : String(done.stderr ?? done.error)
}
function prepare () {
  shell('mkdir', '-p', mountPoint)
  shell('truncate', '-s', '2G', image)
  const made = shell(`mkfs.${options.fs}`, '-q', image)
  if (made.status !== 0) return `mkfs.${options.fs}: ${made.stderr ?? made.error}`
  return mount()
}
// Everything that was not synced is lost, and the journal replays what was.
function crashFs () {
  const down = shell(options.godown, mountPoint)
  if (down.status !== 0) throw new Error(`godown: ${down.stderr}`)
}
// Somebody else may have a hand on it for a moment: whatever looks at new disks, a test beside.
function patiently (attempt) {
  for (const end = Date.now() + 60000; ;) {
    const problem = attempt()
    if (!problem) return
    if (Date.now() > end) throw new Error(problem)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
  }
}
function mountAgain () {
  patiently(() => shell('umount', mountPoint).status === 0 ? null : 'cannot unmount')
  patiently(mount)
}
// Nothing stays behind, however this ends.
process.on('exit', () => {
  server.child?.kill('SIGKILL')
  if (options.fs) shell('umount', '-l', mountPoint)
  server.remove()
})
if (options.fs) {
  const problem = prepare()
  if (problem) {
    console.log(`SKIPPED: this machine does not allow it: ${problem.trim()}`)
    console.log('0 passed, 0 failed')
    process.exit(0)
  }
}

// Every revision that is a leaf, of every document.
async function leaves (name) {
  const { json } = await askJson('GET', `/${name}/_changes?style=all_docs`)
  return new Map(json.results.map((row) => [row.id, row.changes.map(({ rev }) => rev).sort().join()]))
}
async function judgeReplica () {
  const source = await leaves('db')
  let missing = []
  for (const end = Date.now() + 240000; Date.now() < end; await sleep(200)) {
    const target = await leaves('copy')
    for (const id of target.keys()) if (!source.has(id)) fault('phantom', `${id} in the replica`)
    missing = [...source].filter(([id, revs]) => target.get(id) !== revs)
    if (missing.length === 0) break
  }
  for (const [id] of missing) fault('lost', `${id} in the replica`)
  for (const id of [...source.keys()].filter((id) => id.startsWith('attachment'))) {
    const there = await ask('GET', `/copy/${id}/a.bin`)
    if (there.status !== 200 || md5(there.bytes) !== ledger.get(id)?.sure?.digest) fault('partial', `${id} in the replica`)
  }
  tally.replicated = source.size - missing.length
}

// A port to stay at, which the replication's document names; below those that the kernel gives away.
for (let tries = 0; ; tries++) {
  server.listen = `127.0.0.1:${20000 + (process.pid + tries * 7) % 10000}`
  const problem = await server.start().catch((error) => error)
  if (!problem) break
  if (tries === 20) throw problem
}
await ask('PUT', '/db')
await ask('PUT', '/copy')
await ask('PUT', '/_replicator')
const url = (name) => `http://admin:secret@127.0.0.1:${server.port}/${name}`
const job = await ask('PUT', '/_replicator/copy', JSON.stringify({ source: url('db'), target: url('copy'), continuous: true }))
if (job.status !== 201) throw new Error(`the replication was refused: ${job.bytes}`)
for (round = 1; round <= Number(options.kills); round++) {
  let stop = false
  const stopped = () => stop
  const work = ['single', 'bulk', 'attachment', 'replica'].flatMap((kind) =>
    [1, 2].map((k) => write(kind, `${kind}${k}`, stopped)))
  work.push(compactNowAndThen(stopped))
  await sleep(100 + random(500))
  down = Boolean(options.fs)
  if (options.fs) crashFs()
  else server.child.kill('SIGKILL')
  stop = true
  await Promise.all(work)
  server.child.kill('SIGKILL')
  await server.exited
  if (options.fs) mountAgain()
  tally.kills++
  down = false
  await start()
  await verify(round === Number(options.kills) || round % 100 === 0)
}
await judgeReplica()
agent.destroy()
const code = await server.stop()
tally.reopen.sort((a, b) => a - b)
const good = tally.lost + tally.partial + tally.phantom === 0 && code === 0 && tally.acks > tally.kills && tally.replicated > 0
console.log(`reopen_p99_ms=${tally.reopen[Math.floor(tally.reopen.length * 0.99)].toFixed(1)}`)
const label = options.fs ? `fscrash_${options.fs}` : 'kill9'
for (const name of ['acks', 'lost', 'partial', 'phantom', 'kills', 'replicated']) console.log(`${label}_${name}=${tally[name]}`)
console.log(good ? '1 passed, 0 failed' : '0 passed, 1 failed')
process.exitCode = good ? 0 : 1
