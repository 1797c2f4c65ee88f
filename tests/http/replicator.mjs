// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: jobs of _replicator documents over time: killed servers, remotes that fail, more jobs than
// places, jobs at rest, and secrets that must not show anywhere.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { Server } from './server.mjs'

const AUTH = 'Basic ' + Buffer.from('admin:secret').toString('base64')
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

async function ask (server, method, target, body) {
  const answer = await fetch(`http://127.0.0.1:${server.port}${target}`, {
    method, headers: { authorization: AUTH, 'content-type': 'application/json' }, body: body && JSON.stringify(body)
  })
  return { status: answer.status, body: await answer.json() }
}

async function made (server, method, target, body) {
  const { status, body: answer } = await ask(server, method, target, body)
  assert.ok(status < 300, `${method} ${target}: ${status} ${JSON.stringify(answer)}`)
  return answer
}

async function until (what, check, timeoutMs = 120000) {
  let last
  for (const end = Date.now() + timeoutMs; Date.now() < end; await sleep(50)) {
    last = await check()
    if (last === true) return
  }
  assert.fail(`${what}: ${JSON.stringify(last)}`)
}

const url = (server, db) => `http://admin:secret@127.0.0.1:${server.port}/${db}`
const state = async (server, id) => (await ask(server, 'GET', `/_scheduler/docs/_replicator/${id}`)).body.state

async function withSecond (server, run) {
  const second = new Server(server.program, [])
  try {
    await second.start()
    await run(second)
    assert.equal(await second.stop(), 0)
  } finally {
    second.child?.kill('SIGKILL')
    second.remove()
  }
}

async function fill (server, db, count) {
  await made(server, 'PUT', `/${db}`)
  const docs = Array.from({ length: count }, (_, i) => ({ _id: `d${i}`, text: 'x'.repeat(200) }))
  await made(server, 'POST', `/${db}/_bulk_docs`, { docs })
}

const countOf = async (server, db) => (await ask(server, 'GET', `/${db}`)).body.doc_count

// A purged document is gone without a change: so is its job.
async function purged (server, second) {
  await fill(second, 'pu-from', 3)
  await made(second, 'PUT', '/pu-to')
  await made(server, 'PUT', '/_replicator').catch(() => {})
  const job = { source: url(second, 'pu-from'), target: url(second, 'pu-to'), continuous: true }
  const { rev } = await made(server, 'PUT', '/_replicator/gone', job)
  await until('the job runs', async () => await state(server, 'gone') === 'running' || await state(server, 'gone'))
  await made(server, 'POST', '/_replicator/_purge', { gone: [rev] })
  await until('the job ends', async () => (await ask(server, 'GET', '/_scheduler/jobs')).body.jobs.every((one) => one.doc_id !== 'gone') || 'still there')
  await until('no task is left', async () => (await ask(server, 'GET', '/_active_tasks')).body.every((task) => task.doc_id !== 'gone') || 'still there')
  assert.equal((await ask(server, 'GET', '/_scheduler/docs/_replicator/gone')).status, 404)
  await made(second, 'PUT', '/pu-from/late', {})
  await sleep(500)
  assert.equal((await ask(second, 'GET', '/pu-to/late')).status, 404)
}

async function killed (server, second) {
  const count = 4000
  await fill(second, 'from', count)
  await made(second, 'PUT', '/to')
  await made(server, 'PUT', '/_replicator')
  await made(server, 'PUT', '/_replicator/job', {
    source: url(second, 'from'), target: url(second, 'to'), continuous: true, worker_batch_size: 10, checkpoint_interval: 100
  })
  await until('a checkpoint is written on the way', async () => {
    const { info } = (await ask(server, 'GET', '/_scheduler/docs/_replicator/job')).body
    return info && info.checkpointed_source_seq !== 0 ? true : info
  })
  server.child.kill('SIGKILL')
  await server.exited
  // However late the kill came, there is something left to do.
  const more = Array.from({ length: 500 }, (_, i) => ({ _id: `more${i}` }))
  await made(second, 'POST', '/from/_bulk_docs', { docs: more })
  const all = count + more.length
  await server.start()
  await until('all documents are there', async () => (await countOf(second, 'to')) === all || await countOf(second, 'to'))
  await until('its log has a run that did not begin anew', async () => {
    const { rows } = (await ask(second, 'GET', '/from/_local_docs?include_docs=true')).body
    const logs = rows.filter((row) => row.doc.history).map((row) => row.doc.history)
    return (logs.length === 1 && logs[0].length === 2 && logs[0][0].start_last_seq !== 0) || logs
  })
  const { info } = (await ask(server, 'GET', '/_scheduler/docs/_replicator/job')).body
  assert.ok(info.docs_written >= more.length, JSON.stringify(info))
  await made(second, 'PUT', '/from/late', {})
  await until('a later change goes over', async () => (await ask(second, 'GET', '/to/late')).status === 200)
  assert.equal(await state(server, 'job'), 'running')
}

