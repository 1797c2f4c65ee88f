// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: two servers in network namespaces of their own, each following the other, while the cable between
// them is pulled out, and while it loses packets: no connection is reset, packets just do not arrive. In
// the end both hold the same documents, winners and conflicts.
//
//   sudo node tests/peers/namespaces.mjs BUILD-DIR
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const build = path.resolve(process.argv[2])
const dir = mkdtempSync(path.join(os.tmpdir(), 'tuffet-namespaces-'))
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const run = (...command) => execFileSync(command[0], command.slice(1), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
const nodes = ['a', 'b'].map((name, i) => ({ name, space: `tuffet-${process.pid}-${name}`, link: `tf${name}${process.pid % 100000}`, address: `10.203.77.${i + 1}` }))

function setUp () {
  const [a, b] = nodes
  for (const node of nodes) run('ip', 'netns', 'add', node.space)
  run('ip', 'link', 'add', a.link, 'netns', a.space, 'type', 'veth', 'peer', 'name', b.link, 'netns', b.space)
  for (const node of nodes) {
    run('ip', '-n', node.space, 'addr', 'add', `${node.address}/24`, 'dev', node.link)
    run('ip', '-n', node.space, 'link', 'set', node.link, 'up')
    run('ip', '-n', node.space, 'link', 'set', 'lo', 'up')
  }
}

function tearDown () {
  for (const node of nodes) {
    node.child?.kill('SIGKILL')
    try { run('ip', 'netns', 'del', node.space) } catch { /* it was never made */ }
  }
  rmSync(dir, { recursive: true, force: true })
}

async function start (node) {
  const ini = path.join(dir, `${node.name}.ini`)
  writeFileSync(ini, '[admins]\nadmin = secret\n[chttpd_auth]\niterations = 10\n[replicator]\nmin_backoff_penalty_sec = 1\n' +
    'max_backoff_penalty_sec = 2\nconnection_timeout = 2000\nretries_per_request = 1\nstartup_jitter = 0\n')
  node.child = spawn('ip', ['netns', 'exec', node.space, path.join(build, 'tuffetd'), '--data-dir', path.join(dir, node.name),
    '--listen', `${node.address}:5984`, '--config', ini, '--log-level', 'none'], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve, reject) => {
    node.child.stdout.on('data', (data) => String(data).includes('ready') && resolve())
    node.child.on('exit', () => reject(new Error(`${node.name} ended`)))
  })
}

// By a client beside the server, whom the cable does not matter to.
function ask (node, method, target, body) {
  const text = run('ip', 'netns', 'exec', node.space, 'curl', '-s', '-m', '20', '-u', 'admin:secret', '-X', method,
    '-H', 'Content-Type: application/json', ...(body ? ['-d', JSON.stringify(body)] : []), `http://${node.address}:5984${target}`)
  return JSON.parse(text)
}

let round = 0
// shared: a document that both sides write while they do not hear of each other: a conflict.
function write (node, shared) {
  round++
  const docs = Array.from({ length: 50 }, (_, i) => ({ _id: `${node.name}-${round}-${i}`, text: 'x'.repeat(500) }))
  if (shared) docs.push({ _id: shared, by: node.name })
  for (const item of ask(node, 'POST', '/db/_bulk_docs', { docs })) assert.ok(item.ok, JSON.stringify(item))
}

const content = (node) => JSON.stringify(ask(node, 'GET', '/db/_all_docs?include_docs=true&conflicts=true').rows)

async function converge (what, count) {
  const begin = Date.now()
  for (;;) {
    const [a, b] = nodes.map(content)
    if (a === b && JSON.parse(a).length === count) break
    assert.ok(Date.now() - begin < 90000, `${what}: ${JSON.parse(a).length} and ${JSON.parse(b).length} of ${count} documents`)
    await sleep(200)
  }
  console.log(`ok   ${what}: the same ${count} documents after ${((Date.now() - begin) / 1000).toFixed(1)} s`)
}

const links = (state) => nodes.forEach((node) => run('ip', '-n', node.space, 'link', 'set', node.link, state))

try {
  setUp()
  for (const node of nodes) await start(node)
  for (const node of nodes) for (const db of ['db', '_replicator']) ask(node, 'PUT', `/${db}`)
  for (const [to, from] of [nodes, [...nodes].reverse()]) {
    ask(to, 'PUT', '/_replicator/follow', { source: `http://admin:secret@${from.address}:5984/db`, target: `http://admin:secret@${to.address}:5984/db`, continuous: true })
  }
  nodes.forEach((node) => write(node))
  await converge('connected', 100)

  links('down')
  for (let i = 0; i < 6; i++) { for (const node of nodes) write(node, `both-${i}`); await sleep(1000) }
  assert.notEqual(content(nodes[0]), content(nodes[1]))
  links('up')
  await converge('the cable was out for 6 s', 706)

  let lossy = true
  try { nodes.forEach((node) => run('tc', '-n', node.space, 'qdisc', 'add', 'dev', node.link, 'root', 'netem', 'loss', '15%', 'delay', '20ms')) } catch { lossy = false }
  if (lossy) {
    for (let i = 0; i < 3; i++) { nodes.forEach((node) => write(node)); await sleep(1000) }
    await converge('15 % of the packets lost, 20 ms late', 1006)
  } else {
    console.log('the kernel has no netem: a cable that is pulled out again and again in its place')
    for (let i = 0; i < 3; i++) { nodes.forEach((node) => write(node)); links('down'); await sleep(700); links('up'); await sleep(300) }
    await converge('the cable was out three times', 1006)
  }
  const conflicts = JSON.parse(content(nodes[0])).filter((row) => row.doc._conflicts).length
  assert.equal(conflicts, 6)
  console.log('3 passed, 0 failed')
} finally { tearDown() }
