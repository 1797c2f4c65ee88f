// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: couchbackup saves a database to a text file and restores it into another.
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cities } from './data.mjs';
import { differences, fingerprint } from './compare.mjs';

const require = createRequire(import.meta.url);
const { backup, restore } = require('@cloudant/couchbackup');
const PouchDB = require('pouchdb');

function run(job, from, to, options) {
  return new Promise((resolve, reject) => {
    job(from, to, options, (error, result) => (error ? reject(error) : resolve(result)));
  });
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
  } finally {
    rmSync(dir, { recursive: true });
  }
}
