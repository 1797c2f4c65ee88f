// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: PouchDB replication in all four directions with everything a small database can hold, and two
// PouchDBs that are kept in sync through the server, one of them offline for a while.
import { createRequire } from 'node:module';
import { differences, fingerprint } from './compare.mjs';
import { steadyInfo } from './steady.mjs';

const require = createRequire(import.meta.url);
const PouchDB = require('pouchdb');
PouchDB.plugin(require('pouchdb-adapter-memory'));

const WAIT_MS = 120000;
const rev = (generation, digit) => `${generation}-${digit.repeat(32)}`;
const prose = (line) => Buffer.from(`${line}\n`.repeat(100));

async function fillSmall(db) {
  await db.bulkDocs(Array.from({ length: 150 }, (_, pos) => ({ _id: `doc-${pos}`, pos })));
  const edited = await db.allDocs({ include_docs: true, startkey: 'doc-1', endkey: 'doc-19' });
  await db.bulkDocs(edited.rows.map(({ doc }) => ({ ...doc, edited: true, _deleted: doc.pos % 2 === 0 })));
  await db.put({ _id: 'picture/one', _attachments: {
    'deep/name.txt': { content_type: 'text/plain', data: prose('Little Miss Muffet') },
    'zero': { content_type: 'application/octet-stream', data: Buffer.alloc(0) },
    'big.bin': { content_type: 'application/octet-stream', data: Buffer.alloc(300000, 7) } } });
  await db.put({ _id: '_design/app', views: { all: { map: 'function (doc) { emit(doc._id); }' } } });
  for (const digit of 'abc')
    await db.bulkDocs([{ _id: 'conflict', _rev: rev(2, digit), digit,
      _revisions: { start: 2, ids: [digit.repeat(32), '1'.repeat(32)] } }], { new_edits: false });
  await db.put({ _id: '\u00e9/\u{1f577} ?&+%', odd: true });
}

async function fourDirections(tally, server) {
  const remote = (name) => new PouchDB(server.url(name));
  const local = (name) => new PouchDB(`sync-${name}`, { adapter: 'memory' });
  const source = local('source'), back = local('back'), last = local('last');
  await fillSmall(source);
  const want = await fingerprint(source);
  const hops = [['local to http', source, remote('hop1')], ['http to http', remote('hop1'), remote('hop2')],
    ['http to local', remote('hop2'), back], ['local to local', back, last],
    ['local to http again', last, remote('hop3')]];
  for (const [what, from, to] of hops) {
    const result = await PouchDB.replicate(from, to, { batch_size: 40 });
    tally.ok(result.ok && result.doc_write_failures === 0, `replicates ${what}`, JSON.stringify(result));
    tally.same(differences(want, await fingerprint(to)), `${what}: every leaf and attachment`);
    const again = await PouchDB.replicate(from, to);
    tally.ok(again.docs_read === 0, `${what}: nothing to do again`, JSON.stringify(again));
  }
  const zero = await remote('hop3').getAttachment('picture/one', 'zero');
  const big = await remote('hop3').getAttachment('picture/one', 'big.bin');
  tally.ok(zero.length === 0 && big.equals(Buffer.alloc(300000, 7)), 'the bytes came through all hops');
  // Filters of a pull.
  const part = local('part');
  await PouchDB.replicate(remote('hop1'), part, { doc_ids: ['doc-1', 'conflict', 'nothing'] });
  tally.ok((await part.info()).doc_count === 2, 'replicates by ids');
  await PouchDB.replicate(remote('hop1'), part, { selector: { pos: { $gt: 146 } } });
  tally.ok((await part.info()).doc_count === 4, 'replicates by a selector');
  for (const db of [source, back, last, part]) await db.destroy();
}

