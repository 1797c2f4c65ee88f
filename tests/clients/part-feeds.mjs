// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: follow, cloudant-follow and changes-stream on the changes feed: from the beginning, from now,
// from a sequence, with documents, with filters, across a restart of the server, to the end of the
// database.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const libraries = { follow: require('follow'), 'cloudant-follow': require('cloudant-follow') };
const ChangesStream = require('changes-stream');

const WAIT_MS = 120000;
const quiet = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// A promise that fails if it is not settled in time.
function within(promise, what) {
  let timer;
  return Promise.race([promise, new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${WAIT_MS} ms`)), WAIT_MS);
  })]).finally(() => clearTimeout(timer));
}

async function soon(check, what) {
  for (const end = Date.now() + WAIT_MS; !check(); await quiet(20)) if (Date.now() > end) throw new Error(`waited too long until ${what}`);
}

async function put(server, name, id, doc = {}) {
  const { status, body } = await server.json(`${name}/${id}`, { method: 'PUT', body: JSON.stringify(doc),
    headers: { 'content-type': 'application/json' } });
  if (status !== 201) throw new Error(`PUT ${id}: ${status} ${JSON.stringify(body)}`);
  return body.rev;
}

async function makeDatabase(server, name) {
  await server.json(name, { method: 'PUT' });
  for (let pos = 0; pos < 5; pos++)
    await put(server, name, `doc-${pos}`, { pos, kind: pos % 2 ? 'odd' : 'even' });
}

// A started feed of a library like follow, with what came: {feed, rows, heartbeats, next(count)}.
function start(library, options) {
  const feed = new library.Feed({ heartbeat: 2000, initial_retry_delay: 100, ...options });
  const state = { feed, rows: [], heartbeats: 0, retries: 0 };
  feed.on('heartbeat', () => { state.heartbeats++; });
  feed.on('retry', () => { state.retries++; });
  state.ended = new Promise((resolve) => {
    feed.on('error', resolve);
    feed.on('stop', () => resolve('stopped'));
  });
  feed.on('change', (row) => {
    state.rows.push(row);
    state.wake?.();
  });
  state.rowCount = (count) => within(new Promise((resolve, reject) => {
    state.wake = () => { if (state.rows.length >= count) resolve(); };
    state.ended.then((how) => reject(how instanceof Error ? how : new Error(`the feed ${how}`)));
    state.wake();
  }), `${count} changes`);
  feed.follow();
  return state;
}

const ids = (state) => state.rows.map((row) => row.id ?? row).join();

async function followLike(tally, server, name, library) {
  const db = `feed-${name}`;
  const url = server.url(db);
  await makeDatabase(server, db);
  const all = start(library, { db: url, since: 0, include_docs: true });
  await all.rowCount(5);
  tally.ok(ids(all) === 'doc-0,doc-1,doc-2,doc-3,doc-4' && all.rows[4].doc.pos === 4,
    `${name}: since 0, with documents`, JSON.stringify(all.rows));
  const middle = all.rows[2].seq;
  const some = start(library, { db: url, since: middle });
  await some.rowCount(2);
  tally.ok(ids(some) === 'doc-3,doc-4', `${name}: since a sequence`, ids(some));
  const now = start(library, { db: url, since: 'now' });
  const chosen = start(library, { db: url, since: 0, filter: '_doc_ids',
    query_params: { doc_ids: JSON.stringify(['doc-1', 'doc-5']) } });
  const mine = start(library, { db: url, since: 0, filter: (doc) => doc.kind === 'odd' });
  await chosen.rowCount(1);
  await mine.rowCount(2);
  await soon(() => now.heartbeats > 0, 'a feed from now has begun');
  // The library waits a quarter longer than a heartbeat takes, and then it begins again, as it must if
  // there are none: always. Where this process was late it does so now and then.
  let kept = false;
  for (let attempt = 0; attempt < 20 && !kept; attempt++) {
    const { heartbeats, retries } = all;
    const end = Date.now() + 20000;
    while (all.heartbeats < heartbeats + 2 && Date.now() < end) await quiet(50);
    kept = all.heartbeats >= heartbeats + 2 && all.retries === retries;
  }
  tally.ok(kept, `${name}: heartbeats keep an idle feed`, `${all.heartbeats} heartbeats, ${all.retries} retries`);
  await put(server, db, 'doc-5', { kind: 'odd' });
  for (const [state, count] of [[all, 6], [now, 1], [chosen, 2], [mine, 3]]) await state.rowCount(count);
  tally.ok(ids(now) === 'doc-5', `${name}: since now`, ids(now));
  tally.ok(ids(chosen) === 'doc-1,doc-5', `${name}: a filter of ids`, ids(chosen));
  tally.ok(ids(mine) === 'doc-1,doc-3,doc-5', `${name}: a filter of its own`, ids(mine));
  const poll = start(library, { db: url, since: middle, feed: 'longpoll' });
  await poll.rowCount(3);
  tally.ok(ids(poll) === 'doc-3,doc-4,doc-5', `${name}: longpoll`, ids(poll));
  for (const state of [some, now, chosen, mine, poll]) {
    state.feed.stop();
    await within(state.ended, 'stop');
  }
  await quiet(100);
  await put(server, db, 'doc-6');
  await all.rowCount(7);
  tally.ok(now.rows.length === 1, `${name}: a stopped feed stays so`);
  await server.killAndRestart();
  await put(server, db, 'doc-7');
  await all.rowCount(8);
  tally.ok(all.rows[7].id === 'doc-7', `${name}: goes on after the server was killed`);
  await server.json(db, { method: 'DELETE' });
  const end = await within(all.ended, 'the end of the database');
  tally.ok(end.deleted === true, `${name}: tells that the database was deleted`, String(end));
}

function stream(options) {
  // It does not notice a connection that breaks off, only that nothing comes.
  const changes = new ChangesStream({ heartbeat: 500, inactivity_ms: 1500, reconnect: { minDelay: 50, maxDelay: 200, retries: 1000 },
    ...options });
  const state = { changes, rows: [], heartbeats: 0, retries: 0 };
  changes.on('heartbeat', () => { state.heartbeats++; });
  changes.on('retry', () => { state.retries++; });
  state.failed = new Promise((resolve) => changes.on('error', resolve));
  changes.on('readable', () => {
    for (let row = changes.read(); row; row = changes.read()) state.rows.push(row);
    state.wake?.();
  });
  state.rowCount = (count) => within(new Promise((resolve, reject) => {
    state.wake = () => { if (state.rows.length >= count) resolve(); };
    state.failed.then(reject);
    state.wake();
  }), `${count} changes`);
  return state;
}

async function changesStream(tally, server) {
  const db = 'feed-stream';
  const url = server.url(db);
  await makeDatabase(server, db);
  const all = stream({ db: url, include_docs: true, style: 'all_docs' });
  await all.rowCount(5);
  tally.ok(ids(all) === 'doc-0,doc-1,doc-2,doc-3,doc-4' && all.rows[0].doc.pos === 0,
    'changes-stream: since 0, with documents', ids(all));
  const limited = stream({ db: url, limit: 2 });
  await limited.rowCount(3);
  tally.ok(limited.rows[2].last_seq === limited.rows[1].seq && limited.rows[2].pending === 3,
    'changes-stream: a limit ends with last_seq', JSON.stringify(limited.rows));
  // One that began again meanwhile would begin at a later now.
  const now = stream({ db: url, since: 'now', inactivity_ms: 600000 });
  const chosen = stream({ db: url, filter: '_doc_ids', query_params: { doc_ids: '["doc-3","doc-5"]' } });
  const mine = stream({ db: url, filter: (doc) => doc.kind === 'even' });
  await chosen.rowCount(1);
  await mine.rowCount(3);
  await soon(() => now.changes.source, 'a stream from now has begun');
  await put(server, db, 'doc-5');
  for (const [state, count] of [[all, 6], [now, 1], [chosen, 2]]) await state.rowCount(count);
  tally.ok(ids(now) === 'doc-5' && ids(chosen) === 'doc-3,doc-5' && ids(mine) === 'doc-0,doc-2,doc-4',
    'changes-stream: since now, filters', [now, chosen, mine].map(ids).join(' | '));
  for (const state of [now, chosen, mine]) state.changes.destroy();
  await server.killAndRestart();
  await put(server, db, 'doc-6');
  await all.rowCount(7);
  tally.ok(all.retries > 0 && all.rows.length === 7, 'changes-stream: goes on after the server was killed');
  await server.json(db, { method: 'DELETE' });
  const how = await within(Promise.race([all.failed, new Promise((resolve) => {
    const wait = setInterval(() => {
      if (all.rows.at(-1).last_seq) { clearInterval(wait); resolve('last_seq'); }
    }, 50);
  })]), 'the end of the database');
  tally.ok(how === 'last_seq' || how.statusCode === 404, 'changes-stream: ends with the database', String(how));
}

export async function feedsPart(tally, server) {
  for (const [name, library] of Object.entries(libraries)) await followLike(tally, server, name, library);
  await changesStream(tally, server);
  await makeDatabase(server, 'kept'); // for the check of the files: the others were deleted
}