async function failing (server) {
  const times = []
  const remote = http.createServer((req, res) => {
    times.push(Date.now())
    res.writeHead(500, { 'content-type': 'application/json' })
    res.end('{"error":"broken","reason":"on purpose"}')
  })
  await new Promise((resolve) => remote.listen(0, '127.0.0.1', resolve))
  const where = `http://127.0.0.1:${remote.address().port}/db`
  await made(server, 'PUT', '/_replicator')
  await made(server, 'PUT', '/_replicator/job', { source: where, target: `${where}2`, continuous: true, retries_per_request: 0 })
  // Runs begin after 0, 1, 3 and 7 seconds, and end with their first request.
  await until('it has failed four times', async () => {
    const { body } = await ask(server, 'GET', '/_scheduler/docs/_replicator/job')
    return (body.state === 'crashing' && body.error_count === 4) || body
  })
  remote.closeAllConnections()
  remote.close()
  const gaps = times.slice(1).map((time, i) => time - times[i])
  assert.equal(times.length, 4, `it ran ${times.length} times: ${gaps}`)
  // A wait that was measured is shorter by what this process was late with the request before.
  gaps.forEach((gap, i) => assert.ok(gap > 500 * 2 ** i, `waits of ${gaps} ms`))
  await until('the log has all four', () => server.errors.split('\n').filter((line) => line.includes('in a row')).length === 4 || server.errors)
}

async function turns (server, second) {
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  await fill(second, 'from', 20)
  await made(server, 'PUT', '/_replicator')
  for (const name of names) {
    await made(second, 'PUT', `/to_${name}`)
    await made(server, 'PUT', `/_replicator/${name}`, { source: url(second, 'from'), target: url(second, `to_${name}`), continuous: true })
  }
  let most = 0
  const everywhere = (id) => async () => {
    const running = (await ask(server, 'GET', '/_active_tasks')).body.length
    most = Math.max(most, running)
    const got = await Promise.all(names.map(async (name) => (await ask(second, 'GET', `/to_${name}/${id}`)).status))
    return got.every((status) => status === 200) || got
  }
  await until('all have the first documents', everywhere('d19'))
  await made(second, 'PUT', '/from/late', {})
  await until('all have a later one', everywhere('late'))
  assert.equal(most, 2)
  const { jobs } = (await ask(server, 'GET', '/_scheduler/jobs')).body
  assert.equal(jobs.length, 6)
  for (const job of jobs) {
    assert.ok(job.history.some((event) => event.type === 'stopped'), JSON.stringify(job))
    assert.ok(!job.history.some((event) => event.type === 'crashed'), JSON.stringify(job))
  }
  // Who gives way writes a checkpoint, half a minute before it is due.
  await until('all have a checkpoint', async () => {
    const { rows } = (await ask(second, 'GET', '/from/_local_docs')).body
    return rows.length === 6 || rows
  })
}

const ticks = (server) => {
  const fields = readFileSync(`/proc/${server.child.pid}/stat`, 'latin1').split(') ')[1].split(' ')
  return Number(fields[11]) + Number(fields[12])
}

