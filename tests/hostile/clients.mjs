// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: many and hostile clients against one server, while a normal one is measured.
//     node tests/hostile/clients.mjs --server PATH/tuffetd [--only NAME] [--clients 4000] [--feeds 10000]
// Each case prints its figures as name=value. The clients are of this process, on the same processors
// as the server: what the normal client sees is the worst of both. Ends with "N passed, N failed".
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import path from 'node:path'
import { Server } from '../http/server.mjs'

const options = { server: null, only: null, clients: 4000, feeds: 10000, bodies: 1000, normal: null }
for (let i = 2; i < process.argv.length; i += 2) options[process.argv[i].slice(2)] = process.argv[i + 1]
const AUTH = 'Basic ' + Buffer.from('admin:secret').toString('base64')
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const head = (line, more = '') => `${line} HTTP/1.1\r\nHost: a\r\nAuthorization: ${AUTH}\r\n${more}\r\n`

function ask (server, method, target, body, agent) {
  return new Promise((resolve, reject) => {
    const headers = { authorization: AUTH, 'content-type': 'application/json' }
    const req = http.request({ host: '127.0.0.1', port: server.port, method, path: target, headers, agent }, (res) => {
      const parts = []
      res.on('data', (part) => parts.push(part))
      res.on('end', () => resolve({ status: res.statusCode, body: Buffer.concat(parts).toString() }))
      res.on('error', reject)
    })
    req.on('error', reject)
    req.end(body)
  })
}

function dial (server, text, onData) {
  const link = { ended: false, text: '' }
  link.socket = net.connect({ port: server.port, host: '127.0.0.1' })
  link.ready = new Promise((resolve) => {
    link.socket.on('connect', () => { if (text) link.socket.write(text); resolve(true) })
    link.socket.on('close', () => { link.ended = true; resolve(false) })
    link.socket.on('error', () => { link.ended = true; resolve(false) })
  })
  link.socket.on('data', onData ? (data) => onData(link, data) : (data) => { link.text += data.toString('latin1') })
  return link
}

// In portions, so that the backlog of the listening socket is enough.
async function dialMany (server, count, text, onData) {
  const links = []
  while (links.length < count) {
    const some = Array.from({ length: Math.min(500, count - links.length) }, (_, i) =>
      dial(server, typeof text === 'function' ? text(links.length + i) : text, onData))
    await Promise.all(some.map((link) => link.ready))
    links.push(...some)
  }
  return links
}

async function until (what, check, timeoutMs = 120000) {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await sleep(20)) if (await check()) return
  assert.fail(`waited too long until ${what}`)
}

const resident = (server) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1])
const peak = (server) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1])
const openFiles = (server) => readdirSync(`/proc/${server.child.pid}/fd`).length
const ticks = (server) => readFileSync(`/proc/${server.child.pid}/stat`, 'utf8').split(' ').slice(13, 15).reduce((a, b) => a + Number(b), 0)
// Percent of a processor that a server uses which has nothing to do. What is busy with nothing is so all the
// time; what was left to do ends: the least of several windows.
async function idleCpu (server) {
  let least = Infinity
  for (let i = 0; i < 8 && least >= 5; i++) {
    const busy = ticks(server)
    await sleep(2000)
    least = Math.min(least, (ticks(server) - busy) / 2)
  }
  return least
}
const close = (links) => { for (const link of links) link.socket.destroy() }

// Latencies of a client in a process of its own that does one request after the other, in ms: { p50, p99, max }.
function normalClient (server, ms) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [process.argv[1], '--normal', String(server.port), '--ms', String(ms)])
    let text = ''
    child.stdout.on('data', (data) => { text += data })
    child.on('close', () => resolve(JSON.parse(text)))
  })
}

async function beNormal (server, ms) {
  const agent = new http.Agent({ keepAlive: true })
  const times = []
  for (let i = 0; i < 20; i++) await ask(server, 'GET', '/db/doc', undefined, agent)
  for (const end = Date.now() + ms; Date.now() < end;) {
    const begin = process.hrtime.bigint()
    const { status } = await ask(server, 'GET', '/db/doc', undefined, agent)
    assert.equal(status, 200)
    times.push(Number(process.hrtime.bigint() - begin) / 1e6)
    await sleep(2)
  }
  agent.destroy()
  times.sort((a, b) => a - b)
  return { p50: times[times.length >> 1], p99: times[Math.floor(times.length * 0.99)], max: times.at(-1) }
}
if (options.normal) {
  console.log(JSON.stringify(await beNormal({ port: Number(options.normal) }, Number(options.ms))))
  process.exit(0)
}

