// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: behaviour that takes time, several clients at once, or the server's end.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import path from 'node:path'
import { gzipSync } from 'node:zlib'

const AUTH = 'Basic ' + Buffer.from('admin:secret').toString('base64')
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

// One request by Node's client. Resolves to { status, body }.
function ask (server, method, target, body, agent, more = {}) {
  return new Promise((resolve, reject) => {
    const headers = { authorization: AUTH, 'content-type': 'application/json', ...more }
    const req = http.request({ host: '127.0.0.1', port: server.port, method, path: target, headers, agent: agent ?? undefined }, (res) => {
      const parts = []
      res.on('data', (part) => parts.push(part))
      res.on('end', () => resolve({ status: res.statusCode, body: Buffer.concat(parts).toString() }))
      res.on('error', reject)
    })
    req.on('error', reject)
    req.end(body)
  })
}

// A raw connection that collects what it gets.
function dial (server, text) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true }, () => {
      if (text) socket.write(text)
      resolve(link)
    })
    const link = { socket, text: '', ended: false }
    socket.on('data', (data) => { link.text += data.toString('latin1') })
    socket.on('end', () => { link.ended = true })
    socket.on('close', () => { link.ended = true })
    // After the connection stands an error is an end like another.
    socket.on('error', (error) => { link.ended = true; reject(error) })
  })
}

const head = (target, more = '') => `GET ${target} HTTP/1.1\r\nHost: a\r\nAuthorization: ${AUTH}\r\n${more}\r\n`

async function until (what, check, timeoutMs = 120000) {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await sleep(20)) {
    if (await check()) return
  }
  assert.fail(`waited too long until ${what}`)
}

const openFiles = (server) => readdirSync(`/proc/${server.child.pid}/fd`).length

// Start-up that must fail: resolves to { code, text }.
function startAlone (server, args, env = {}) {
  return new Promise((resolve) => {
    const clean = { ...process.env, ...env }
    for (const name of ['COUCHDB_USER', 'COUCHDB_PASSWORD']) if (!(name in env)) delete clean[name]
    const child = spawn(server.program, ['--data-dir', path.join(server.dir, 'other'), '--log-level', 'error', ...args], { env: clean })
    let text = ''
    child.stdout.on('data', (data) => { text += data; if (text.includes('ready on')) child.kill('SIGTERM') })
    child.stderr.on('data', (data) => { text += data })
    // 'close' comes when all it said has been read; 'exit' may be earlier.
    child.on('close', (code) => resolve({ code, text }))
  })
}

