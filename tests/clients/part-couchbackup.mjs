// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: couchbackup saves a database to a text file and restores it: into another one and into the same
// after it was wiped, with attachments, resumed from its log, shallow; and how it must fail.
import { createReadStream, createWriteStream, mkdtempSync, readFileSync, rmSync,
  writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cities } from './data.mjs';
import { differences, digests, fingerprint } from './compare.mjs';

const require = createRequire(import.meta.url);
const { backup, restore } = require('@cloudant/couchbackup');
const PouchDB = require('pouchdb');

function run(job, from, to, options) {
  return new Promise((resolve, reject) => {
    job(from, to, options, (error, result) => (error ? reject(error) : resolve(result)));
  });
}

// The job fails with this name, as couchbackup makes it from the status.
async function fails(tally, promise, name, what) {
  const error = await promise.then(() => null, (reason) => reason);
  tally.ok(error?.name === name, what, `${error?.name}: ${error?.message}`);
}

async function withAttachments(tally, server, dir) {
  const file = join(dir, 'attachments.txt');
  const options = { parallelism: 2, attachments: true, logLevel: 'none' };
  const db = new PouchDB(server.url('pictures'));
  const bytes = Buffer.from(Array.from({ length: 5000 }, (_, pos) => pos % 251));
  for (let pos = 0; pos < 20; pos++)
    await db.put({ _id: `picture/${pos}`, pos, _attachments: {
      'deep/text.txt': { content_type: 'text/plain', data: Buffer.from(`text ${pos}\n`.repeat(100)) },
      'bytes': { content_type: 'application/octet-stream', data: bytes } } });
  await db.bulkDocs(['a', 'b'].map((digit) => ({ _id: 'conflict', _rev: `2-${digit.repeat(32)}`, digit,
    _attachments: { [digit]: { content_type: 'text/plain', data: Buffer.from(digit) } },
    _revisions: { start: 2, ids: [digit.repeat(32), '1'.repeat(32)] } })), { new_edits: false });
  const want = await fingerprint(db), pictures = await digests(db);
  await run(backup, server.url('pictures'), createWriteStream(file), { ...options, log: `${file}.log` });
  // Wiped, and back.
  await db.destroy();
  const again = new PouchDB(server.url('pictures'));
  await again.info();
  await run(restore, createReadStream(file), server.url('pictures'), options);
  tally.same(differences(want, await fingerprint(again)), 'a wiped database comes back with attachments');
  tally.same(differences(pictures, await digests(again)), 'and every attachment has its bytes');
}

async function resumed(tally, server, dir, want) {
  const file = join(dir, 'resumed.txt'), log = join(dir, 'resumed.log');
  await run(backup, server.url('saved'), createWriteStream(file),
    { parallelism: 1, bufferSize: 500, log, logLevel: 'none' });
  // As if it had been interrupted: the last batches were neither written nor marked as done.
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  const marks = readFileSync(log, 'utf8').trim().split('\n');
  const done = marks.filter((line) => line.startsWith(':d '));
  const lost = new Set(done.slice(-3));
  writeFileSync(log, marks.filter((line) => !lost.has(line)).join('\n') + '\n');
  writeFileSync(file, lines.slice(0, lines.length - 3).join('\n') + '\n');
  await run(backup, server.url('saved'), createWriteStream(file, { flags: 'a' }),
    { parallelism: 1, bufferSize: 500, log, resume: true, logLevel: 'none' });
  const target = new PouchDB(server.url('resumed'));
  await target.info();
  await run(restore, createReadStream(file), server.url('resumed'), { parallelism: 2 });
  tally.ok(done.length > 5, 'the log has several batches', String(done.length));
  tally.same(differences(want, await fingerprint(target)), 'a resumed backup has everything');
}

async function shallow(tally, server, dir) {
  const file = join(dir, 'shallow.txt');
  const { doc_count } = (await server.json('saved')).body;
  const kept = await run(backup, server.url('saved'), createWriteStream(file), { mode: 'shallow' });
  const docs = readFileSync(file, 'utf8').trim().split('\n').slice(1).flatMap((line) => JSON.parse(line));
  tally.ok(kept.total === doc_count && docs.length === doc_count, 'a shallow backup has every winner',
    `${kept.total} of ${doc_count}`);
}

async function failures(tally, server, dir) {
  const file = join(dir, 'saved.txt');
  writeFileSync(file, '[{"_id":"a"}]\n');
  const log = join(dir, 'failures.log');
  await fails(tally, run(backup, server.url('nothing'), createWriteStream(join(dir, 'none')), { log }),
    'DatabaseNotFound', 'a backup of what is not there');
  await fails(tally, run(restore, createReadStream(file), server.url('nothing'), {}),
    'DatabaseNotFound', 'a restore to what is not there');
  await fails(tally, run(restore, createReadStream(file), server.url('saved'), {}),
    'DatabaseNotEmpty', 'a restore to what is not empty');
  await fails(tally, run(backup, server.url('saved').replace('admin:', 'nobody:'),
    createWriteStream(join(dir, 'none')), { log }), 'Unauthorized', 'a backup by nobody');
}

export async function couchbackupPart(tally, server) {
  const dir = mkdtempSync(join(tmpdir(), 'tuffet-backup-'));
  const file = join(dir, 'backup.txt');
  try {
    const saved = new PouchDB(server.url('saved')), restored = new PouchDB(server.url('restored'));
    const docs = cities(5000);
    await saved.bulkDocs(docs);
    const edited = (await saved.allDocs({ include_docs: true, limit: 300 })).rows.map((row) => row.doc);
    await saved.bulkDocs(edited.map((doc, pos) => ({ ...doc, edited: true, _deleted: pos % 3 === 0 })));
    await restored.info();

    const kept = await run(backup, server.url('saved'), createWriteStream(file),
      { parallelism: 2, log: join(dir, 'log'), logLevel: 'none' });
    tally.ok(kept.total === docs.length, 'couchbackup saves everything', JSON.stringify(kept));
    const loaded = await run(restore, createReadStream(file), server.url('restored'),
      { parallelism: 2 });
    tally.ok(loaded.total === docs.length, 'couchrestore writes everything', JSON.stringify(loaded));
    tally.same(differences(await fingerprint(saved), await fingerprint(restored)),
      'the restored database equals the saved one');
    await withAttachments(tally, server, dir);
    await resumed(tally, server, dir, await fingerprint(saved));
    await shallow(tally, server, dir);
    await failures(tally, server, dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}