const cases = {
  // Heads and bodies that come a byte at a time, and answers that nobody reads.
  async slow_clients (say) {
    const server = await start(['chttpd] head_timeout = 12000', 'chttpd] body_timeout = 12000', 'chttpd] write_timeout = 12000'])
    await ask(server, 'PUT', '/db')
    await ask(server, 'PUT', '/db/doc', '{"a":1}')
    const docs = Array.from({ length: 1000 }, (_, i) => ({ _id: `d${i}`, text: 'x'.repeat(4000) }))
    await ask(server, 'POST', '/db/_bulk_docs', JSON.stringify({ docs }))
    let quiet = await normalClient(server, 1000)
    const each = Math.floor(options.clients / 3)
    const begin = Date.now()
    const heads = await dialMany(server, each, 'GET /db/doc HTTP/1.1\r\nHost: a\r\nX: ')
    const bodies = await dialMany(server, each, head('PUT /db/slow', 'Content-Length: 100000\r\n') + '{"a":"')
    const readers = await dialMany(server, options.clients - 2 * each, '')
    for (const link of readers) { link.socket.pause(); link.socket.write(head('GET /db/_all_docs?include_docs=true')) }
    const trickle = setInterval(() => { for (const link of [...heads, ...bodies]) if (!link.ended) link.socket.write('x') }, 1000)
    // Until what fits into the sockets of the readers is there.
    for (let busy = -1; ticks(server) - busy > 15; await sleep(500)) busy = ticks(server)
    // Other work on this machine may take the processors for a second: the best of several windows.
    let loaded = await normalClient(server, 1500)
    for (let i = 0; i < 4 && loaded.p99 >= 50; i++) {
      const again = await normalClient(server, 1500)
      if (again.p99 < loaded.p99) loaded = again
    }
    say('slow_clients', heads.length + bodies.length + readers.length)
    say('slow_rss_mib', (resident(server) / 1024).toFixed(0))
    await until('slow heads and bodies are closed', () => [...heads, ...bodies].every((link) => link.ended))
    clearInterval(trickle)
    say('slow_closed_after_s', ((Date.now() - begin) / 1000).toFixed(1))
    assert.ok(heads.every((link) => /^HTTP\/1.1 408 /.test(link.text)), `not 408: ${heads.find((link) => !/^HTTP\/1.1 408 /.test(link.text))?.text.slice(0, 60)}`)
    assert.ok(bodies.every((link) => /^HTTP\/1.1 408 /.test(link.text)))
    await until('readers that do not read are closed', () => openFiles(server) < 100)
    close([...heads, ...bodies, ...readers])
    // How busy this machine is without them: that much and more cannot be their doing.
    for (let i = 0; i < 3 && loaded.p99 >= 50; i++) {
      const again = await normalClient(server, 1500)
      if (again.p99 > quiet.p99) quiet = again
    }
    say('slow_quiet_p99_ms', quiet.p99.toFixed(2))
    say('slow_p99_ms', loaded.p99.toFixed(2))
    assert.ok(loaded.p99 < Math.max(50, quiet.p99 * 4), `p99 is ${loaded.p99} ms, without them ${quiet.p99} ms`)
    return server
  },

  async idle_feeds (say) {
    const server = await start([])
    const count = Number(options.feeds)
    await ask(server, 'PUT', '/db')
    await ask(server, 'PUT', '/other')
    // Wakes of the server's threads while another database is written to: each may be a woken feed.
    const wakes = () => readdirSync(`/proc/${server.child.pid}/task`).reduce((sum, id) => sum +
      Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(readFileSync(`/proc/${server.child.pid}/task/${id}/status`, 'utf8'))[1]), 0)
    const writeOther = async (name) => {
      const start = [wakes(), ticks(server)]
      for (let i = 0; i < 300; i++) await ask(server, 'PUT', `/other/${name}${i}`, '{}')
      return { wakes: (wakes() - start[0]) / 300, ticks: ticks(server) - start[1] }
    }
    const alone = await writeOther('alone')
    const before = resident(server)
    let told = 0, wanted = ''
    const links = await dialMany(server, count, head('GET /db/_changes?feed=continuous&since=0&heartbeat=900000'), (link, data) => {
      if (data.includes(`"id":"${wanted}"`)) told++
      if (data.includes('200 OK')) link.begun = true
    })
    await until('all feeds have begun', () => links.every((link) => link.begun))
    const mib = (resident(server) - before) / 1024
    const cpu = await idleCpu(server)
    const beside = await writeOther('beside')
    assert.ok(beside.wakes < alone.wakes * 2 + 5, `${alone.wakes} wakes became ${beside.wakes}`)
    // The best of several: other work on this machine can only add.
    let fanOut = Infinity
    for (let i = 0; i < 10 && fanOut >= 2000; i++) {
      told = 0
      wanted = `w${i}`
      const begin = Date.now()
      await ask(server, 'PUT', `/db/${wanted}`, '{}')
      await until('all are told', () => told === links.length)
      fanOut = Math.min(fanOut, Date.now() - begin)
    }
    close(links)
    say('feeds', links.length)
    say('feeds_idle_cpu_percent', cpu)
    say('feeds_mib', mib.toFixed(0))
    say('feeds_told_ms', fanOut)
    say('feeds_other_write_wakes', `${alone.wakes.toFixed(1)}..${beside.wakes.toFixed(1)}`)
    say('feeds_other_write_ticks', `${alone.ticks}..${beside.ticks}`)
    assert.ok(mib < 150 && fanOut < 2000 && cpu < 5, `${mib} MiB, ${fanOut} ms, ${cpu} %`)
    return server
  },

  async out_of_descriptors (say) {
    const server = await start([], ['prlimit', '--nofile=64'])
    await ask(server, 'PUT', '/db')
    await ask(server, 'PUT', '/db/doc', '{}')
    const links = await dialMany(server, 200, '')
    const cpu = await idleCpu(server)
    close(links)
    const begin = Date.now()
    await until('it serves again', async () => {
      try { return (await ask(server, 'PUT', `/db/x${Date.now()}`, '{}')).status === 201 } catch { return false }
    })
    say('descriptors_cpu_percent', cpu)
    say('descriptors_recovered_ms', Date.now() - begin)
    assert.ok(cpu < 5)
    return server
  },

  async too_many_connections (say) {
    const server = await start(['chttpd] max_connections_per_client = 20', 'chttpd] max_connections = 30'])
    const before = openFiles(server)
    const links = await dialMany(server, 20, '')
    await until('they are let in', () => openFiles(server) >= before + 20)
    const more = await dialMany(server, 10, '')
    await until('they are turned away', () => more.every((link) => link.ended))
    assert.ok(more.every((link) => /^HTTP\/1.1 503 /.test(link.text)))
    close(links)
    await until('there is room again', async () => {
      try { return (await ask(server, 'GET', '/_up')).status === 200 } catch { return false }
    })
    say('connections_turned_away', more.length)
    return server
  },

  // A thousand clients with 8 MB each: some get in, the others are told so, nobody is killed.
  async memory (say) {
    const limit = 64
    const server = await start(['couchdb] max_document_size = 9000000', `chttpd] max_body_memory = ${limit << 20}`])
    await ask(server, 'PUT', '/db')
    const before = peak(server)
    const body = Buffer.from(`{"text":"${'x'.repeat(7999988)}"}`)
    const agent = new http.Agent({ keepAlive: false, maxSockets: Infinity })
    const count = Number(options.bodies)
    const answers = {}
    await Promise.all(Array.from({ length: count }, async (_, number) => {
      const status = await ask(server, 'PUT', `/db/m${number}`, body, agent).then((a) => a.status, (error) => error.code ?? 'cut')
      answers[status] = (answers[status] ?? 0) + 1
      if (status === 201) stored.push(number)
    }))
    agent.destroy()
    const used = (peak(server) - before) / 1024
    say('memory_clients', count)
    say('memory_stored', answers[201] ?? 0)
    say('memory_refused_503', answers[503] ?? 0)
    say('memory_peak_mib', used.toFixed(0))
    // Whoever is refused is told so, although its body is still on the way. The server waits a second for the
    // client to read that, and this process, which is all of them, may be slower with a few.
    const told = (answers[201] ?? 0) + (answers[503] ?? 0)
    say('memory_cut', count - told)
    assert.ok(told >= count * 0.9, JSON.stringify(answers))
    assert.ok(answers[201] >= 4, `only ${answers[201]} stored`)
    assert.ok(used < limit * 5, `${used} MiB`)
    for (const number of stored.splice(0)) assert.equal((await ask(server, 'HEAD', `/db/m${number}`)).status, 200)
    return server
  },

  // The file system below is full: needs root for a small one.
  async disk_full (say) {
    const server = new Server(options.server, [])
    const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', server.dir])
    if (mount.status !== 0) { server.remove(); return skip('no file system can be mounted here') }
    servers.push(server)
    try {
      rewriteIni(server)
      await server.start()
      await ask(server, 'PUT', '/db')
      await ask(server, 'PUT', '/db/doc', '{}')
      const text = 'x'.repeat(200000)
      const acked = ['doc']
      let full = 0, reads = 0, roomy = false, after = 0
      const latest = Date.now() + 400000
      // Readers from beginning to end, to which nothing else than an answer may happen.
      const readers = ['/db/doc', '/db/_all_docs?limit=1', '/db/_changes?limit=2', '/db'].map(async (target) => {
        for (; after < 40 && Date.now() < latest; reads++) assert.equal((await ask(server, 'GET', target)).status, 200, target)
      })
      // Writers, which go on when the disk is full, and when it is not any more.
      const writers = Array.from({ length: 8 }, async (_, n) => {
        for (let i = 0; after < 40 && Date.now() < latest; i++) {
          const random = Buffer.from(Array.from({ length: roomy ? 100 : 60000 }, () => Math.random() * 256)).toString('base64')
          const { status } = await ask(server, 'PUT', `/db/f${n}-${i}`, JSON.stringify({ random, text }))
          if (status === 201) { acked.push(`f${n}-${i}`); after += roomy } else { full++; assert.equal(status, 507) }
        }
      })
      const done = Promise.all([...readers, ...writers])
      await until('the disk is full', () => full >= 20)
      const readsThen = reads
      await until('reads go on', () => reads >= readsThen + 50)
      spawnSync('mount', ['-o', 'remount,size=96m', server.dir])
      roomy = true
      await done
      assert.ok(after >= 40)
      assert.equal(await server.stop(), 0)
      await server.start()
      const rows = JSON.parse((await ask(server, 'GET', '/db/_all_docs')).body).rows.map((row) => row.id)
      assert.deepEqual(rows.sort(), acked.sort())
      say('disk_full_answers_507', full)
      say('disk_full_reads', reads)
      say('disk_full_writes_after', after)
      assert.equal(await server.stop(), 0)
    } finally {
      server.child?.kill('SIGKILL')
      spawnSync('umount', ['-l', server.dir])
    }
    return null
  },

  // The wall clock jumps by days and years; nothing but cookies may care.
  async clock_jumps (say) {
    const preload = ['/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1', '/usr/lib/faketime/libfaketime.so.1']
      .find((file) => { try { readFileSync(file); return true } catch { return false } })
    if (!preload) return skip('no libfaketime (package faketime)')
    const server = new Server(options.server, [])
    servers.push(server)
    const control = path.join(server.dir, 'clock')
    // It is never half written for whoever reads it.
    const setClock = (offset) => { writeFileSync(`${control}.new`, offset); renameSync(`${control}.new`, control) }
    setClock('+0')
    await server.start([], ['env', `LD_PRELOAD=${preload}`, `FAKETIME_TIMESTAMP_FILE=${control}`, 'FAKETIME_NO_CACHE=1', 'DONT_FAKE_MONOTONIC=1'])
    await ask(server, 'PUT', '/db')
    const feed = dial(server, head('GET /db/_changes?feed=continuous&since=0&heartbeat=60000'))
    await feed.ready
    // Beats, time-outs and the scheduler go by the clock that does not jump.
    let beats = 0
    const beating = dial(server, head('GET /db/_changes?feed=continuous&since=now&heartbeat=100'), (_, data) => { beats += data.includes('1\r\n\n\r\n') })
    await beating.ready
    const kept = new http.Agent({ keepAlive: true, maxSockets: 1 })
    await ask(server, 'PUT', '/copy')
    await ask(server, 'PUT', '/_replicator')
    const url = (name) => `http://admin:secret@127.0.0.1:${server.port}/${name}`
    await ask(server, 'PUT', '/_replicator/job', JSON.stringify({ source: url('db'), target: url('copy'), continuous: true }))
    const logIn = async () => (await fetch(`http://127.0.0.1:${server.port}/_session`, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"name":"admin","password":"secret"}'
    })).headers.get('set-cookie').split(';')[0]
    const who = async (cookie) => (await (await fetch(`http://127.0.0.1:${server.port}/_session`, { headers: { cookie } })).json()).userCtx?.name
    const first = await logIn()
    const ids = new Set()
    let jumps = 0, writes = 0
    for (const offset of ['+1d', '-1d', '+0', '+10y', '-10y', '+0', '-20y', '+5y', '+0']) {
      await sleep(1100) // a cookie that is refused within a second was never good, for the replicator
      setClock(offset)
      jumps++
      const beatsThen = beats
      // A cookie is good by the clock that it was made by; an old one is again when the clock is back.
      const cookie = await logIn()
      assert.equal(await who(cookie), 'admin', `a cookie of the same time, ${offset}`)
      if (offset === '+0') assert.equal(await who(first), 'admin', 'the first cookie, the clock is back')
      if (/^\+[1-9]/.test(offset)) assert.notEqual(await who(first), 'admin', `a cookie that is too old, ${offset}`)
      assert.equal((await ask(server, 'GET', '/_up', undefined, kept)).status, 200)
      for (const end = Date.now() + 700; Date.now() < end;) {
        const { status, body } = await ask(server, 'POST', '/db', '{}')
        assert.equal(status, 201)
        ids.add(JSON.parse(body).id)
        writes++
      }
      assert.ok(!feed.ended && !beating.ended, 'a feed ended')
      await until(`it beats, ${offset}`, () => beats > beatsThen + 2)
      await until(`what was written is replicated, ${offset}`, async () =>
        JSON.parse((await ask(server, 'GET', '/copy')).body).doc_count === writes)
    }
    beating.socket.destroy()
    kept.destroy()
    assert.equal(ids.size, writes)
    const info = JSON.parse((await ask(server, 'GET', '/db')).body)
    assert.equal(info.doc_count, writes)
    feed.socket.destroy()
    say('clock_jumps', jumps)
    return server
  },

  // Stopped by SIGTERM, reloaded by SIGHUP and started again under load: what was answered is kept.
  async restarts (say) {
    const server = await start([])
    await ask(server, 'PUT', '/db')
    const acked = new Set()
    let stop = false, cut = 0
    const work = Array.from({ length: 8 }, async (_, n) => {
      for (let i = 0; !stop; i++) {
        try {
          const { status } = await ask(server, 'PUT', `/db/w${n}-${i}`, '{}')
          assert.equal(status, 201)
          acked.add(`w${n}-${i}`)
        } catch (error) {
          if (error.code === 'ECONNREFUSED') await sleep(20)
          else if (error.code === 'ECONNRESET' || error.code === 'EPIPE') cut++ // in the backlog of the socket that was closed
          else throw error
        }
      }
    })
    const rounds = 10
    for (let round = 0; round < rounds; round++) {
      await sleep(200)
      server.child.kill('SIGHUP')
      await sleep(100)
      assert.equal(await server.stop(), 0)
      await server.start()
    }
    stop = true
    await Promise.all(work)
    const rows = JSON.parse((await ask(server, 'GET', '/db/_all_docs')).body).rows
    const found = new Set(rows.map((row) => row.id))
    assert.deepEqual([...acked].filter((id) => !found.has(id)), [])
    say('restarts', rounds)
    say('restarts_acked', acked.size)
    say('restarts_cut', cut)
    return server
  }
}

