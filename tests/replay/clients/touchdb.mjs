// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: the requests of TouchDB and Couchbase Lite 1.x: pull by _all_docs for first revisions and by
// single GETs with attachments, push with gzip bodies, and a longpoll feed with a long heartbeat.
import { gzipSync } from 'node:zlib';
import { BASIC, must, Peer } from './http.mjs';
import { parts, related } from './multipart.mjs';
import { fill, PICTURE } from './sample.mjs';

export const title = 'TouchDB (Couchbase Lite 1.x) pulls and pushes.';

const CHECKPOINT = '_local/4c1ba37f0d1ec9d5f2ab0b3a1a7b9be4cba1e4b0';
const escape = (id) => (id.startsWith('_design/') ? id : encodeURIComponent(id));

// GET with everything: multipart/related with bytes, or plain JSON.
async function getDocument(peer, id, rev, ancestors) {
  const since = ancestors ? `&atts_since=${encodeURIComponent(JSON.stringify(ancestors))}` : '';
  const answer = await peer.ask('GET', `/touch/${escape(id)}?rev=${rev}&revs=true&attachments=true${since}`,
    { headers: { Accept: 'multipart/related, application/json' } });
  must(answer.status === 200, `${id} is there`);
  if (/^application\/json/.test(answer.headers['content-type'])) return answer.json;
  const list = parts(answer.headers['content-type'], answer.bytes);
  return JSON.parse(list[0].body);
}

async function pull(peer) {
  const session = await peer.ask('GET', '/_session');
  must(session.json.userCtx.name === 'admin' && /^CouchDB/.test(session.headers.server), 'the session');
  must((await peer.ask('GET', `/touch/${CHECKPOINT}`)).status === 404, 'no checkpoint yet');
  const { json } = await peer.ask('GET',
    '/touch/_changes?feed=normal&heartbeat=300000&style=all_docs&since=0&limit=50');
  const first = [], others = [];
  for (const row of json.results)
    for (const { rev } of row.changes)
      (rev.startsWith('1-') && !row.deleted && !row.id.startsWith('_') ? first : others)
        .push([row.id, rev]);
  const all = await peer.ask('POST', '/touch/_all_docs?include_docs=true',
    { body: { keys: first.map(([id]) => id) } });
  all.json.rows.forEach((row, pos) => {
    must(row.key === first[pos][0] && row.value.rev === row.doc._rev, 'rows in the order of the keys');
    if (row.doc._attachments) others.push(first[pos]);
  });
  for (const [id, rev] of others) {
    const doc = await getDocument(peer, id, rev);
    must(doc._id === id && doc._rev === rev && doc._revisions.start >= 1, `${id} is what was asked`);
  }
  const saved = await peer.ask('PUT', `/touch/${CHECKPOINT}`, { body: { lastSequence: json.last_seq } });
  must(saved.status === 201, 'the checkpoint is saved');
  return json.last_seq;
}

async function push(peer) {
  const rev = '1-' + '9'.repeat(32), second = '2-' + '8'.repeat(32);
  const revisions = (...digits) => ({ start: digits.length, ids: digits.map((digit) => digit.repeat(32)) });
  const diff = await peer.ask('POST', '/touch/_revs_diff',
    { body: { phone: [second], tablet: [rev], spider: ['3-' + 'a'.repeat(32)] } });
  must(!diff.json.spider && diff.json.phone.missing[0] === second, 'what is missing is told');
  const docs = [{ _id: 'phone', _rev: second, of: 'Miss Muffet', filler: 'whey '.repeat(30),
    _revisions: revisions('8', '7') }];
  const bulk = await peer.ask('POST', '/touch/_bulk_docs', { body: gzipSync(JSON.stringify({ docs, new_edits: false })),
    headers: { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' } });
  must(bulk.status === 201 && bulk.json.length === 0, `a gzip body is read: ${bulk.text}`);
  const tablet = { _id: 'tablet', _rev: rev, _revisions: revisions('9'), _attachments: {
    'dot.gif': { content_type: 'image/gif', length: PICTURE.length, follows: true, revpos: 1 } } };
  const put = await peer.ask('PUT', '/touch/tablet?new_edits=false', { body: related('touch', tablet, [PICTURE]),
    headers: { 'Content-Type': 'multipart/related; boundary="touch"' } });
  must(put.status === 201 && put.json.rev === rev, `the attachment is pushed: ${put.text}`);
}

export async function run(origin) {
  const peer = new Peer(origin, { Authorization: BASIC, Accept: '*/*',
    'User-Agent': 'TouchDB/1.4 (iOS)' });
  await fill(peer, 'touch');
  const since = await pull(peer);
  const feed = new Peer(origin, { Authorization: BASIC, 'User-Agent': 'TouchDB/1.4 (iOS)' });
  const waiting = feed.ask('GET', '/touch/_changes?feed=longpoll&heartbeat=300000&style=all_docs' +
    `&since=${encodeURIComponent(since)}&limit=50`);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await push(peer);
  const { json } = await waiting;
  must(json.results.length === 1 && json.results[0].id === 'phone', 'the longpoll has the first change');
  const doc = await getDocument(peer, 'pictures', (await peer.ask('HEAD', '/touch/pictures'))
    .headers.etag.replaceAll('"', ''), ['1-' + '0'.repeat(32)]);
  must(doc._attachments['dot.gif'].follows === true, 'attachments since another revision follow');
  feed.close();
  peer.close();
}
