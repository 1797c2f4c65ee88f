// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: pouchdb-server as the other end: it pulls from tuffetd and pushes back into another
// database, which must then equal the first.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fill } from './data.mjs';
import { differences, digests, fingerprint } from './compare.mjs';
import { Server } from './server.mjs';

const require = createRequire(import.meta.url);
const PouchDB = require('pouchdb');
PouchDB.plugin(require('pouchdb-adapter-memory'));

async function replicate(other, source, target) {
  const begin = Date.now();
  const { status, body } = await other.json('_replicate', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ source, target }),
  });
  console.log(`# ${body.docs_written} documents written in ${((Date.now() - begin) / 1000).toFixed(1)} s`);
  return { ok: status === 200 && body.ok === true && body.doc_write_failures === 0,
    text: JSON.stringify(body).slice(0, 500) };
}

export async function serverPart(tally, server, settings) {
  const source = new PouchDB('part-server-source', { adapter: 'memory' });
  const other = Server.pouchdb(join(settings.here, 'pouch-server.mjs'), 'memory');
  try {
    await other.start();
    await fill(source, settings.count);
    const want = await fingerprint(source);
    const pictures = await digests(source);
    const first = new PouchDB(server.url('first')), second = new PouchDB(server.url('second'));
    await second.info();
    await PouchDB.replicate(source, first, { batch_size: 1000 });

    const pull = await replicate(other, server.url('first'), 'copy');
    tally.ok(pull.ok, 'pouchdb-server pulls from tuffetd', pull.text);
    tally.same(differences(want, await fingerprint(new PouchDB(`${other.origin}/copy`))),
      'it has every document, revision, conflict and attachment');

    await server.killAndRestart();
    const push = await replicate(other, 'copy', server.url('second'));
    tally.ok(push.ok, 'pouchdb-server pushes into tuffetd', push.text);
    tally.same(differences(want, await fingerprint(second)), 'the second database equals the first');
    tally.same(differences(pictures, await digests(second)), 'and every attachment has its bytes');
  } finally {
    await source.destroy();
    await other.stop('SIGKILL');
    other.remove();
  }
}
