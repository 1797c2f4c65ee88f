// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: tuffetd's own replicator: to another tuffetd and back, with pouchdb-server in both
// directions, continuously, and again after SIGKILL. Both ends must then be equal.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fill } from './data.mjs';
import { differences, digests, fingerprint } from './compare.mjs';
import { Server } from './server.mjs';

const require = createRequire(import.meta.url);
const PouchDB = require('pouchdb');
PouchDB.plugin(require('pouchdb-adapter-memory'));

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const COUNT_MAX = 20000;

async function post(server, body) {
  const begin = Date.now();
  const answer = await server.json('_replicate', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const entry = answer.body.history?.[0] ?? {};
  console.log(`# ${entry.docs_written} documents written in ${((Date.now() - begin) / 1000).toFixed(1)} s`);
  return { ...answer, entry, text: JSON.stringify(answer.body).slice(0, 600),
    ok: answer.status === 200 && answer.body.ok === true && entry.doc_write_failures === 0 };
}

async function until(check, timeoutMs = 120000) {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await sleep(50))
    if (await check().catch(() => false)) return true;
  return false;
}

async function betweenTuffets(tally, server, second, want, pictures) {
  const push = await post(server, { source: 'first', target: second.url('copy'), create_target: true });
  tally.ok(push.ok, 'a push to another tuffetd', push.text);
  const copy = new PouchDB(second.url('copy'));
  tally.same(differences(want, await fingerprint(copy)), 'the copy equals the source');
  tally.same(differences(pictures, await digests(copy)), 'and every attachment has its bytes');
  const again = await post(server, { source: 'first', target: second.url('copy') });
  tally.ok(again.body.no_changes === true, 'a second run finds nothing to do', again.text);
  const pull = await post(server, { source: second.url('copy'), target: 'back', create_target: true });
  tally.ok(pull.ok, 'a pull back', pull.text);
  tally.same(differences(want, await fingerprint(new PouchDB(server.url('back')))),
    'what came back equals the source');
}

async function continuously(tally, server, second) {
  const job = { source: 'first', target: second.url('copy'), continuous: true };
  const started = await post(server, job);
  tally.ok(started.status === 202 && /\+continuous$/.test(started.body._local_id),
    'a continuous job is accepted', started.text);
  const here = new PouchDB(server.url('first')), there = new PouchDB(second.url('copy'));
  await here.put({ _id: 'live', n: 1 });
  tally.ok(await until(async () => (await there.get('live')).n === 1), 'a change goes over');
  await second.stop('SIGKILL');
  await here.put({ ...(await here.get('live')), n: 2 });
  await second.start();
  tally.ok(await until(async () => (await there.get('live')).n === 2),
    'one made while the other end was dead goes over when it is back');
  let tasks = [];
  tally.ok(await until(async () => {
    tasks = (await server.json('_active_tasks')).body;
    return tasks.length === 1 && tasks[0].type === 'replication';
  }), '_active_tasks has it', JSON.stringify(tasks));
  tally.ok(!/correct|%20horse|Basic/.test(JSON.stringify(tasks)), 'and no password');
  const stopped = await post(server, { ...job, cancel: true });
  tally.ok(stopped.status === 200, 'it is cancelled', stopped.text);
  tally.ok(await until(async () => (await server.json('_active_tasks')).body.length === 0),
    'and ends');
  await here.remove(await here.get('live'));
}

async function withPouchServer(tally, server, other, want, pictures) {
  const push = await post(server, { source: 'back', target: `${other.origin}/copy`, create_target: true });
  tally.ok(push.ok, 'a push to pouchdb-server', push.text);
  const copy = new PouchDB(`${other.origin}/copy`);
  tally.same(differences(want, await fingerprint(copy)), 'it equals the source');
  tally.same(differences(pictures, await digests(copy)), 'and every attachment has its bytes');
  const pull = await post(server, { source: `${other.origin}/copy`, target: 'home', create_target: true });
  tally.ok(pull.ok, 'a pull from pouchdb-server', pull.text);
  const home = new PouchDB(server.url('home'));
  tally.same(differences(want, await fingerprint(home)), 'what came equals the source');
  tally.same(differences(pictures, await digests(home)), 'and every attachment has its bytes');
}