const stored = []
const servers = []
let skipped = 0
function skip (why) {
  console.log(`SKIPPED: ${why}`)
  skipped++
  return null
}
function rewriteIni (server) {
  writeFileSync(path.join(server.dir, 'test.ini'), '[admins]\nadmin = secret\n[chttpd_auth]\niterations = 10\n')
}
async function start (settings, prefix = []) {
  const server = new Server(options.server, settings.map((line) => {
    const [section, ...rest] = line.split('] ')
    return { section, setting: rest.join('] ') }
  }))
  servers.push(server)
  await server.start([], prefix)
  return server
}

let passed = 0, failed = 0
for (const [name, run] of Object.entries(cases)) {
  if (options.only && options.only !== name) continue
  const begin = Date.now()
  try {
    const server = await run((key, value) => console.log(`${key}=${value}`))
    if (server) assert.equal(await server.stop(), 0, server.errors)
    passed++
    console.log(`ok   ${name} (${((Date.now() - begin) / 1000).toFixed(1)} s)`)
  } catch (error) {
    failed++
    console.log(`FAIL ${name}: ${error.message}`)
  }
  for (const server of servers.splice(0)) {
    if (server.child?.exitCode === null) server.child.kill('SIGKILL')
    server.remove()
  }
}
console.log(`hostile_skipped=${skipped}`)
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed ? 1 : 0)
