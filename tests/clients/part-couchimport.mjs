// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: couchimport reads text and JSON lines into a database, couchexport writes them out again.
import { createReadStream, createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cities } from './data.mjs';

const require = createRequire(import.meta.url);
const couchimport = require('couchimport');

const importFile = (path, options) => new Promise((resolve, reject) => {
  couchimport.importStream(createReadStream(path), options,
    (error, data) => (error ? reject(error) : resolve(data)));
});

const exportFile = (path, options) => new Promise((resolve, reject) => {
  const file = createWriteStream(path);
  couchimport.exportStream(file, options, (error) => {
    if (error) reject(error);
    else file.end(resolve);
  });
});

const previewFile = (path, options) => new Promise((resolve, reject) => {
  couchimport.previewStream(createReadStream(path), options,
    (error, data) => (error ? reject(error) : resolve(data)));
});

export async function couchimportPart(tally, server) {
  const dir = mkdtempSync(join(tmpdir(), 'tuffet-import-'));
  const base = { url: server.url().replace(/\/$/, ''), buffer: 500, parallelism: 2 };
  try {
    const rows = cities(3000).map(({ _id, name, country, lat, lng }) => ({ _id, name, country, lat, lng }));
    const columns = Object.keys(rows[0]);
    const csv = join(dir, 'cities.csv'), lines = join(dir, 'cities.jsonl'), out = join(dir, 'out');
    writeFileSync(csv, [columns.join('\t'),
      ...rows.map((row) => columns.map((name) => row[name]).join('\t'))].join('\n') + '\n');
    writeFileSync(lines, rows.map((row) => JSON.stringify(row)).join('\n') + '\n');
    for (const name of ['text', 'lines']) await server.json(`import-${name}`, { method: 'PUT' });

    const preview = await previewFile(csv, { ...base, delimiter: '\t' });
    tally.ok(preview[0]._id === rows[0]._id, 'previews a text');
    const text = { ...base, database: 'import-text', delimiter: '\t', type: 'text' };
    const written = await importFile(csv, text);
    tally.ok(written.total === rows.length && written.totalfailed === 0, 'imports a text',
      JSON.stringify(written));
    const again = await importFile(csv, text);
    tally.ok(again.total === 0 && again.totalfailed === rows.length, 'a second time is a conflict each',
      JSON.stringify(again));
    const over = await importFile(csv, { ...text, overwrite: true });
    tally.ok(over.total === rows.length && over.totalfailed === 0, 'overwrites', JSON.stringify(over));
    const { body: info } = await server.json('import-text');
    tally.ok(info.doc_count === rows.length, 'every row is a document', JSON.stringify(info));
    const json = await importFile(lines, { ...base, database: 'import-lines', type: 'jsonl' });
    tally.ok(json.total === rows.length && json.totalfailed === 0, 'imports JSON lines', JSON.stringify(json));

    await exportFile(out, { ...base, database: 'import-text', type: 'jsonl' });
    const docs = readFileSync(out, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
    const strip = ({ _rev, ...rest }) => JSON.stringify(columns.map((name) => rest[name]));
    const want = new Set(rows.map(strip));
    tally.ok(docs.length === rows.length && docs.every((doc) => doc._rev.startsWith('2-') &&
      want.has(strip(doc))), 'exports what was imported', `${docs.length} of ${rows.length}`);
    await exportFile(out, { ...base, database: 'import-lines', type: 'text', delimiter: '\t' });
    // The second column is _rev.
    const table = readFileSync(out, 'utf8').trim().split('\n')
      .map((line) => line.split('\t').filter((_, column) => column !== 1).join('\t'));
    const original = new Set(readFileSync(csv, 'utf8').trim().split('\n'));
    tally.ok(table.length === rows.length + 1 && table.every((line) => original.has(line)),
      'exports text that equals the original', table.filter((line) => !original.has(line)).slice(0, 3).join('\n'));
  } finally {
    rmSync(dir, { recursive: true });
  }
}