async function killed(tally, server, second, want) {
  const job = { source: server.url('back'), target: 'resumed', create_target: true,
    worker_batch_size: 20, checkpoint_interval: 100 };
  const first = post(second, job).catch(() => null);
  // Killed between its first checkpoint and its end.
  const reached = await until(async () => {
    const [task] = (await second.json('_active_tasks')).body;
    return task.checkpointed_source_seq !== 0 && task.docs_written > 0;
  }, 60000);
  tally.ok(reached, 'a checkpoint is written on the way');
  await second.stop('SIGKILL');
  await first;
  await second.start();
  const rest = await post(second, job);
  tally.ok(rest.ok, 'after SIGKILL it is done to the end', rest.text);
  // Its numbers go on from those of the run before.
  const before = rest.body.history?.[1]?.missing_checked ?? 0;
  tally.ok(rest.entry.start_last_seq !== 0 && rest.entry.missing_checked - before < want.size,
    'and began at its checkpoint', rest.text);
  tally.same(differences(want, await fingerprint(new PouchDB(second.url('resumed')))),
    'the result equals the source');
}

// Documents of _replicator with pouchdb-server at the other end, the server killed on the way.
async function byDocument(tally, server, other, want) {
  const put = (id, body) => server.json(`_replicator/${id}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const state = async (id) => (await server.json(`_scheduler/docs/_replicator/${id}`)).body;
  await server.json('_replicator', { method: 'PUT' });
  await put('out', { source: server.url('back'), target: `${other.origin}/bydoc`, create_target: true });
  tally.ok(await until(async () => (await state('out')).state === 'completed', 180000),
    'a document pushes to pouchdb-server', JSON.stringify(await state('out')));
  tally.same(differences(want, await fingerprint(new PouchDB(`${other.origin}/bydoc`))),
    'what is there equals the source');
  await put('in', { source: `${other.origin}/bydoc`, target: server.url('bydoc'), create_target: true,
    continuous: true, worker_batch_size: 100, checkpoint_interval: 200 });
  const reached = await until(async () => {
    const { info } = await state('in');
    return info.checkpointed_source_seq !== 0 && info.docs_written > 0;
  }, 60000);
  tally.ok(reached, 'one pulls from it', JSON.stringify(await state('in')));
  await server.killAndRestart();
  const home = new PouchDB(server.url('bydoc'));
  await new PouchDB(`${other.origin}/bydoc`).put({ _id: 'after-the-kill' });
  tally.ok(await until(async () => (await home.get('after-the-kill')) !== null, 180000),
    'after SIGKILL it goes on', JSON.stringify(await state('in')));
  const got = await fingerprint(home);
  got.delete('after-the-kill');
  tally.same(differences(want, got), 'what came equals the source');
  const { body: doc } = await server.json('_replicator/in');
  await server.json(`_replicator/in?rev=${doc._rev}`, { method: 'DELETE' });
  tally.ok(await until(async () => (await server.json('_scheduler/jobs')).body.total_rows === 0),
    'deleting the document ends it');
}

export async function replicatePart(tally, server, settings) {
  if (server.name !== 'tuffetd') return;
  const source = new PouchDB('part-replicate-source', { adapter: 'memory' });
  const second = new Server('tuffetd', server.command);
  const other = Server.pouchdb(join(settings.here, 'pouch-server.mjs'), 'memory');
  try {
    await second.start();
    await other.start();
    await fill(source, Math.min(settings.count, COUNT_MAX));
    const want = await fingerprint(source), pictures = await digests(source);
    await PouchDB.replicate(source, new PouchDB(server.url('first')), { batch_size: 1000 });
    await betweenTuffets(tally, server, second, want, pictures);
    await continuously(tally, server, second);
    await withPouchServer(tally, server, other, want, pictures);
    await byDocument(tally, server, other, want);
    await killed(tally, server, second, want);
    tally.ok((await second.stop('SIGTERM')).code === 0, 'the second server ends with status 0');
  } finally {
    await source.destroy();
    await second.stop('SIGKILL').catch(() => {});
    await other.stop('SIGKILL');
    second.remove();
    other.remove();
  }
}
