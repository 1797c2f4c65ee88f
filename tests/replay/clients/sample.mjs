// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: a small database with one of everything that a replication may meet: conflicts, deletions,
// attachments that are stored compressed and not, a design document, odd ids, long histories.
import { must } from './http.mjs';

export const PICTURE = Buffer.from(
  'R0lGODlhAQABAIAAAP///wAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==', 'base64');
const TEXT = 'Little Miss Muffet sat on a tuffet, eating her curds and whey.\n'.repeat(8);
const rev = (generation, digit) => `${generation}-${String(digit).repeat(32)}`;
const inline = (type, bytes) => ({ content_type: type, data: Buffer.from(bytes).toString('base64') });

async function send(peer, method, path, body, headers = {}) {
  const answer = await peer.ask(method, path, { body, headers });
  must(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
  return answer.json;
}

const revisions = (start, ...digits) =>
  ({ start, ids: digits.map((digit) => String(digit).repeat(32)) });

export async function fill(peer, name) {
  await send(peer, 'PUT', `/${name}/`, '');
  await send(peer, 'POST', `/${name}/_bulk_docs`, { docs: [
    { _id: 'muffet', type: 'person', name: 'Miss Muffet' },
    { _id: 'caf\u00e9 / ?%+&', type: 'place', number: 1.5e3, none: null, list: [[], {}, ''] },
    { _id: '_design/app', language: 'javascript', views: { names: { map:
      'function (doc) { if (doc.name) { emit(doc.name, null); } }' } },
    _attachments: { 'style/app.css': inline('text/css', 'body { color: black; }\n'.repeat(20)) } },
    { _id: 'empty' },
    { _id: 'pictures', type: 'curd', _attachments: {
      'dot.gif': inline('image/gif', PICTURE), 'rhyme.txt': inline('text/plain', TEXT),
      'nothing': inline('application/octet-stream', '') } },
  ] });
  const gone = await send(peer, 'PUT', `/${name}/gone`, { type: 'curd' });
  await send(peer, 'DELETE', `/${name}/gone?rev=${gone.rev}`, null);
  await send(peer, 'POST', `/${name}/_bulk_docs`, { new_edits: false, docs: [
    { _id: 'spider', _rev: rev(3, 'a'), type: 'spider', legs: 8, _revisions: revisions(3, 'a', 'b', 'c') },
    { _id: 'spider', _rev: rev(3, 'd'), type: 'spider', legs: 7, _revisions: revisions(3, 'd', 'b', 'c') },
    { _id: 'spider', _rev: rev(2, 'e'), type: 'spider', _deleted: true, _revisions: revisions(2, 'e', 'c') },
    { _id: 'whey', _rev: rev(2, 'f'), type: 'curd', _deleted: true, last: 'words',
      _revisions: revisions(2, 'f', '1') },
  ] });
  await send(peer, 'PUT', `/${name}/_local/own`, { stays: 'here' });
}

// A second lot of changes: an edit that keeps an attachment and adds another, a resolved conflict,
// a new document, a deletion.
export async function change(peer, name) {
  const { json: pictures } = await peer.ask('GET', `/${name}/pictures`);
  delete pictures._attachments.nothing;
  pictures._attachments['second.gif'] = inline('image/gif', PICTURE);
  await send(peer, 'PUT', `/${name}/pictures`, pictures);
  await send(peer, 'DELETE', `/${name}/spider?rev=${rev(3, 'a')}`, null);
  await send(peer, 'PUT', `/${name}/tuffet`, { type: 'seat' });
  const { json: empty } = await peer.ask('GET', `/${name}/empty`);
  await send(peer, 'DELETE', `/${name}/empty?rev=${empty._rev}`, null);
}