// Resolves when condition() holds; fails after WAIT_MS.
async function until(condition, what) {
  const limit = Date.now() + WAIT_MS;
  while (!(await condition().catch(() => false))) {
    if (Date.now() > limit) throw new Error(`${what}: not within ${WAIT_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

const startSync = (db, remote) => db.sync(remote, { live: true, retry: true, heartbeat: 2000,
  back_off_function: () => 100 });
const stopSync = (sync) => new Promise((resolve) => {
  sync.on('complete', resolve);
  sync.cancel();
});

async function liveSync(tally, server) {
  const remote = new PouchDB(server.url('live'));
  const source = () => steadyInfo(new PouchDB(server.url('live')), server);
  const home = new PouchDB('sync-home', { adapter: 'memory' });
  const away = new PouchDB('sync-away', { adapter: 'memory' });
  const errors = [];
  const watch = (sync) => sync.on('error', (error) => errors.push(error));
  const homeSync = watch(startSync(home, source()));
  let awaySync = watch(startSync(away, source()));
  const check = async (what, condition) => {
    await until(condition, what);
    tally.ok(true, what);
  };

  await home.put({ _id: 'from-home' });
  await away.put({ _id: 'from-away' });
  await check('a document travels each way', async () =>
    (await away.get('from-home')) && (await home.get('from-away')));
  const shared = await away.get('from-home');
  await away.put({ ...shared, answer: 42 });
  await check('an edit comes back', async () => (await home.get('from-home')).answer === 42);
  await home.remove(await home.get('from-away'));
  await check('a deletion arrives', async () => away.get('from-away').then(() => false,
    (error) => error.reason === 'deleted'));
  const { rev: first } = await home.put({ _id: 'picture' });
  await home.putAttachment('picture', 'a.txt', first, prose('a'), 'text/plain');
  await check('an attachment arrives', async () =>
    (await away.getAttachment('picture', 'a.txt')).equals(prose('a')));

  // Offline: both change the same document, and others.
  await stopSync(awaySync);
  const before = await home.get('from-home');
  await home.put({ ...before, place: 'home' });
  await away.put({ ...before, place: 'away', more: 1 });
  await away.bulkDocs(Array.from({ length: 200 }, (_, pos) => ({ _id: `offline-${pos}` })));
  await home.remove(await home.get('picture'));
  const picture = await away.get('picture');
  await away.putAttachment('picture', 'b.txt', picture._rev, prose('b'), 'text/plain');
  await server.killAndRestart();
  awaySync = watch(startSync(away, source()));
  await check('200 documents arrive after the time offline', async () => home.get('offline-199'));
  await check('the conflict is the same on both sides', async () => {
    const [one, two] = await Promise.all([home, away].map((db) => db.get('from-home', { conflicts: true })));
    return one._conflicts.length === 1 && one._rev === two._rev && one._conflicts[0] === two._conflicts[0];
  });
  await check('what was edited beats what was deleted', async () =>
    (await home.getAttachment('picture', 'b.txt')).equals(prose('b')));
  const winner = await away.get('from-home', { conflicts: true });
  await away.remove('from-home', winner._conflicts[0]);
  await check('a resolved conflict is resolved everywhere', async () =>
    !(await home.get('from-home', { conflicts: true }))._conflicts);

  await until(async () => {
    const want = await fingerprint(home);
    return differences(want, await fingerprint(away)).length === 0 &&
      differences(want, await fingerprint(remote)).length === 0;
  }, 'all three are equal').catch(() => {});
  await stopSync(homeSync);
  await stopSync(awaySync);
  tally.ok(errors.length === 0, 'no sync failed', JSON.stringify(errors));
  const want = await fingerprint(home);
  tally.same(differences(want, await fingerprint(away)), 'both PouchDBs are equal');
  tally.same(differences(want, await fingerprint(remote)), 'the server is equal to them');
  await home.destroy();
  await away.destroy();
}

export async function syncPart(tally, server) {
  await fourDirections(tally, server);
  await liveSync(tally, server);
}
