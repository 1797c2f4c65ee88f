// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: what an application does with nano: databases, documents, attachments, lists, changes.
import { createRequire } from 'node:module';
import { nanoSurface } from './nano-surface.mjs';
import { PASSWORD, USER } from './server.mjs';

const nano = createRequire(import.meta.url)('nano');

export async function nanoPart(tally, server) {
  const couch = nano(server.url().replace(/\/$/, ''));
  tally.ok((await couch.db.create('books')).ok, 'creates a database');
  await tally.rejects(couch.db.create('books'), 412, 'a second time is 412');
  tally.ok((await couch.db.list()).includes('books'), 'lists it');
  const books = couch.db.use('books');

  const made = await books.insert({ title: 'Little Miss Muffet' }, 'muffet');
  tally.ok(made.ok && /^1-[0-9a-f]{32}$/.test(made.rev), 'inserts a document');
  await tally.rejects(books.insert({ title: 'again' }, 'muffet'), 409, 'without its revision: 409');
  const changed = await books.insert({ title: 'changed', _rev: made.rev }, 'muffet');
  tally.ok(changed.rev.startsWith('2-'), 'updates it');
  tally.ok((await books.get('muffet')).title === 'changed', 'gets it');
  tally.ok((await books.get('muffet', { rev: made.rev })).title === 'Little Miss Muffet',
    'gets the revision before');
  await tally.rejects(books.get('nobody'), 404, 'what is not there is 404');
  tally.ok((await books.head('muffet')).etag === `"${changed.rev}"`, 'head gives the revision');

  const bytes = Buffer.from([0, 1, 2, 253, 254, 255]);
  const attached = await books.attachment.insert('muffet', 'spider.bin', bytes,
    'application/octet-stream', { rev: changed.rev });
  tally.ok(attached.rev.startsWith('3-'), 'attaches bytes');
  tally.ok(bytes.equals(await books.attachment.get('muffet', 'spider.bin')), 'gets the same bytes');
  const multi = await books.multipart.insert({ title: 'tuffet' },
    [{ name: 'web.txt', data: 'curds and whey', content_type: 'text/plain' }], 'tuffet');
  tally.ok(multi.ok, 'puts document and attachment in one multipart request');
  tally.ok((await books.attachment.get('tuffet', 'web.txt')).toString() === 'curds and whey',
    'and gets the attachment');

  const results = await books.bulk({ docs: Array.from({ length: 500 },
    (_, pos) => ({ _id: `n${String(pos).padStart(3, '0')}`, pos })) });
  tally.ok(results.length === 500 && results.every((row) => row.ok), 'writes 500 in bulk');
  const page = await books.list({ startkey: 'n100', limit: 10, include_docs: true });
  tally.ok(page.rows.length === 10 && page.rows[9].doc.pos === 109, 'lists a range with documents');
  const keyed = await books.fetch({ keys: ['n001', 'absent', 'n499'] });
  tally.ok(keyed.rows[0].doc.pos === 1 && keyed.rows[1].error === 'not_found' &&
    keyed.rows[2].doc.pos === 499, 'fetches by keys');
  const changes = await books.changes({ since: 0 });
  tally.ok(changes.results.length === 502, 'sees every change', String(changes.results.length));
  tally.ok((await books.destroy('muffet', attached.rev)).ok, 'deletes a document');
  await tally.rejects(books.get('muffet'), 404, 'which is 404 then');
  const info = await couch.db.get('books');
  tally.ok(info.doc_count === 501 && info.doc_del_count === 1, 'counts are right',
    JSON.stringify(info));
  tally.ok((await couch.db.destroy('books')).ok, 'deletes the database');
  await tally.rejects(couch.db.get('books'), 404, 'which is 404 then, too');
  await couch.db.create('books');
  tally.ok((await couch.db.use('books').list()).rows.length === 0, 'created again it is empty');
  await nanoSurface(tally, server.url().replace(/\/$/, ''), { user: USER, password: PASSWORD });
}