async function atRest (server) {
  await fill(server, 'from', 10)
  await made(server, 'PUT', '/_replicator')
  for (const name of ['a', 'b', 'c', 'd']) {
    await made(server, 'PUT', `/to_${name}`)
    await made(server, 'PUT', `/_replicator/${name}`, { source: url(server, 'from'), target: url(server, `to_${name}`), continuous: true })
  }
  for (const name of ['a', 'b', 'c', 'd']) await until('it is done', async () => (await countOf(server, `to_${name}`)) === 10)
  // It is 0 or 1, that of long polls that end in these seconds; sanitizers take more. What costs something
  // does so all the time; what is left to do at the beginning ends.
  let spent
  for (let i = 0; i < 8 && !(spent <= 5); i++) {
    const before = ticks(server)
    await sleep(5000)
    spent = ticks(server) - before
  }
  assert.ok(spent <= 5, `${spent} ticks of CPU in 5 s`)
}

async function oneShot (server) {
  await fill(server, 'from', 100)
  await made(server, 'PUT', '/_replicator')
  const first = await made(server, 'PUT', '/_replicator/job', { source: url(server, 'from'), target: url(server, 'to'), create_target: true })
  await until('it completes', async () => (await state(server, 'job')) === 'completed')
  const doc = (await ask(server, 'GET', '/_replicator/job')).body
  assert.match(doc._rev, /^2-/, first.rev)
  assert.equal(doc._replication_state, 'completed')
  assert.equal(doc._replication_stats.docs_written, 100)
  assert.equal(doc._replication_stats.doc_write_failures, 0)
  assert.match(doc._replication_state_time, /^20..-..-..T..:..:..Z$/)
  assert.equal((await ask(server, 'GET', '/_scheduler/jobs')).body.total_rows, 0)
  const shown = (await ask(server, 'GET', '/_scheduler/docs/_replicator/job')).body
  assert.deepEqual(Object.keys(shown), ['database', 'doc_id', 'id', 'source', 'target', 'state', 'error_count', 'info', 'start_time', 'last_updated'])
  // A completed document does not run again, neither after a restart nor when it is touched, but
  // when its state is taken out.
  await made(server, 'PUT', '/from/late', {})
  await made(server, 'PUT', '/_replicator/job', { ...doc, note: 1 })
  await server.stop()
  await server.start()
  await sleep(500)
  assert.equal((await ask(server, 'GET', '/to/late')).status, 404)
  const again = (await ask(server, 'GET', '/_replicator/job')).body
  await made(server, 'PUT', '/_replicator/job', {
    _rev: again._rev, source: url(server, 'from'), target: url(server, 'to'), owner: 'admin'
  })
  await until('it runs again', async () => (await ask(server, 'GET', '/to/late')).status === 200)
}

async function secrets (server) {
  const canary = 'cAnArY7'
  const remote = http.createServer((req, res) => {
    // A remote that says what it was sent.
    res.writeHead(req.url.includes('missing') ? 404 : 401, { 'content-type': 'application/json' })
    res.end(JSON.stringify({ error: 'unauthorized', reason: `you sent ${req.headers.authorization} ${req.headers['x-key']}` }))
  })
  await new Promise((resolve) => remote.listen(0, '127.0.0.1', resolve))
  const port = remote.address().port
  const target = { url: `http://127.0.0.1:${port}/y`, headers: { 'X-Key': canary, Authorization: `Bearer ${canary}` } }
  const jobs = [
    { source: `http://u:${canary}@127.0.0.1:${port}/x`, target },
    { source: { url: `http://127.0.0.1:${port}/missing`, auth: { basic: { username: 'u', password: canary } } }, target },
    { source: { url: `http://u:${canary}@127.0.0.1:1/x` }, target },
    { source: `http://u:${canary}@nowhere.invalid/x`, target },
    { source: target, target: `http://u:${canary}@127.0.0.1:${port}/x`, proxy: `http://p:${canary}@127.0.0.1:1` },
    { source: target, target: `http://u:${canary}@127.0.0.1:${port}/x`, filter: 'a/b' }
  ]
  await made(server, 'PUT', '/_replicator')
  for (const [i, job] of jobs.entries()) {
    for (const continuous of [false, true]) {
      const asked = { ...job, continuous, retries_per_request: 0 }
      await made(server, 'PUT', `/_replicator/job${i}${continuous}`, asked)
      asked.worker_batch_size = 7
      asked.since_seq = i
      const answer = await ask(server, 'POST', '/_replicate', asked)
      assert.ok(!JSON.stringify(answer).includes(canary), JSON.stringify(answer))
    }
  }
  await until('all have crashed', async () => {
    const { docs } = (await ask(server, 'GET', '/_scheduler/docs?states=crashing')).body
    return docs.length === 12 || docs.length
  })
  for (const path of ['/_scheduler/jobs', '/_scheduler/docs', '/_active_tasks', '/_scheduler/docs?states=crashing,error,failed',
    '/_scheduler/docs/_replicator/job0true']) {
    const text = JSON.stringify((await ask(server, 'GET', path)).body)
    assert.ok(!text.includes(canary), `${path}: ${text}`)
    assert.ok(!text.includes(Buffer.from(`u:${canary}`).toString('base64').slice(0, 10)), `${path}: ${text}`)
  }
  await until('the log tells of it', () => server.errors.length > 0 || 'nothing')
  assert.ok(!server.errors.includes(canary), server.errors)
  remote.closeAllConnections()
  remote.close()
}

