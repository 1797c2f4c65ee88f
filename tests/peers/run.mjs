// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: several servers that replicate continuously with each other, each on a loopback address of its
// own, while clients write to all of them and servers are killed, stopped and cut off at random. In the
// end all must hold the same leaves, winners and attachments, and every write that was acknowledged.
//
//   node tests/peers/run.mjs BUILD-DIR [--seconds N] [--seed N] [chain | ring]
//
// The replications are documents of _replicator: they must come back by themselves. They go through
// small forwarders of this process, whose connections can be cut.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { Node, sleep } from './node.mjs'

const options = { seconds: 40, seed: Date.now() % 100000, names: [] }
const args = process.argv.slice(2)
const build = path.resolve(args.shift())
for (let i = 0; i < args.length; i++) {
  if (args[i] === '--seconds') options.seconds = Number(args[++i])
  else if (args[i] === '--seed') options.seed = Number(args[++i])
  else options.names.push(args[i])
}

let state = BigInt(options.seed)
const random = (below) => {
  state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn
  return Number(state >> 33n) % below
}

// A server with a client that writes to it.
class Peer extends Node {
  constructor (number) {
    super(build, number)
    this.acknowledged = new Map() // id: [rev]
    this.writes = 0
  }

  note (id, rev) {
    this.writes++
    if (!this.acknowledged.has(id)) this.acknowledged.set(id, [])
    this.acknowledged.get(id).push(rev)
  }

  // One write of a client that has read the document before: new, changed, deleted, or an attachment.
  async write () {
    const id = `doc${random(60)}`
    const now = await this.ask('GET', `/db/${id}`)
    const rev = now.status === 200 ? now.body._rev : undefined
    const kind = random(10)
    let answer
    if (rev && kind === 0) answer = await this.ask('DELETE', `/db/${id}?rev=${rev}`)
    else if (rev && kind < 3) {
      answer = await this.ask('PUT', `/db/${id}/file${random(2)}?rev=${rev}`, Buffer.alloc(100 + random(200000), random(256)), kind === 1 ? 'text/plain' : 'image/png')
    } else answer = await this.ask('PUT', `/db/${id}`, JSON.stringify({ ...(rev ? now.body : {}), by: this.number, n: random(1e6) }))
    if (answer.status === 200 || answer.status === 201) this.note(id, answer.body.rev)
  }

  // On a machine that is slow or busy it goes on until there is something to compare.
  async writeUntil (end, enough) {
    while (Date.now() < end || (this.writes < enough && Date.now() < end + 180000)) {
      try { await this.write() } catch { await sleep(50) }
      await sleep(random(30))
    }
  }

  // Everything that replicas must agree on.
  async picture () {
    const changes = await this.ask('GET', '/db/_changes?style=all_docs')
    const leaves = changes.body.results.map((row) => [row.id, row.changes[0].rev, row.changes.map((c) => c.rev).sort()])
    const docs = await this.ask('GET', '/db/_all_docs?include_docs=true&conflicts=true')
    for (const row of docs.body.rows) row.doc._conflicts?.sort()
    return JSON.stringify([leaves.sort((a, b) => a[0] < b[0] ? -1 : 1), docs.body.rows.map((row) => row.doc)], sortedKeys)
  }
}

const sortedKeys = (key, value) =>
  value && typeof value === 'object' && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort()) : value

// What one server sees of another: a port whose connections can be cut.
class Link {
  async open (to) {
    this.sockets = new Set()
    this.cut = false
    this.server = net.createServer((socket) => {
      if (this.cut) return socket.destroy()
      const onward = net.connect(to.port, to.address)
      for (const one of [socket, onward]) {
        this.sockets.add(one)
        one.on('error', () => {})
        one.on('close', () => { this.sockets.delete(one); socket.destroy(); onward.destroy() })
      }
      socket.pipe(onward).pipe(socket)
    })
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve))
    this.port = this.server.address().port
  }

  async cutFor (ms) {
    this.cut = true
    for (const socket of this.sockets) socket.destroy()
    await sleep(ms)
    this.cut = false
  }

  close () {
    for (const socket of this.sockets) socket.destroy()
    this.server.close()
  }
}