export const behaviours = [
  {
    name: 'no admin, no service',
    async run (server) {
      for (const address of ['127.0.0.1:0', '0.0.0.0:0', '[::]:0']) {
        const { code, text } = await startAlone(server, ['--listen', address])
        assert.equal(code, 78, `${address}: ${text}`)
        assert.match(text, /admin/)
      }
      const open = await startAlone(server, ['--listen', '0.0.0.0:0', '--insecure-loopback'])
      assert.equal(open.code, 78)
      const loopback = await startAlone(server, ['--listen', '127.0.0.1:0', '--insecure-loopback'])
      assert.equal(loopback.code, 0, loopback.text)
      const env = await startAlone(server, ['--listen', '127.0.0.1:0'], { COUCHDB_USER: 'a', COUCHDB_PASSWORD: 'b' })
      assert.equal(env.code, 0, env.text)
      const local = readFileSync(path.join(server.dir, 'other', 'local.ini'), 'utf8')
      assert.match(local, /^a = -pbkdf2:sha256-/m)
    }
  },
  {
    name: 'a plain text admin is replaced by its hash on disk',
    async run (server) {
      const local = readFileSync(path.join(server.dir, 'data', 'local.ini'), 'utf8')
      assert.match(local, /^admin = -pbkdf2:sha256-/m)
      assert.doesNotMatch(local, /secret$/m)
    }
  },
  {
    name: 'ten thousand requests in one write are answered in order',
    async run (server) {
      const count = 10000
      let text = ''
      for (let i = 0; i < count; i++) text += `GET /_up?n=${i} HTTP/1.1\r\nHost: a\r\nX-Couch-Request-ID: r${i}\r\n\r\n`
      const link = await dial(server, text)
      await until('all are answered', () => link.text.split('X-Couch-Request-ID: ').length > count)
      const ids = [...link.text.matchAll(/X-Couch-Request-ID: r(\d+)/g)].map((m) => Number(m[1]))
      assert.deepEqual(ids, [...Array(count).keys()])
      link.socket.destroy()
    }
  },
  {
    name: 'a client that reads nothing holds its own requests back only',
    async run (server) {
      await ask(server, 'PUT', '/db')
      const docs = Array.from({ length: 2000 }, (_, i) => ({ _id: `d${i}`, text: 'x'.repeat(1000) }))
      await ask(server, 'POST', '/db/_bulk_docs', JSON.stringify({ docs }))
      const links = []
      for (let i = 0; i < 20; i++) {
        const link = await dial(server)
        link.socket.pause()
        link.socket.write(head('/db/_all_docs?include_docs=true').repeat(20))
        links.push(link)
      }
      await sleep(300)
      // Whoever waited for one of them waited for their write_timeout, of 60 s.
      const start = Date.now()
      assert.equal((await ask(server, 'GET', '/db/d1')).status, 200)
      assert.ok(Date.now() - start < 30000)
      const status = readFileSync(`/proc/${server.child.pid}/status`, 'utf8')
      const resident = Number(/VmRSS:\s+(\d+)/.exec(status)[1])
      const sanitized = /asan|san|tsan/.test(server.program)
      if (!sanitized) assert.ok(resident < 120000, `${resident} KiB resident`)
      for (const link of links) link.socket.destroy()
    }
  },
  {
    name: 'a feed ends when its database is deleted',
    async run (server) {
      await ask(server, 'PUT', '/db')
      await ask(server, 'PUT', '/other')
      const feed = await dial(server, head('/db/_changes?feed=continuous&since=0'))
      const longpoll = await dial(server, head('/db/_changes?feed=longpoll&since=0', 'Connection: close\r\n'))
      const other = await dial(server, head('/other/_changes?feed=continuous&since=0'))
      await until('the feeds have begun', () => feed.text.includes('200 OK') && other.text.includes('200 OK'))
      await ask(server, 'PUT', '/db/x', '{}')
      await until('the change is told', () => feed.text.includes('"id":"x"') && longpoll.text.includes('"id":"x"'))
      assert.equal((await ask(server, 'DELETE', '/db')).status, 200)
      await until('the feed ends', () => feed.ended || feed.text.includes('\r\n0\r\n\r\n'))
      assert.equal((await ask(server, 'PUT', '/db')).status, 201)
      assert.equal((await ask(server, 'GET', '/db/x')).status, 404)
      assert.ok(!other.ended && !other.text.includes('"id"'))
      for (const link of [feed, longpoll, other]) link.socket.destroy()
    }
  },
  {
    name: 'a client that goes away takes its feed along',
    async run (server) {
      await ask(server, 'PUT', '/db')
      const before = openFiles(server)
      const links = await Promise.all(Array.from({ length: 50 }, () => dial(server, head('/db/_changes?feed=continuous&since=0&heartbeat=60000'))))
      await until('all feeds run', () => links.every((l) => l.text.includes('200 OK')))
      // The connection of the PUT may have been open still when it was counted.
      assert.ok(openFiles(server) >= before + 49)
      links.forEach((link, i) => i % 2 ? link.socket.destroy() : link.socket.end())
      await until('their sockets are closed', () => openFiles(server) <= before + 1)
      for (const link of links) link.socket.destroy()
    }
  },
  {
    name: 'a client that goes away in the middle of a body leaves nothing behind',
    async run (server) {
      await ask(server, 'PUT', '/db')
      const before = openFiles(server)
      for (let i = 0; i < 20; i++) {
        const link = await dial(server, `POST /db/_bulk_docs HTTP/1.1\r\nHost: a\r\nAuthorization: ${AUTH}\r\n` +
          'Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{"docs":[{"_id":"never"}' + ' '.repeat(i * 1000))
        if (i % 2) link.socket.resetAndDestroy()
        else link.socket.destroy()
      }
      await until('their sockets are closed', () => openFiles(server) <= before + 1)
      assert.equal((await ask(server, 'GET', '/db/never')).status, 404)
    }
  },
  {
    name: 'a _bulk_docs that does not fit in memory does what small ones do',
    async run (server) {
      // More than the 8 MiB that are kept in memory, and several batches of 1,000.
      const docs = Array.from({ length: 9000 }, (_, i) => ({ _id: `d${i}`, n: i, text: 'ä"\n'.repeat(150) + 'x'.repeat(500) }))
      docs[3000].text = 'y'.repeat(5000000)
      docs[5000] = { ...docs[5000], _attachments: { a: { content_type: 'text/plain', data: 'aGVsbG8=' } } }
      docs[7000]._id = 'd10' // there already: a conflict with an earlier batch
      docs[7001]._rev = '1-abc'
      const large = JSON.stringify({ docs })
      assert.ok(large.length > 8 << 20)
      for (const name of ['small', 'large', 'packed', 'pieces']) await ask(server, 'PUT', `/${name}`)
      const results = []
      for (let i = 0; i < docs.length; i += 500) {
        const answer = await ask(server, 'POST', '/small/_bulk_docs', JSON.stringify({ docs: docs.slice(i, i + 500) }))
        results.push(...JSON.parse(answer.body))
      }
      const answers = [
        await ask(server, 'POST', '/large/_bulk_docs', large),
        await ask(server, 'POST', '/packed/_bulk_docs', gzipSync(large), null, { 'content-encoding': 'gzip' }),
        await ask(server, 'POST', '/pieces/_bulk_docs', large, null, { 'transfer-encoding': 'chunked' })
      ]
      const rows = (await ask(server, 'GET', '/small/_all_docs?include_docs=true')).body
      for (const answer of answers) {
        assert.equal(answer.status, 201)
        assert.deepEqual(JSON.parse(answer.body), results)
      }
      for (const name of ['large', 'packed', 'pieces']) {
        assert.ok((await ask(server, 'GET', `/${name}/_all_docs?include_docs=true`)).body === rows, name)
        assert.equal((await ask(server, 'GET', `/${name}/d5000/a`)).body, 'hello')
        await ask(server, 'DELETE', `/${name}`)
      }
      await ask(server, 'DELETE', '/small')
    }
  },
  {
    name: 'a _bulk_docs that does not fit in memory fails as a whole before it writes',
    async run (server) {
      await ask(server, 'PUT', '/db')
      const docs = Array.from({ length: 9000 }, (_, i) => ({ _id: `d${i}`, text: 'x'.repeat(1000) }))
      const fill = JSON.stringify(docs).slice(1, -1)
      const stub = JSON.stringify({ _id: 'z', _attachments: { a: { stub: true } } })
      const texts = (fill) => [
        `{"docs":[${fill}{"_id":"z","_bad":1}]}`,
        `{"docs":[${fill}{"_id":7}]}`,
        `{"docs":[${fill}{"_id":""}]}`,
        `{"docs":[${fill}7]}`,
        `{"docs":[${fill}${stub}]}`,
        `{"docs":[${fill}{"_id":"z"}]`,
        `{"docs":[${fill}{"_id":"z"}],"new_edits":1}`,
        `{"docs":{"a":[${fill}{"_id":"z"}]}}`,
        `[${fill}{"_id":"z"}]`,
        `[${fill}{"_id":"z"}`
      ]
      const small = texts('')
      const large = texts(fill + ',')
      for (let i = 0; i < small.length; i++) {
        const answer = await ask(server, 'POST', '/db/_bulk_docs', large[i])
        assert.deepEqual(answer, await ask(server, 'POST', '/db/_bulk_docs', small[i]), small[i])
        assert.ok(answer.status >= 400, small[i])
        assert.equal(JSON.parse((await ask(server, 'GET', '/db')).body).doc_count, 0, small[i])
      }
      const many = Array.from({ length: 10001 }, () => `{"t":"${'x'.repeat(1000)}"}`).join(',')
      const answer = await ask(server, 'POST', '/db/_bulk_docs', `{"docs":[${many}]}`)
      assert.deepEqual([answer.status, JSON.parse(answer.body)], [413, { error: 'max_bulk_docs_count_exceeded', reason: '10000' }])
      const refused = await ask(server, 'POST', '/db/_bulk_docs', `{"all_or_nothing":true,"docs":[${fill}]}`)
      assert.equal(refused.status, 417)
      assert.deepEqual(JSON.parse(refused.body).map((r) => r.id), docs.map((d) => d._id))
      const cut = gzipSync(`{"docs":[${fill}]}`).subarray(0, -3)
      assert.equal((await ask(server, 'POST', '/db/_bulk_docs', cut, null, { 'content-encoding': 'gzip' })).status, 400)
      const info = JSON.parse((await ask(server, 'GET', '/db')).body)
      assert.equal(info.doc_count, 0)
      assert.match(info.update_seq, /^0/)
    }
  },
  {
    name: 'a _bulk_docs of 120 MB needs the memory of its batches',
    async run (server) {
      await ask(server, 'PUT', '/db')
      const peak = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1])
      const before = peak()
      const rev = JSON.parse((await ask(server, 'PUT', '/db/att', '{"_attachments":{"a":{"data":"YQ=="}}}')).body).rev
      const docs = Array.from({ length: 2400 }, (_, i) => `{"_id":"d${i}","stub":"\\u0061\\u0071","text":"${'x'.repeat(50000)}"}`)
      docs[1000] = `{"_id":"att","_rev":"${rev}","x":1,"_attachments":{"a":{"stub":true}}}`
      docs[1001] = `{"_id":"att","_rev":"${rev}","x":2}`
      docs[2000] = docs[1001]
      const answer = await ask(server, 'POST', '/db/_bulk_docs', `{"docs":[${docs.join(',')}]}`)
      assert.equal(answer.status, 201)
      const results = JSON.parse(answer.body)
      assert.deepEqual(results.filter((r) => !r.ok).map((r) => [r.id, r.error]), [['att', 'conflict'], ['att', 'conflict']])
      assert.deepEqual(results.map((r) => r.id), docs.map((d) => JSON.parse(d)._id))
      assert.equal(JSON.parse((await ask(server, 'GET', '/db/att')).body).x, 1)
      assert.equal((await ask(server, 'GET', '/db/att/a')).body, 'a')
      const sanitized = /asan|san|tsan/.test(server.program)
      if (!sanitized) assert.ok(peak() - before < 60000, `${peak() - before} KiB more`)
    }
  },
  {
    name: 'replicated revisions far apart in a large _bulk_docs are merged',
    async run (server) {
      await ask(server, 'PUT', '/db')
      const docs = Array.from({ length: 9000 }, (_, i) => ({ _id: `d${i}`, _rev: '1-a', text: 'x'.repeat(1000) }))
      docs.push({ _id: 'd0', _rev: '2-b', _revisions: { start: 2, ids: ['b', 'a'] } })
      const answer = await ask(server, 'POST', '/db/_bulk_docs', JSON.stringify({ new_edits: false, docs }))
      assert.deepEqual([answer.status, answer.body], [201, '[]\n'])
      const info = JSON.parse((await ask(server, 'GET', '/db')).body)
      assert.equal(info.doc_count, 9000)
      assert.match(info.update_seq, /^9000-/)
      assert.equal((await ask(server, 'GET', '/db/d0?rev=1-a')).status, 404)
      assert.equal((await ask(server, 'GET', '/db/d0?rev=2-b')).status, 200)
      // The revision that another one of the request follows is not stored, as in a small request.
      const twins = docs.slice(0, 9000).map((d, i) => ({ ...d, _rev: `1-${i % 2 ? 'd' : 'e'}`, _id: `t${i >> 1}` }))
      assert.equal((await ask(server, 'POST', '/db/_bulk_docs', JSON.stringify({ new_edits: false, docs: twins }))).body, '[]\n')
      assert.deepEqual(JSON.parse((await ask(server, 'GET', '/db/t4499?conflicts=true')).body)._conflicts, ['1-d'])
      const again = JSON.stringify({ new_edits: false, docs: docs.slice(0, 9000).map((d) => ({ ...d, _rev: '1-c' })) })
      assert.equal((await ask(server, 'POST', '/db/_bulk_docs', again)).body, '[]\n')
      assert.equal((await ask(server, 'GET', '/db/d8999?rev=1-c')).status, 200)
    }
  },
  {
    name: 'a full disk: 507 for writes, reads go on, and writes too once there is room',
    async run (server) {
      // A limit of file sizes fails as a full disk does, and needs no mount.
      const limit = (bytes) => execFileSync('prlimit', ['--pid', String(server.child.pid), `--fsize=${bytes}:unlimited`])
      const text = 'x'.repeat(100000).replace(/x/g, () => Math.random().toString(36)[2] ?? 'y')
      const full = { error: 'insufficient_storage', reason: 'database_dir is too full' }
      await ask(server, 'PUT', '/db')
      const kept = JSON.parse((await ask(server, 'PUT', '/db/kept', JSON.stringify({ text }))).body).rev
      limit(2 << 20)
      let written = 0
      let answer
      while (written < 200 && (answer = await ask(server, 'PUT', `/db/d${written}`, JSON.stringify({ text }))).status === 201) written++
      assert.deepEqual([answer.status, JSON.parse(answer.body)], [507, full])
      assert.equal((await ask(server, 'POST', '/db/_bulk_docs', JSON.stringify({ docs: [{ _id: 'b', text }] }))).status, 507)
      assert.equal((await ask(server, 'PUT', '/db/att/a', text.repeat(20), null, { 'content-type': 'image/png' })).status, 507)
      const large = JSON.stringify({ docs: Array.from({ length: 100 }, (_, i) => ({ _id: `l${i}`, text })) })
      assert.ok(large.length > 8 << 20)
      assert.equal((await ask(server, 'POST', '/db/_bulk_docs', large)).status, 507)
      for (let i = 0; i < written; i++) assert.equal(JSON.parse((await ask(server, 'GET', `/db/d${i}`)).body).text, text)
      assert.equal(JSON.parse((await ask(server, 'GET', '/db/_all_docs')).body).total_rows, written + 1)
      assert.equal((await ask(server, 'GET', '/_up')).status, 200)
      limit('unlimited')
      assert.equal((await ask(server, 'PUT', `/db/d${written}`, JSON.stringify({ text }))).status, 201)
      assert.equal((await ask(server, 'POST', '/db/_bulk_docs', large)).status, 201)
      assert.equal((await ask(server, 'DELETE', `/db/kept?rev=${kept}`)).status, 200)
      assert.equal(JSON.parse((await ask(server, 'GET', '/db/_all_docs')).body).total_rows, written + 101)
    }
  },
  {
    name: 'a disk that gets full in the middle of a large _bulk_docs: the answer says what is stored',
    async run (server) {
      const limit = (bytes) => execFileSync('prlimit', ['--pid', String(server.child.pid), `--fsize=${bytes}:unlimited`])
      const random = (bytes) => randomBytes(bytes).toString('hex').slice(0, bytes)
      for (const replicated of [false, true]) {
        const db = `/partly-${replicated}`
        await ask(server, 'PUT', db)
        // The body waits in a file, too, which must find room: the database is the larger one.
        assert.equal((await ask(server, 'PUT', `${db}/a/a`, randomBytes(18 << 20), null, { 'content-type': 'image/png' })).status, 201)
        const docs = Array.from({ length: 170 }, (_, i) => ({
          ...(replicated || i % 2 ? { _id: `d${i}` } : {}), ...(replicated ? { _rev: '1-a' } : {}), n: i, text: random(100000)
        }))
        const { file } = JSON.parse((await ask(server, 'GET', db)).body).sizes
        limit(file + (7 << 20)) // some batches of 4 MiB of text, half of that stored, but not all
        const { status, body } = await ask(server, 'POST', `${db}/_bulk_docs`, JSON.stringify({ docs, new_edits: !replicated }))
        limit('unlimited')
        assert.equal(status, 507, body.slice(0, 200))
        const results = JSON.parse(body)
        const failed = results.filter((r) => r.error)
        assert.ok(failed.length > 0 && failed.length < docs.length, `${failed.length}`)
        for (const r of failed) assert.deepEqual([r.error, r.reason], ['insufficient_storage', 'database_dir is too full'])
        assert.equal(results.length, replicated ? failed.length : docs.length)
        const rows = JSON.parse((await ask(server, 'GET', `${db}/_all_docs`)).body).rows.map((row) => row.id).filter((id) => id !== 'a')
        const lost = new Set(failed.map((r) => r.id))
        assert.equal(rows.length, docs.length - failed.length)
        for (const id of rows) assert.ok(!lost.has(id), id)
        if (!replicated) assert.deepEqual(results.filter((r) => r.ok).map((r) => r.id).sort(), rows.sort())
        // What failed, again: everything is there then.
        const again = JSON.stringify({ docs: docs.filter((doc, i) => replicated ? lost.has(doc._id) : results[i].error), new_edits: !replicated })
        assert.equal((await ask(server, 'POST', `${db}/_bulk_docs`, again)).status, 201)
        assert.equal(JSON.parse((await ask(server, 'GET', db)).body).doc_count, docs.length + 1)
      }
    }
  },
  {
    name: 'a client that goes away in the middle of a large body leaves no file behind',
    async run (server) {
      await ask(server, 'PUT', '/db')
      const fds = `/proc/${server.child.pid}/fd`
      const spools = () => readdirSync(fds).filter((fd) => {
        try {
          const target = readlinkSync(path.join(fds, fd))
          return target.startsWith(server.dir) && target.endsWith('(deleted)')
        } catch { return false }
      }).length
      const before = readdirSync(path.join(server.dir, 'data')).sort()
      const link = await dial(server, `POST /db/_bulk_docs HTTP/1.1\r\nHost: a\r\nAuthorization: ${AUTH}\r\n` +
        'Content-Type: application/json\r\nContent-Length: 30000000\r\n\r\n{"docs":[{"_id":"never"},{"a":"')
      link.socket.write('x'.repeat(12000000))
      await until('the body is in a file', () => spools() === 1)
      assert.deepEqual(readdirSync(path.join(server.dir, 'data')).sort(), before)
      link.socket.destroy()
      await until('the file is gone', () => spools() === 0)
      assert.equal((await ask(server, 'GET', '/db/never')).status, 404)
      assert.deepEqual(readdirSync(path.join(server.dir, 'data')).sort(), before)
    }
  },
  {
    name: 'a half-closed connection still gets its answer',
    async run (server) {
      const link = await dial(server, head('/_all_dbs'))
      link.socket.end()
      await until('the answer is there', () => link.text.includes('[]'))
      await until('the connection is closed', () => link.ended)
    }
  },
  {
    name: 'out of descriptors the server waits and recovers',
    async run (server) {
      await server.stop()
      await server.start([], ['prlimit', '--nofile=40'])
      assert.equal((await ask(server, 'PUT', '/db')).status, 201)
      const links = []
      for (let i = 0; i < 60; i++) {
        try { links.push(await dial(server)) } catch { /* turned away: that is the point */ }
      }
      const used = () => readFileSync(`/proc/${server.child.pid}/stat`, 'utf8').split(' ').slice(13, 15).reduce((sum, n) => sum + Number(n), 0)
      // Who is busy with nothing is so all the time; what is left to do at the beginning ends.
      let spent
      for (let i = 0; i < 10 && !(spent < 60); i++) {
        const before = used()
        await sleep(2000)
        spent = used() - before
      }
      assert.ok(spent < 60, `the processor is busy with nothing: ${spent} ticks in 2 s`)
      for (const link of links) link.socket.destroy()
      await until('it serves again', async () => {
        try { return (await ask(server, 'PUT', '/db/x' + Date.now(), '{}')).status === 201 } catch { return false }
      })
    }
  },
  {
    name: 'SIGTERM lets answers finish and ends feeds and idle connections',
    async run (server) {
      await ask(server, 'PUT', '/db')
      const idle = await dial(server, 'GET /_up HTTP/1.1\r\nHost: a\r\n\r\n')
      const feed = await dial(server, head('/db/_changes?feed=continuous&since=0'))
      const body = JSON.stringify({ docs: Array.from({ length: 3000 }, (_, i) => ({ _id: `d${i}` })) })
      const upload = await dial(server, `POST /db/_bulk_docs HTTP/1.1\r\nHost: a\r\nAuthorization: ${AUTH}\r\n` +
        `Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`)
      await until('all are served', () => idle.text.includes('ok') && feed.text.includes('200 OK') && upload.text.includes('100 Continue'))
      upload.socket.write(body.slice(0, 1000))
      server.child.kill('SIGTERM')
      await until('feeds and idle connections end', () => idle.ended && (feed.ended || feed.text.includes('\r\n0\r\n\r\n')))
      await assert.rejects(dial(server))
      upload.socket.write(body.slice(1000))
      await until('the upload is answered', () => upload.text.includes('201 Created') && upload.ended)
      assert.equal(await server.exited, 0)
      await server.start()
      assert.match((await ask(server, 'GET', '/db')).body, /"doc_count":3000/)
    }
  },
  {
    name: 'a second SIGTERM ends the server at once',
    async run (server) {
      const link = await dial(server, `POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n`)
      await until('the request is being served', () => link.text.includes('100 Continue'))
      link.socket.write('{')
      server.child.kill('SIGTERM')
      // The first has been heard: two that come together are one.
      await until('nobody is let in', () => dial(server).then((other) => other.socket.destroy(), () => true))
      await sleep(200)
      assert.equal(server.child.exitCode, null)
      const start = Date.now()
      server.child.kill('SIGTERM')
      assert.notEqual(await server.exited, 0)
      assert.ok(Date.now() - start < 15000) // it would wait for the request's 30 s
      link.socket.destroy()
      await server.start()
    }
  },
  {
    name: 'what was acknowledged is there after SIGKILL',
    async run (server) {
      await ask(server, 'PUT', '/db')
      const acked = []
      let stop = false
      const agent = new http.Agent({ keepAlive: true })
      const writers = Array.from({ length: 8 }, async (_, n) => {
        for (let i = 0; !stop; i++) {
          try {
            const { status } = await ask(server, 'PUT', `/db/w${n}-${i}`, '{}', agent)
            if (status === 201) acked.push(`w${n}-${i}`)
          } catch { return }
        }
      })
      await until('enough is acknowledged', () => acked.length > 200)
      server.child.kill('SIGKILL')
      await server.exited
      stop = true
      await Promise.all(writers)
      agent.destroy()
      await server.start()
      const rows = JSON.parse((await ask(server, 'GET', '/db/_all_docs')).body).rows
      const found = new Set(rows.map((row) => row.id))
      const lost = acked.filter((id) => !found.has(id))
      assert.ok(acked.length > 20, `only ${acked.length} writes`)
      assert.deepEqual(lost, [])
    }
  },
  {
    name: 'a killed answer can be told from a complete one',
    async run (server) {
      await ask(server, 'PUT', '/db')
      // More than the buffers of both ends of a socket hold.
      for (let k = 0; k < 4; k++) {
        const docs = Array.from({ length: 2000 }, (_, i) => ({ _id: `d${k}-${i}`, text: 'x'.repeat(4000) }))
        await ask(server, 'POST', '/db/_bulk_docs', JSON.stringify({ docs }))
      }
      const link = await dial(server)
      link.socket.once('data', () => link.socket.pause())
      link.socket.write(head('/db/_all_docs?include_docs=true'))
      await until('the answer has begun', () => link.text !== '')
      server.child.kill('SIGKILL')
      await server.exited
      link.socket.resume()
      await until('the connection is gone', () => link.ended)
      assert.match(link.text, /200 OK/)
      assert.ok(!link.text.endsWith('0\r\n\r\n'))
      await server.start()
    }
  },
  {
    name: 'clients that write at the same time share syncs and get their own answers',
    async run (server) {
      await ask(server, 'PUT', '/db')
      const agent = new http.Agent({ keepAlive: true, maxSockets: 64 })
      const jobs = Array.from({ length: 640 }, (_, i) => ask(server, 'PUT', `/db/d${i % 320}`, '{}', agent))
      const answers = await Promise.all(jobs)
      agent.destroy()
      assert.equal(answers.filter((a) => a.status === 201).length, 320)
      assert.equal(answers.filter((a) => a.status === 409).length, 320)
    }
  },
  {
    name: 'one missing stub does not spoil the writes beside it',
    async run (server) {
      await ask(server, 'PUT', '/db')
      const agent = new http.Agent({ keepAlive: true, maxSockets: 64 })
      const bad = '{"_attachments":{"a":{"stub":true,"content_type":"a/b"}}}'
      const jobs = Array.from({ length: 400 }, (_, i) => ask(server, 'PUT', `/db/d${i}`, i % 10 ? '{}' : bad, agent))
      const answers = await Promise.all(jobs)
      agent.destroy()
      answers.forEach((a, i) => assert.equal(a.status, i % 10 ? 201 : 412, `${i}: ${a.body}`))
    }
  },
  {
    name: 'databases are created and deleted while others use them',
    async run (server) {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 16 })
      const user = async (n) => {
        for (let i = 0; i < 30; i++) {
          const made = await ask(server, 'PUT', `/churn${n % 2}`, null, agent)
          assert.ok([201, 412].includes(made.status), made.body)
          const wrote = await ask(server, 'PUT', `/churn${n % 2}/d${n}-${i}`, '{}', agent)
          assert.ok([201, 404].includes(wrote.status), wrote.body)
          const gone = await ask(server, 'DELETE', `/churn${n % 2}`, null, agent)
          assert.ok([200, 404].includes(gone.status), gone.body)
        }
      }
      await Promise.all([0, 1, 2, 3, 4, 5].map(user))
      agent.destroy()
      assert.equal((await ask(server, 'GET', '/_all_dbs')).body, '[]\n')
      const left = readdirSync(path.join(server.dir, 'data')).filter((f) => f.startsWith('.deleted'))
      assert.deepEqual(left, [])
    }
  },
  {
    name: 'idle databases are closed when too many are open, and open again',
    ini: [{ section: 'couchdb', setting: 'max_dbs_open = 5' }],
    async run (server) {
      for (let i = 0; i < 20; i++) {
        assert.equal((await ask(server, 'PUT', `/db${i}`)).status, 201)
        assert.equal((await ask(server, 'PUT', `/db${i}/x`, '{}')).status, 201)
      }
      await until('few are open', () => openFiles(server) < 30)
      for (let i = 0; i < 20; i++) assert.equal((await ask(server, 'GET', `/db${i}/x`)).status, 200)
    }
  },
  {
    name: 'no secret in the log',
    async run (server) {
      await server.stop()
      server.logLevel = 'debug'
      await server.start()
      await ask(server, 'GET', '/_up?password=hunter2&x=y&token=hunter3')
      const link = await dial(server, 'POST /_session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nConnection: close\r\n' +
        'Cookie: AuthSession=hunter4\r\nContent-Length: 38\r\n\r\n{"name":"admin","password":"hunter5"}  ')
      await until('it is answered', () => link.ended)
      await ask(server, 'PUT', '/_node/_local/_config/admins/eve', '"hunter6"')
      await until('the log has it', () => server.errors.includes('admins/eve'))
      assert.match(server.errors, /GET \/_up\?password=\*+&x=y&token=\*+ 200/)
      assert.doesNotMatch(server.errors, /hunter\d|Basic/)
      server.logLevel = 'error'
    }
  },
  {
    name: 'a flood of logins does not stop everything else',
    async run (server) {
      // The processor time tells, not the clock: other tests run beside.
      const used = () => readFileSync(`/proc/${server.child.pid}/stat`, 'utf8').split(' ').slice(13, 15)
        .reduce((sum, ticks) => sum + Number(ticks) / 100, 0)
      await ask(server, 'PUT', '/db')
      const login = (name) => dial(server, `GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic ${Buffer.from(`${name}:x`).toString('base64')}\r\n\r\n`)
      const idle = used()
      const one = await login('somebody')
      await until('one login is refused', () => one.text !== '')
      const each = used() - idle
      assert.ok(each >= 0.03, `a login costs ${each} s`)
      const flood = []
      for (let i = 0; i < 200; i++) {
        const link = await login(`nobody${i}`)
        link.socket.on('error', () => {})
        flood.push(link)
      }
      // The writes do not stand behind the flood: they are answered while most of it still waits.
      for (let i = 0; i < 5; i++) assert.equal((await ask(server, 'PUT', `/db/d${i}`, '{}')).status, 201)
      const waiting = flood.filter((link) => link.text === '').length
      assert.ok(waiting > 20, `only ${waiting} logins waited still when five writes were done`)
      const begin = used()
      for (const link of flood) link.socket.resetAndDestroy()
      for (let last = -1; used() - last > 0.05; await sleep(1000)) last = used()
      // What the workers had begun is ended, and no more.
      assert.ok(used() - begin < each * (waiting / 3 + 5), `the server hashed on for nobody: ${used() - begin} s`)
      assert.equal(await server.stop(), 0)
    }
  },
  {
    name: 'a slow head is timed out',
    async run (server) {
      const start = Date.now()
      const link = await dial(server, 'GET /_up HTTP/1.1\r\nHost')
      const drip = setInterval(() => link.socket.write('x'), 1000)
      // However long it drips: each byte that put the limit off would do so for ever.
      await until('it is refused', () => link.ended)
      clearInterval(drip)
      const took = Date.now() - start
      assert.ok(took > 12000, `${took} ms`)
      assert.match(link.text, /^HTTP\/1.1 408 /)
      link.socket.destroy()
    }
  },
  {
    name: 'an answer is UTF-8, whatever bytes it repeats',
    async run (server) {
      await ask(server, 'PUT', '/db')
      for (const bytes of ['%FF', '%C3', '%ED%A0%80', '%E0%80%80', '%F4%90%80%80', '%F0%9F', 'a%C3(b']) {
        for (const target of ['/_node/', '/_', '/db/_all_docs?limit=', '/db/_all_docs?descending=',
          '/db/_changes?since=', '/_all_dbs?limit=', '/db/']) {
          const link = await dial(server, head(target + bytes, 'Connection: close\r\n').replace('GET /_%', 'PUT /_%'))
          await until(`${target}${bytes} is answered`, () => link.ended)
          const answer = Buffer.from(link.text, 'latin1')
          assert.match(link.text, /^HTTP\/1.1 [1-4]/, `${target}${bytes}`)
          assert.doesNotThrow(() => new TextDecoder('utf-8', { fatal: true }).decode(answer), `${target}${bytes}`)
          link.socket.destroy()
        }
      }
    }
  },
  {
    name: 'an answer to HEAD has no body, also if the head is refused',
    async run (server) {
      for (const line of [`HEAD /${'x'.repeat(9000)} HTTP/1.1`, 'HEAD /_up HTTP/9.9', 'HEAD _up HTTP/1.1']) {
        const link = await dial(server, `${line}\r\nHost: a\r\n\r\n`)
        await until('it is refused', () => link.ended)
        assert.match(link.text, /^HTTP\/1.1 (414|505|400) [^]*\r\nContent-Length: \d+\r\n[^]*\r\n\r\n$/)
        link.socket.destroy()
      }
    }
  },
  {
    name: 'a deleted database stays deleted, whatever its compaction was about to do',
    async run (server) {
      for (let i = 0; i < 60; i++) {
        assert.equal((await ask(server, 'PUT', '/gone')).status, 201)
        await ask(server, 'PUT', '/gone/a', '{}')
        assert.equal((await ask(server, 'POST', '/gone/_compact', '{}')).status, 202)
        if (i % 3 > 0) await sleep(i % 12)
        assert.equal((await ask(server, 'DELETE', '/gone')).status, 200)
        await sleep(5)
        assert.equal((await ask(server, 'GET', '/gone')).status, 404, `round ${i}`)
      }
    }
  },
  {
    name: 'an upload ends with its last byte, however it is cut into pieces',
    async run (server) {
      await ask(server, 'PUT', '/db')
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
      for (let i = 0; i < 60; i++) {
        const bytes = Buffer.alloc(262144 * (1 + i % 4), i)
        const put = ask(server, 'PUT', `/db/d${i}/file`, bytes, agent, { 'content-type': 'application/octet-stream' })
        const answer = await Promise.race([put, sleep(25000)]) // what waits for more bytes waits for 30 s
        assert.equal(answer?.status, 201, `upload ${i}`)
      }
      agent.destroy()
    }
  }
]
