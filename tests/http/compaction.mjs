// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: compaction as an operator meets it: by itself, paused, cancelled, and after a kill.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import path from 'node:path'

const AUTH = 'Basic ' + Buffer.from('admin:secret').toString('base64')
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

async function ask (server, method, target, body, type = 'application/json') {
  const answer = await fetch(`http://127.0.0.1:${server.port}${target}`, { method, body, headers: { authorization: AUTH, 'content-type': type } })
  const text = await answer.text()
  return { status: answer.status, json: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text }
}

async function until (what, check, timeoutMs = 180000) {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await sleep(20)) {
    if (await check()) return
  }
  assert.fail(`waited too long until ${what}`)
}

async function set (server, key, value) {
  const answer = await ask(server, 'PUT', `/_node/_local/_config/compaction/${key}`, JSON.stringify(String(value)))
  assert.equal(answer.status, 200, `${key}: ${JSON.stringify(answer.json)}`)
}

const heirOf = (server, db) => path.join(server.dir, 'data', `${db}.tuf.compact`)
const info = async (server, db) => (await ask(server, 'GET', `/${db}`)).json

async function fill (server, db, count, size) {
  assert.equal((await ask(server, 'PUT', `/${db}`)).status, 201)
  for (let i = 0; i < count; i++) {
    const put = await ask(server, 'PUT', `/${db}/d${i}/a`, randomBytes(size), 'application/octet-stream')
    assert.equal(put.status, 201)
  }
}

