// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: a couchapp is pushed: the design document with its files inline, compared and pushed again,
// a file put by itself, every file read back as a browser does.
import { createHash } from 'node:crypto';
import { BASIC, must, Peer } from './http.mjs';
import { PICTURE } from './sample.mjs';

export const title = 'A couchapp pushes a design document with attachments; a browser reads it.';

const FILES = {
  'index.html': ['text/html', '<!doctype html><link rel=stylesheet href="style/main.css"><p>caf\u00e9'],
  'style/main.css': ['text/css', 'p { color: brown; }\n'.repeat(10)],
  'vendor/couchapp/jquery.js': ['application/javascript', '$ = function () {};\n'.repeat(20)],
  'images/dot.gif': ['image/gif', PICTURE],
};
const PATH = '/app/_design/tuffet';

export async function run(origin) {
  const peer = new Peer(origin, { Authorization: BASIC, 'User-Agent': 'couchapp/1.0' });
  await peer.ask('PUT', '/app', { body: '' });
  must((await peer.ask('GET', PATH)).status === 404, 'no design document yet');
  const uuids = await peer.ask('GET', '/_uuids?count=2');
  must(uuids.json.uuids.length === 2, 'two uuids');
  const doc = { language: 'javascript', couchapp: { name: 'Tuffet', signatures: {} },
    views: { names: { map: 'function (doc) { emit(doc.name, 1); }', reduce: '_sum' } },
    shows: { one: 'function (doc, req) { return doc.name; }' },
    rewrites: [{ from: '', to: 'index.html' }], _attachments: {} };
  for (const [name, [type, data]] of Object.entries(FILES)) {
    const bytes = Buffer.from(data);
    doc.couchapp.signatures[name] = createHash('md5').update(bytes).digest('hex');
    doc._attachments[name] = { content_type: type, data: bytes.toString('base64') };
  }
  const first = await peer.ask('PUT', PATH, { body: doc });
  must(first.status === 201, `the couchapp is pushed: ${first.text}`);
  const stored = (await peer.ask('GET', PATH)).json;
  stored.views.names.reduce = '_count';
  const second = await peer.ask('PUT', PATH, { body: stored });
  must(second.status === 201 && second.json.rev.startsWith('2-'), 'pushed again with stubs');
  await peer.ask('PUT', `${PATH}/readme%2Ffirst%20%C3%A9.txt?rev=${second.json.rev}`,
    { body: 'Read me.', headers: { 'Content-Type': 'text/plain;charset=utf-8' } });
  await peer.ask('POST', '/app/_bulk_docs', { body: { docs: uuids.json.uuids.map((_id, pos) => ({ _id, pos })) } });
  for (const [name, [type, data]] of Object.entries(FILES)) {
    const answer = await peer.ask('GET', `${PATH}/${name}`);
    must(answer.status === 200 && answer.headers['content-type'] === type &&
      answer.bytes.equals(Buffer.from(data)), `${name} comes back`);
    const again = await peer.ask('GET', `${PATH}/${name}`,
      { headers: { 'If-None-Match': answer.headers.etag } });
    must(again.status === 304, `${name} has not changed`);
  }
  const zipped = await peer.ask('GET', `${PATH}/style/main.css`, { headers: { 'Accept-Encoding': 'gzip' } });
  must(zipped.headers['content-encoding'] === 'gzip', 'a stylesheet is sent compressed');
  must((await peer.ask('HEAD', `${PATH}/images/dot.gif`)).headers['content-length'] === '43', 'its length');
  const range = await peer.ask('GET', `${PATH}/images/dot.gif`, { headers: { Range: 'bytes=0-5' } });
  must(range.status === 206 && range.text === 'GIF89a', 'the beginning of a picture');
  const now = (await peer.ask('GET', `${PATH}?attachments=true`,
    { headers: { Accept: 'application/json' } })).json;
  must(Object.keys(now._attachments).length === 5, 'all of it as one document, for a clone');
  const removed = await peer.ask('DELETE', `${PATH}/index.html?rev=${now._rev}`);
  must(removed.status === 200, 'a file is removed');
  must((await peer.ask('GET', `${PATH}/index.html`)).status === 404, 'and gone');
  peer.close();
}
