// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: everything that must be equal in two databases, as one map: for each document its leaf
// revisions, and for each leaf its body, its history and its attachments.
//
// Only the public API of PouchDB is used, so that the same reading works for a local database and
// for one behind HTTP.
import { createHash } from 'node:crypto';

const PAGE = 5000;

// JSON with sorted keys: member order is not part of a document.
function stable(value) {
  if (Array.isArray(value)) return `[${value.map(stable).join()}]`;
  if (value && typeof value === 'object')
    return `{${Object.keys(value).sort()
      .map((key) => `${JSON.stringify(key)}:${stable(value[key])}`).join()}}`;
  return JSON.stringify(value);
}

// What a server may store compressed has another digest there than in PouchDB: its bytes are
// compared instead (see digests()). PouchDB gives "revpos" anew when it receives an attachment,
// so that it cannot be compared after a journey.
function attachments(doc) {
  const result = {};
  for (const [name, att] of Object.entries(doc._attachments ?? {})) {
    result[name] = { type: att.content_type,
      digest: /^text\//.test(att.content_type) ? 'text' : att.digest };
  }
  return result;
}

function leafText(doc) {
  const { _attachments, _conflicts, _deleted_conflicts, ...rest } = doc;
  return stable({ ...rest, atts: attachments({ _attachments }) });
}

// Map id -> {leaves: [rev...], text: string}
export async function fingerprint(db) {
  const result = new Map();
  const special = [];
  let since = 0;
  for (;;) {
    const page = await db.changes({ since, limit: PAGE, style: 'all_docs', return_docs: true });
    for (const row of page.results) {
      const leaves = row.changes.map((change) => change.rev).sort();
      result.set(row.id, { leaves, text: '' });
      // Histories, tombstones and pictures are read one by one, below; so are ids beyond ASCII,
      // which a local PouchDB leaves out of allDocs.
      if (leaves.length > 1 || row.deleted || !leaves[0].startsWith('1-') ||
          row.id.startsWith('picture/') || /[^ -~]/.test(row.id))
        special.push(row.id);
    }
    if (page.results.length < PAGE) break;
    since = page.last_seq;
  }
  let startkey = '';
  for (;;) {
    const page = await db.allDocs({ include_docs: true, startkey, limit: PAGE + 1 });
    for (const row of page.rows.slice(0, PAGE)) result.get(row.id).text = leafText(row.doc);
    if (page.rows.length <= PAGE) break;
    startkey = page.rows[PAGE].id;
  }
  for (let pos = 0; pos < special.length; pos += 8) {
    await Promise.all(special.slice(pos, pos + 8).map(async (id) => {
      const leaves = await db.get(id, { open_revs: 'all', revs: true });
      result.get(id).text = leaves.map((leaf) => leaf.ok ? leafText(leaf.ok) : stable(leaf))
        .sort().join('\n');
    }));
  }
  return result;
}

// MD5 of the bytes of every attachment: Map "id/name" -> hex.
export async function digests(db) {
  const result = new Map();
  const page = await db.allDocs({ startkey: 'picture/', endkey: 'picture/\uffff' });
  for (const row of page.rows) {
    const doc = await db.get(row.id);
    for (const name of Object.keys(doc._attachments ?? {})) {
      const bytes = await db.getAttachment(row.id, name);
      const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(await bytes.arrayBuffer());
      result.set(`${row.id}/${name}`, createHash('md5').update(buffer).digest('hex'));
    }
  }
  return result;
}

// The first differences of two maps, as lines; empty if they are equal.
export function differences(want, got, limit = 5) {
  const lines = [];
  for (const [id, value] of want) {
    if (lines.length >= limit) break;
    const other = got.get(id);
    if (other === undefined) lines.push(`${id} is missing`);
    else if (stable(other) !== stable(value))
      lines.push(`${id} differs:\n    want ${stable(value).slice(0, 300)}\n    got  ${stable(other).slice(0, 300)}`);
  }
  for (const id of got.keys())
    if (lines.length < limit && !want.has(id)) lines.push(`${id} should not be there`);
  return lines;
}