export const compactionBehaviours = [
  {
    name: 'garbage goes by itself',
    async run (server) {
      await set(server, 'auto', false) // until the garbage is there and counted
      await set(server, 'min_file_size', 1000000)
      await set(server, 'check_interval', 1)
      await fill(server, 'db', 1, 100)
      let rev = (await ask(server, 'GET', '/db/d0')).json._rev
      for (let i = 0; i < 30; i++) {
        const text = randomBytes(60000).toString('base64')
        rev = (await ask(server, 'PUT', '/db/d0', JSON.stringify({ _rev: rev, text }))).json.rev
      }
      const size = (await info(server, 'db')).sizes.file
      assert.ok(size > 2000000)
      await set(server, 'auto', true)
      await until('it is compacted', async () => (await info(server, 'db')).sizes.file < size / 4)
      await until('that has ended', async () => !(await info(server, 'db')).compact_running)
      assert.equal((await ask(server, 'GET', '/db/d0')).json._rev, rev)
      const small = (await info(server, 'db')).sizes.file
      await sleep(2500)
      assert.equal((await info(server, 'db')).sizes.file, small, 'and not again and again')
    }
  },
  {
    name: 'automatic compaction keeps to its hours, and can be turned off',
    async run (server) {
      const now = new Date()
      const time = (hours) => `${String((now.getHours() + hours) % 24).padStart(2, '0')}:00`
      await set(server, 'from', time(2))
      await set(server, 'to', time(4))
      await set(server, 'min_file_size', 1)
      await set(server, 'min_garbage_percent', 0)
      await set(server, 'check_interval', 1)
      await fill(server, 'db', 3, 100000)
      const size = (await info(server, 'db')).sizes.file
      await sleep(2500)
      assert.equal((await info(server, 'db')).sizes.file, size)
      await set(server, 'auto', false)
      await set(server, 'from', '00:00')
      await set(server, 'to', '00:00')
      await sleep(2500)
      assert.equal((await info(server, 'db')).sizes.file, size)
      assert.equal((await ask(server, 'PUT', '/_node/_local/_config/compaction/from', '"25:00"')).status, 400)
    }
  },
  {
    name: 'a compaction can be paused and cancelled',
    async run (server) {
      await fill(server, 'db', 6, 1 << 20)
      await set(server, 'paused', true)
      assert.equal((await ask(server, 'DELETE', '/db/_compact')).status, 404)
      assert.equal((await ask(server, 'POST', '/db/_compact', '{}')).status, 202)
      const task = async () => (await ask(server, 'GET', '/_active_tasks')).json[0] ?? {}
      await until('it is paused', async () => (await task()).process_status === 'suspended')
      assert.equal((await info(server, 'db')).compact_running, true)
      assert.equal((await task()).type, 'database_compaction')
      assert.equal((await task()).database, 'db')
      assert.equal((await ask(server, 'PUT', '/db/more', '{}')).status, 201)
      assert.ok(existsSync(heirOf(server, 'db')))
      assert.equal((await ask(server, 'DELETE', '/db/_compact')).status, 202)
      await until('it is cancelled', async () => !(await info(server, 'db')).compact_running)
      await until('its file is gone', () => !existsSync(heirOf(server, 'db')))
      assert.equal((await ask(server, 'POST', '/db/_compact', '{}')).status, 202)
      await until('it is paused again', async () => (await task()).process_status === 'suspended')
      await set(server, 'paused', false)
      await until('it has ended', async () => !(await info(server, 'db')).compact_running)
      assert.equal((await ask(server, 'GET', '/db/more')).status, 200)
      await until('no task is left', async () => (await ask(server, 'GET', '/_active_tasks')).json.length === 0)
    }
  },
  {
    name: 'after a kill the server goes on with it, and a deleted database leaves nothing',
    async run (server) {
      await fill(server, 'db', 80, 1 << 20)
      await set(server, 'bytes_per_second', 25000000)
      await set(server, 'min_garbage_percent', 0)
      await set(server, 'check_interval', 1)
      const grown = () => existsSync(heirOf(server, 'db')) && statSync(heirOf(server, 'db')).size > 50000000
      await until('most is copied', async () => grown())
      // However late the kill comes, it is not at its end by then.
      await set(server, 'bytes_per_second', 10000)
      server.child.kill('SIGKILL')
      await server.exited
      assert.ok(grown())
      await server.start()
      await set(server, 'bytes_per_second', 25000000)
      await until('it has ended', async () => !existsSync(heirOf(server, 'db')))
      await until('it has ended', async () => !(await info(server, 'db')).compact_running)
      assert.equal((await info(server, 'db')).doc_count, 80)
      for (let i = 0; i < 80; i += 7) assert.equal((await ask(server, 'GET', `/db/d${i}/a`)).status, 200)
      await set(server, 'paused', true)
      await ask(server, 'POST', '/db/_compact', '{}')
      await until('it is paused', async () => existsSync(heirOf(server, 'db')))
      assert.equal((await ask(server, 'DELETE', '/db')).status, 200)
      await until('nothing is left', async () => !existsSync(heirOf(server, 'db')))
    }
  },
  {
    name: 'a hundred compactions beside eight writers, readers, feeds, attachments and a replication lose nothing',
    async run (server) {
      await set(server, 'auto', false)
      assert.equal((await ask(server, 'PUT', '/busy')).status, 201)
      const to = (db) => ({ url: `http://127.0.0.1:${server.port}/${db}`, headers: { authorization: AUTH } })
      const job = await ask(server, 'POST', '/_replicate', JSON.stringify({ source: to('busy'), target: to('copy'), create_target: true, continuous: true }))
      assert.ok(job.status < 300, JSON.stringify(job.json))
      let stop = false
      const acknowledged = new Map() // id: { rev, bytes }
      const write = async (number) => {
        for (let i = 0; !stop; i++) {
          const id = `w${number}-${i % 12}`
          const known = acknowledged.get(id)
          if (i % 3 === 2 && known) {
            const bytes = randomBytes(i % 2 ? 300 : 90000)
            const put = await ask(server, 'PUT', `/busy/${id}/a?rev=${known.rev}`, bytes, 'application/octet-stream')
            assert.equal(put.status, 201, JSON.stringify(put.json))
            acknowledged.set(id, { rev: put.json.rev, bytes })
          } else {
            const put = await ask(server, 'PUT', `/busy/${id}`, JSON.stringify({ _rev: known?.rev, i, text: 'x'.repeat(i % 5 * 900) }))
            assert.equal(put.status, 201, JSON.stringify(put.json))
            acknowledged.set(id, { rev: put.json.rev })
          }
        }
      }
      const read = async () => {
        while (!stop) {
          const all = await ask(server, 'GET', '/busy/_all_docs?include_docs=true&conflicts=true')
          assert.equal(all.status, 200)
          assert.ok(all.json.rows.every((row) => row.doc?._rev === row.value.rev))
        }
      }
      const follow = async () => {
        for (let since = '0', seen = 0; !stop;) {
          const changes = await ask(server, 'GET', `/busy/_changes?feed=longpoll&timeout=300&since=${since}`)
          assert.equal(changes.status, 200)
          for (const row of changes.json.results) {
            const seq = parseInt(row.seq)
            assert.ok(seq > seen, `${seq} after ${seen}`)
            seen = seq
          }
          since = changes.json.last_seq
        }
      }
      const busy = [...Array(8).keys()].map(write).concat(read(), follow(), follow())
      let failure
      Promise.all(busy).catch((error) => { failure = error; stop = true })
      for (let i = 0; i < 100 && !stop; i++) {
        assert.equal((await ask(server, 'POST', '/busy/_compact', '{}')).status, 202)
        await until(`compaction ${i} is through`, async () => stop || !(await info(server, 'busy')).compact_running)
      }
      stop = true
      await Promise.allSettled(busy)
      if (failure) throw failure
      assert.ok(acknowledged.size === 96 || acknowledged.size > 8, `${acknowledged.size} documents`)
      await until('the copy has everything', async () => {
        const [a, b] = [await info(server, 'busy'), await info(server, 'copy')]
        if (a.doc_count !== b.doc_count) return false
        for (const [id, { rev }] of acknowledged) if ((await ask(server, 'GET', `/copy/${id}`)).json._rev !== rev) return false
        return true
      })
      for (const db of ['busy', 'copy']) {
        for (const [id, { rev, bytes }] of acknowledged) {
          assert.equal((await ask(server, 'GET', `/${db}/${id}`)).json._rev, rev, `${db}/${id}`)
          if (!bytes) continue
          const got = await fetch(`http://127.0.0.1:${server.port}/${db}/${id}/a`, { headers: { authorization: AUTH } })
          assert.ok(Buffer.from(await got.arrayBuffer()).equals(bytes), `${db}/${id}/a`)
        }
      }
    }
  },
  {
    name: 'dead space goes between compactions, where that is asked for',
    async run (server) {
      await set(server, 'auto', false)
      await set(server, 'min_file_size', 100000)
      await set(server, 'check_interval', 1)
      await fill(server, 'db', 1, 100)
      const put = async (i) => {
        const rev = (await ask(server, 'GET', '/db/d0')).json._rev
        return await ask(server, 'PUT', '/db/d0', JSON.stringify({ _rev: rev, text: randomBytes(60000).toString('base64'), i }))
      }
      for (let i = 0; i < 30; i++) assert.equal((await put(i)).status, 201)
      const file = path.join(server.dir, 'data', 'db.tuf')
      const before = statSync(file).blocks * 512
      assert.ok(before > 1500000, `${before} bytes`)
      await set(server, 'keep_history', 0)
      await set(server, 'trim', true)
      await until('the blocks are back', async () => statSync(file).blocks * 512 < before / 2)
      assert.ok(statSync(file).size >= before / 2, 'in the same file')
      assert.equal((await put(30)).status, 201)
      assert.equal((await ask(server, 'GET', '/db/d0')).json.i, 30)
    }
  }
]