// A remote that is a sound source up to its changes, and there says what it was sent.
async function echoes (server) {
  const canary = 'cAnArY7'
  const remote = http.createServer((req, res) => {
    const sent = `${req.headers.authorization} ${req.headers['x-key']} ${Buffer.from((req.headers.authorization ?? '').slice(6), 'base64')}`
    const local = req.url.includes('_local')
    res.writeHead(local || req.url.includes('_session') ? 404 : req.url.includes('_changes') ? 400 : 200, { 'content-type': 'application/json' })
    res.end(JSON.stringify(req.url.includes('_changes') ? { error: 'x', reason: `you sent ${sent}` } : local ? { error: 'not_found' } : { update_seq: 1, instance_start_time: '0' }))
  })
  await new Promise((resolve) => remote.listen(0, '127.0.0.1', resolve))
  const where = `127.0.0.1:${remote.address().port}/x`
  await made(server, 'PUT', '/_replicator')
  await made(server, 'PUT', '/to')
  await made(server, 'PUT', '/_replicator/a', { source: `http://u:${canary}@${where}`, target: url(server, 'to') })
  await made(server, 'PUT', '/_replicator/b', { source: { url: `http://${where}`, headers: { 'X-Key': canary, Authorization: `Bearer ${canary}` } }, target: url(server, 'to') })
  for (const id of ['a', 'b']) {
    await until('it crashes', async () => (await state(server, id)) === 'crashing')
    const text = JSON.stringify((await ask(server, 'GET', `/_scheduler/docs/_replicator/${id}`)).body)
    assert.match(text, /you sent/)
    assert.ok(!text.includes(canary), text)
    assert.ok(!text.includes(Buffer.from(`u:${canary}`).toString('base64')), text)
  }
  await until('the log tells of it', () => server.errors.includes('you sent') || server.errors)
  assert.ok(!server.errors.includes(canary), server.errors)
  remote.closeAllConnections()
  remote.close()
}

async function edited (server) {
  await fill(server, 'from', 10)
  await made(server, 'PUT', '/_replicator')
  const job = { source: url(server, 'from'), target: url(server, 'to'), create_target: true, continuous: true }
  const { rev } = await made(server, 'PUT', '/_replicator/job', job)
  await until('it runs', async () => (await ask(server, 'GET', '/to/d9')).status === 200)
  const pid = async () => (await ask(server, 'GET', '/_scheduler/jobs')).body.jobs.map((row) => row.pid).join()
  const before = await pid()
  // Something that is no matter of the replication leaves the job alone; something that is does not,
  // even if it is the same replication.
  const second = await made(server, 'PUT', '/_replicator/job', { ...job, _rev: rev, owner: 'admin' })
  await sleep(500)
  assert.equal(await pid(), before)
  const third = await made(server, 'PUT', '/_replicator/job', { ...job, _rev: second.rev, worker_batch_size: 7 })
  await until('it is started again', async () => /^<0/.test(await pid()) && (await pid()) !== before)
  await made(server, 'PUT', '/from/late', {})
  await until('it works', async () => (await ask(server, 'GET', '/to/late')).status === 200)
  const fourth = await made(server, 'PUT', '/_replicator/job', { ...job, _rev: third.rev, target: url(server, 'other') })
  await until('another target', async () => (await ask(server, 'GET', '/other/late')).status === 200)
  assert.equal((await ask(server, 'GET', '/_scheduler/jobs')).body.total_rows, 1)
  await made(server, 'DELETE', `/_replicator/job?rev=${fourth.rev}`)
  await until('it ends', async () => (await ask(server, 'GET', '/_active_tasks')).body.length === 0)
}