async function replicate (to, from, links) {
  const link = new Link()
  await link.open(from)
  links.push(link)
  const answer = await to.ask('PUT', `/_replicator/from${from.number}`, JSON.stringify({
    source: `http://admin:secret@127.0.0.1:${link.port}/db`, target: `http://admin:secret@${to.address}:${to.port}/db`, continuous: true
  }))
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
}

// Bad things, one after another.
async function chaos (nodes, links, end, counts) {
  while (Date.now() < end - 3000) {
    await sleep(300 + random(900))
    const node = nodes[random(nodes.length)]
    const kind = ['killed', 'stopped', 'cut'][random(3)]
    counts[kind]++
    if (kind === 'killed') {
      await node.kill('SIGKILL')
      await sleep(random(1500))
      await node.start()
    } else if (kind === 'stopped') {
      node.child.kill('SIGSTOP')
      await sleep(200 + random(2500))
      node.child.kill('SIGCONT')
    } else {
      await links[random(links.length)].cutFor(200 + random(2500))
    }
  }
}

async function untilSame (nodes) {
  const end = Date.now() + 240000
  for (;;) {
    const pictures = await Promise.all(nodes.map((node) => node.picture().catch((error) => String(error))))
    if (pictures[0].startsWith('[') && pictures.every((picture) => picture === pictures[0])) return pictures[0]
    if (Date.now() > end) {
      for (const [pos, picture] of pictures.entries()) writeFileSync(path.join(os.tmpdir(), `tuffet-peer-${pos}.json`), picture)
      assert.fail(`the replicas differ after four minutes: ${os.tmpdir()}/tuffet-peer-N.json`)
    }
    await sleep(300)
  }
}

async function everyWriteIsEverywhere (nodes) {
  for (const writer of nodes) {
    const asked = JSON.stringify(Object.fromEntries(writer.acknowledged))
    for (const node of nodes) {
      const { body } = await node.ask('POST', '/db/_revs_diff', asked)
      assert.deepEqual(body, {}, `server ${node.number} lacks what server ${writer.number} acknowledged`)
    }
  }
}

const topologies = {
  // Each with its neighbours, both ways: what the first gets reaches the last by way of the second.
  chain: { pairs: [[0, 1], [1, 0], [1, 2], [2, 1]], part: 0.4 },
  ring: { pairs: [[0, 1], [1, 2], [2, 0]], part: 1 }
}

async function run (name) {
  const { pairs, part } = topologies[name]
  const nodes = [0, 1, 2].map((number) => new Peer(number))
  const links = []
  const counts = { killed: 0, stopped: 0, cut: 0 }
  try {
    for (const node of nodes) {
      await node.start()
      assert.equal((await node.ask('PUT', '/db')).status, 201)
      await node.ask('PUT', '/_replicator') // there already in a server that makes it by itself
    }
    for (const [from, to] of pairs) await replicate(nodes[to], nodes[from], links)
    const end = Date.now() + options.seconds * 1000 * part
    await Promise.all([chaos(nodes, links, end, counts), ...nodes.map((node) => node.writeUntil(end, 40 * part))])
    const begin = Date.now()
    const picture = await untilSame(nodes)
    await everyWriteIsEverywhere(nodes)
    const writes = nodes.reduce((sum, node) => sum + node.writes, 0)
    const conflicts = JSON.parse(picture)[0].filter((row) => row[2].length > 1).length
    assert.ok(writes > 100 * part, `only ${writes} writes`)
    for (const node of nodes) assert.equal(await node.kill('SIGTERM'), 0)
    console.log(`ok   ${name}: ${writes} writes, ${conflicts} documents in conflict, killed ${counts.killed}, stopped ${counts.stopped}, cut ${counts.cut} times; the same ${Date.now() - begin} ms after the last write`)
    return true
  } catch (error) {
    console.log(`FAIL ${name} (seed ${options.seed}): ${error.stack}`)
    return false
  } finally {
    for (const node of nodes) { node.child?.kill('SIGKILL'); node.agent.destroy(); node.remove() }
    for (const link of links) link.close()
  }
}

console.log(`seed ${options.seed}`)
let passed = 0
let failed = 0
for (const name of options.names.length ? options.names : Object.keys(topologies)) (await run(name)) ? passed++ : failed++
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed ? 1 : 0)
