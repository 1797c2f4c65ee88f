// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: local PouchDBs with a little of everything, for the sessions of PouchDB.
import { requireClient } from './http.mjs';
import { PICTURE } from './sample.mjs';

const PouchDB = requireClient('pouchdb');
PouchDB.plugin(requireClient('pouchdb-adapter-memory'));

export const memoryPouch = (name) => new PouchDB(name, { adapter: 'memory' });
const rev = (generation, digit) => `${generation}-${String(digit).repeat(32)}`;

// The same writes through any PouchDB, local or remote.
export async function fillPouch(db) {
  await db.bulkDocs([{ _id: 'muffet', name: 'Miss Muffet' }, { _id: 'caf\u00e9 / ?%+&', n: 1.5 },
    { _id: '_design/app', views: { all: { map: 'function (doc) { emit(doc._id); }' } } }]);
  await db.put({ _id: 'pictures', _attachments: {
    'dot.gif': { content_type: 'image/gif', data: PICTURE },
    'deep/rhyme.txt': { content_type: 'text/plain', data: Buffer.from('curds and whey\n'.repeat(9)) } } });
  await db.bulkDocs([{ _id: 'spider', _rev: rev(1, 'c'), legs: 6 }], { new_edits: false });
  await db.bulkDocs(['a', 'b'].map((digit, pos) => ({ _id: 'spider', _rev: rev(2, digit), legs: 7 + pos,
    _revisions: { start: 2, ids: [digit.repeat(32), 'c'.repeat(32)] } })), { new_edits: false });
  const gone = await db.put({ _id: 'gone' });
  await db.remove('gone', gone.rev);
  await db.put({ _id: '_local/own', stays: 'here' });
}

export async function changePouch(db) {
  const muffet = await db.get('muffet');
  await db.put({ ...muffet, frightened: true });
  await db.remove('spider', rev(2, 'b'));
  const pictures = await db.get('pictures');
  await db.putAttachment('pictures', 'second.gif', pictures._rev, PICTURE, 'image/gif');
  await db.put({ _id: 'tuffet', seat: true });
}