async function cancelled (server) {
  await fill(server, 'from', 10)
  await made(server, 'PUT', '/_replicator')
  const job = { source: url(server, 'from'), target: url(server, 'to'), create_target: true, continuous: true }
  const { rev } = await made(server, 'PUT', '/_replicator/job', job)
  await until('it runs', async () => (await state(server, 'job')) === 'running')
  const { id } = (await ask(server, 'GET', '/_scheduler/jobs')).body.jobs[0]
  await made(server, 'POST', '/_replicate', { cancel: true, replication_id: id })
  assert.equal((await ask(server, 'GET', '/_scheduler/docs/_replicator/job')).status, 404)
  assert.equal((await ask(server, 'GET', '/_scheduler/docs')).body.docs.length, 0)
  await until('it ends', async () => (await ask(server, 'GET', '/_active_tasks')).body.length === 0)
  await made(server, 'PUT', '/_replicator/job', { ...job, _rev: rev })
  await until('it runs again when the document is written', async () => (await state(server, 'job')) === 'running')
}

async function inTheWay (server) {
  await fill(server, 'from', 10)
  await made(server, 'PUT', '/_replicator')
  const job = { source: url(server, 'from'), target: url(server, 'to'), create_target: true, continuous: true }
  const { _local_id: id } = await made(server, 'POST', '/_replicate', job)
  await made(server, 'PUT', '/_replicator/job', job)
  await until('the document waits', async () => (await state(server, 'job')) === 'error')
  const { body } = await ask(server, 'GET', '/_scheduler/docs/_replicator/job')
  assert.match(body.info.error, /already running as transient replication/)
  assert.equal((await ask(server, 'GET', '/_scheduler/docs?states=error')).body.docs.length, 1)
  await made(server, 'POST', '/_replicate', { cancel: true, replication_id: id })
  await until('the document has its turn', async () => (await state(server, 'job')) === 'running')
}

async function fewer (server) {
  await fill(server, 'from', 10)
  for (const name of ['a', 'b', 'c', 'd']) {
    await made(server, 'PUT', `/to_${name}`)
    await made(server, 'POST', '/_replicate', { source: 'from', target: `to_${name}`, continuous: true })
  }
  const running = async () => (await ask(server, 'GET', '/_active_tasks')).body.length
  await until('all run', async () => (await running()) === 4)
  await made(server, 'PUT', '/_node/_local/_config/replicator/max_jobs', '1')
  await until('one runs', async () => (await running()) === 1)
  await sleep(300)
  assert.equal(await running(), 1)
  await made(server, 'PUT', '/_node/_local/_config/replicator/max_jobs', '3')
  await until('three run', async () => (await running()) === 3)
}

const one = (setting) => ({ section: 'replicator', setting })

export const replicatorBehaviours = [
  { name: '_replicator: a one-shot job completes once', run: oneShot },
  { name: '_replicator: a purged document ends its job', run: (server) => withSecond(server, (second) => purged(server, second)) },
  { name: '_replicator: a killed server finds its jobs and goes on from their checkpoints', run: (server) => withSecond(server, (second) => killed(server, second)) },
  { name: '_replicator: a remote that fails is asked ever less often', ini: [one('min_backoff_penalty_sec = 1')], run: failing },
  { name: '_replicator: more jobs than places take turns', ini: [one('max_jobs = 2'), one('interval = 400'), one('max_churn = 2')], run: (server) => withSecond(server, (second) => turns(server, second)) },
  { name: '_replicator: jobs at rest cost no CPU', run: atRest },
  { name: '_replicator: no secret shows anywhere', run: secrets },
  { name: '_replicator: nor does one that a remote sends back', run: echoes },
  { name: '_replicator: an edited document starts its job again', run: edited },
  { name: '_replicator: a job of a document is cancelled until the document is written', run: cancelled },
  { name: '_replicator: a document waits for a job of _replicate that is in the way', ini: [one('min_backoff_penalty_sec = 1')], run: inTheWay },
  { name: '_replicator: max_jobs counts at once when it changes', run: fewer }
]
