// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: named snapshots as replication sources of unmodified clients: PouchDB, under both forms of the
// URL, and tuffetd's own replicator; while the database goes on and is compacted.
import { createRequire } from 'node:module';
import { fill } from './data.mjs';
import { differences, digests, fingerprint } from './compare.mjs';

const require = createRequire(import.meta.url);
const PouchDB = require('pouchdb');
PouchDB.plugin(require('pouchdb-adapter-memory'));

const COUNT = 300;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function compacted(server, name) {
  await server.json(`${name}/_compact`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
  for (let i = 0; i < 3000; i++) {
    await sleep(100);
    if (!(await server.json(name)).body.compact_running) return true;
  }
  return false;
}

async function pulled(tally, url, name, want, pictures) {
  const copy = new PouchDB(name, { adapter: 'memory' });
  const result = await PouchDB.replicate(new PouchDB(url), copy, { batch_size: 100 });
  tally.ok(result.ok && result.doc_write_failures === 0, `PouchDB replicates from ${name}`, JSON.stringify(result));
  tally.same(differences(want, await fingerprint(copy)), 'the copy is the database of then');
  tally.same(differences(pictures, await digests(copy)), 'with its attachments');
  const again = await PouchDB.replicate(new PouchDB(url), copy);
  tally.ok(again.ok && again.docs_read === 0, 'a second run goes on from its checkpoint', JSON.stringify(again));
  await copy.destroy();
}

export async function snapshotsPart(tally, server) {
  if (server.name !== 'tuffetd') return;
  const source = new PouchDB('part-snapshots-source', { adapter: 'memory' });
  await fill(source, COUNT);
  const want = await fingerprint(source), pictures = await digests(source);
  const db = new PouchDB(server.url('pinned'));
  await PouchDB.replicate(source, db, { batch_size: 100 });
  const made = await server.json('pinned/_snapshot/then', { method: 'PUT' });
  tally.ok(made.status === 201, 'a snapshot is made', JSON.stringify(made.body));
  await db.put({ _id: 'later', v: 1 });
  await pulled(tally, server.url('pinned/_snapshot/then'), 'pinned/_snapshot/then', want, pictures);
  tally.ok(await compacted(server, 'pinned'), 'the database is compacted');
  await db.put({ _id: 'later still', v: 1 });
  await pulled(tally, server.url(encodeURIComponent('pinned/_snapshot/then')), 'the encoded name', want, pictures);
  const answer = await server.json('_replicate', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ source: 'pinned/_snapshot/then', target: 'from-snapshot', create_target: true }),
  });
  tally.ok(answer.status === 200 && answer.body.ok, 'the server replicates from it', JSON.stringify(answer.body).slice(0, 500));
  tally.same(differences(want, await fingerprint(new PouchDB(server.url('from-snapshot')))),
    'what came is the database of then');
  const removed = await server.json('pinned/_snapshot/then', { method: 'DELETE' });
  tally.ok(removed.status === 200, 'the snapshot is removed');
  await source.destroy();
}
