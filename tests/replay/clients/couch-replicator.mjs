// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: one run of a replication that sends the requests which CouchDB's replicator sends, in its
// order, and insists on what that replicator insists on in the answers.
// Not here: several workers, retries, back-off: they change the timing only.
import { createHash } from 'node:crypto';
import { BASIC, must, PASSWORD, Peer, USER } from './http.mjs';
import { parts, related } from './multipart.mjs';

const AGENT = { 'User-Agent': 'CouchDB-Replicator/3.5.0' };
const JSON_TYPE = { Accept: 'application/json', 'Content-Type': 'application/json' };
const escape = (id) => (id.startsWith('_design/')
  ? `_design/${encodeURIComponent(id.slice(8))}` : encodeURIComponent(id));

// A database at one end: logged in by a cookie, kept open for the whole run.
class End {
  constructor(origin, name) {
    this.peer = new Peer(origin, AGENT);
    this.path = `/${encodeURIComponent(name)}/`;
  }

  ask(method, rest, options = {}) {
    return this.peer.ask(method, this.path + rest,
      { ...options, headers: { ...JSON_TYPE, ...options.headers } });
  }

  async login() {
    const form = `name=${encodeURIComponent(USER)}&password=${encodeURIComponent(PASSWORD)}`;
    const answer = await this.peer.ask('POST', '/_session', { body: form,
      headers: { Accept: 'application/json', 'Content-Type': 'application/x-www-form-urlencoded' } });
    if (answer.status === 404) {
      this.peer.headers = { ...AGENT, Authorization: BASIC };
      return;
    }
    must(answer.status === 200, `_session answers 200, not ${answer.status}`);
    const cookie = /AuthSession=[^;]+/.exec(String(answer.headers['set-cookie']));
    must(cookie, '_session sets AuthSession');
    must(/Max-Age=\d+/i.test(String(answer.headers['set-cookie'])), 'the cookie has a Max-Age');
    this.peer.headers = { ...AGENT, Cookie: cookie[0] };
  }

  async open() {
    const { status, json } = await this.ask('GET', '');
    must(status === 200 && json.update_seq !== undefined && json.instance_start_time !== undefined,
      'the database can be opened');
    this.started = json.instance_start_time;
    this.updateSeq = json.update_seq;
  }

  async checkpoint(id) {
    const { status, json } = await this.ask('GET', `_local/${id}`);
    must(status === 200 || (status === 404 && json.error === 'not_found'), 'a checkpoint, or none');
    return status === 200 ? json : null;
  }

  async commit() {
    const { status, json } = await this.ask('POST', '_ensure_full_commit', { body: '' });
    must(status === 201 && json.ok === true, `_ensure_full_commit answers 201, not ${status}`);
    must(json.instance_start_time === '0' || json.instance_start_time === this.started,
      'instance_start_time has not changed');
  }

  async writeCheckpoint(id, doc, before) {
    const body = { _id: `_local/${id}`, ...doc, ...(before ? { _rev: before._rev } : {}) };
    const { status, json } = await this.ask('PUT', `_local/${id}`, { body });
    if (status === 409) {
      const now = await this.checkpoint(id);
      must(now?.session_id === doc.session_id, 'a checkpoint in conflict is the same one');
      return;
    }
    must(status === 201 && json.ok && json.rev, `a checkpoint is written, not ${status}`);
  }
}

// Where both histories agree last.
function startSequence(source, target) {
  if (!source || !target) return 0;
  if (source.session_id === target.session_id) return source.source_last_seq;
  const known = new Set(target.history.map((entry) => entry.session_id));
  return source.history.find((entry) => known.has(entry.session_id))?.recorded_seq ?? 0;
}

const seqParam = (seq) => encodeURIComponent(typeof seq === 'number' ? JSON.stringify(seq) : seq);

async function readChanges(source, since, { continuous, selector, docIds, rowsMax, timeout }) {
  const filter = docIds ? '&filter=_doc_ids' : selector ? '&filter=_selector' : '';
  const feed = continuous ? 'continuous' : 'normal';
  const path = `_changes?feed=${feed}&style=all_docs&since=${seqParam(since)}&timeout=${timeout}${filter}`;
  const body = docIds ? { doc_ids: docIds } : selector ? { selector } : null;
  const method = body ? 'POST' : 'GET';
  if (!continuous) {
    const { status, json } = await source.ask(method, path, { body });
    must(status === 200 && Array.isArray(json.results), '_changes answers rows');
    return { rows: json.results, last: json.last_seq };
  }
  const rows = [];
  let last = since;
  const answer = await source.ask(method, path, { body, onLine: (line) => {
    const row = JSON.parse(line);
    if (row.last_seq !== undefined) last = row.last_seq;
    else {
      rows.push(row);
      last = row.seq;
    }
    return rowsMax > 0 && rows.length >= rowsMax;
  } });
  must(answer.status === 200, 'the continuous feed answers 200');
  return { rows, last };
}

// One by one, with their bytes: what has attachments, design documents, what _bulk_get refused.
async function fetchOpenRevs(source, id, revs, ancestors) {
  const since = ancestors.length
    ? `&atts_since=${encodeURIComponent(JSON.stringify(ancestors))}` : '';
  const answer = await source.ask('GET', `${escape(id)}?revs=true&open_revs=` +
    `${encodeURIComponent(JSON.stringify(revs))}&latest=true${since}`,
  { headers: { Accept: 'multipart/mixed' } });
  must(answer.status === 200, `open_revs answers 200, not ${answer.status}`);
  must(/^multipart\/mixed; boundary="[^"]+"$/.test(answer.headers['content-type']),
    `multipart/mixed, not ${answer.headers['content-type']}`);
  return parts(answer.headers['content-type'], answer.bytes).map(({ headers, body }) => {
    const type = headers['content-type'];
    if (type === 'application/json') return { doc: JSON.parse(body), bodies: [] };
    must(type !== 'application/json; error="true"', `no error for ${id}: ${body}`);
    must(/^multipart\/related; boundary="[^"]+"$/.test(type), `the type of a part, not ${type}`);
    const [first, ...rest] = parts(type, body);
    must(first.headers['content-type'] === 'application/json', 'the document is the first part');
    const doc = JSON.parse(first.body);
    const follow = Object.entries(doc._attachments).filter(([, att]) => att.follows);
    must(follow.length === rest.length, 'as many parts as attachments that follow');
    follow.forEach(([name, att], pos) => {
      must(rest[pos].body.length === (att.encoded_length ?? att.length), `the length of ${name}`);
      must(Number(rest[pos].headers['content-length']) === rest[pos].body.length, `and its header`);
      must(att.digest === 'md5-' + createHash('md5').update(rest[pos].body).digest('base64'),
        `the digest of ${name}`);
      must(att.revpos > 0, `the revpos of ${name}`);
    });
    return { doc, bodies: rest.map((part) => part.body) };
  });
}

// What _bulk_get has without attachments, as {docs, rest: Set of ids to fetch singly}.
async function fetchBulk(source, missing) {
  const asked = [...missing].filter(([id]) => !id.startsWith('_design/'))
    .flatMap(([id, { revs, ancestors }]) =>
      revs.map((rev) => ({ id, rev, ...(ancestors.length ? { atts_since: ancestors } : {}) })));
  const docs = [], rest = new Set([...missing.keys()].filter((id) => id.startsWith('_design/')));
  if (!asked.length) return { docs, rest };
  const { status, json } = await source.ask('POST', '_bulk_get?latest=true&revs=true&attachments=false',
    { body: { docs: asked, latest: true, revs: true, attachments: false } });
  must(status === 200, `_bulk_get answers 200, not ${status}`);
  must(Object.keys(json).join() === 'results', '_bulk_get has the one member "results"');
  must(json.results.length === asked.length, '_bulk_get answers everything asked');
  json.results.forEach((result, pos) => {
    must(result.id === asked[pos].id, '_bulk_get answers in order');
    must(result.docs.length === 1, 'one document for one revision');
    const [kind] = Object.keys(result.docs[0]);
    must(Object.keys(result.docs[0]).length === 1 && /^(ok|error)$/.test(kind), 'ok or error');
    const doc = result.docs[0].ok;
    if (!doc || doc._attachments) rest.add(result.id);
    else docs.push(doc);
  });
  return { docs: docs.filter((doc) => !rest.has(doc._id)), rest };
}

async function writeSingly(target, { doc, bodies }, stats) {
  const id = escape(doc._id);
  const boundary = createHash('md5').update(doc._id + doc._rev).digest('hex');
  const answer = bodies.length
    ? await target.ask('PUT', `${id}?new_edits=false`, { body: related(boundary, doc, bodies),
      headers: { 'Content-Type': `multipart/related; boundary="${boundary}"` } })
    : await target.ask('PUT', `${id}?new_edits=false`, { body: doc });
  must([200, 201, 202].includes(answer.status) && answer.json.rev === doc._rev,
    `PUT with new_edits=false writes ${doc._id}: ${answer.status} ${answer.text}`);
  stats.docs_written++;
}

async function batch(source, target, rows, stats) {
  const revs = {};
  for (const row of rows) revs[row.id] = row.changes.map((change) => change.rev);
  const diff = await target.ask('POST', '_revs_diff', { body: revs });
  must(diff.status === 200, `_revs_diff answers 200, not ${diff.status}`);
  stats.missing_checked += Object.values(revs).flat().length;
  const missing = new Map(Object.entries(diff.json).map(([id, entry]) =>
    [id, { revs: entry.missing, ancestors: entry.possible_ancestors ?? [] }]));
  for (const { revs: list } of missing.values()) stats.missing_found += list.length;
  const { docs, rest } = await fetchBulk(source, missing);
  stats.docs_read += docs.length;
  for (const id of rest) {
    const { revs: wanted, ancestors } = missing.get(id);
    for (const item of await fetchOpenRevs(source, id, wanted, ancestors)) {
      stats.docs_read++;
      if (id.startsWith('_design/') || item.bodies.length) await writeSingly(target, item, stats);
      else docs.push(item.doc);
    }
  }
  if (!docs.length) return;
  const { status, json, text } = await target.ask('POST', '_bulk_docs',
    { body: { new_edits: false, docs }, headers: { 'X-Couch-Full-Commit': 'false' } });
  must(status === 201 && Array.isArray(json), `_bulk_docs answers 201, not ${status} ${text}`);
  stats.doc_write_failures += json.length;
  stats.docs_written += docs.length - json.length;
}

// options: source, target (names), createTarget, continuous, rowsMax (0: until the feed ends),
// selector, docIds, timeout (ms), session (any text: ids are made of it). Returns the counts.
export async function replicate(sourceOrigin, targetOrigin, options) {
  const settings = { rowsMax: 0, timeout: 10000, ...options };
  const source = new End(sourceOrigin, options.source), target = new End(targetOrigin, options.target);
  const base = createHash('md5').update(JSON.stringify([options.source, options.target,
    options.selector, options.docIds])).digest('hex');
  const session = createHash('md5').update(options.session).digest('hex');
  const stats = { missing_checked: 0, missing_found: 0, docs_read: 0, docs_written: 0,
    doc_write_failures: 0 };
  try {
    await source.login();
    await target.login();
    if (options.createTarget) {
      const { status } = await target.ask('PUT', '', { body: '' });
      must(status !== 401 && status !== 403, 'the target may be created');
    }
    await source.open();
    await target.open();
    const before = [await source.checkpoint(base), await target.checkpoint(base)];
    const since = startSequence(...before);
    const { rows, last } = await readChanges(source, since, settings);
    for (let pos = 0; pos < rows.length; pos += 500)
      await batch(source, target, rows.slice(pos, pos + 500), stats);
    const pending = await source.ask('GET', `_changes?since=${seqParam(last)}&limit=0`);
    must(Number.isInteger(pending.json.pending), 'limit=0 says how many are pending');
    await source.commit();
    await target.commit();
    const entry = { session_id: session, start_time: 'Sun, 22 Nov 2026 08:00:00 GMT',
      end_time: 'Sun, 22 Nov 2026 08:00:01 GMT', start_last_seq: since, end_last_seq: last,
      recorded_seq: last, ...stats };
    const doc = { session_id: session, source_last_seq: last, replication_id_version: 4,
      history: [entry, ...(before[0]?.history ?? [])].slice(0, 50) };
    await source.writeCheckpoint(base, doc, before[0]);
    await target.writeCheckpoint(base, doc, before[1]);
    return { ...stats, since, rows: rows.length };
  } finally {
    source.peer.close();
    target.peer.close();
  }
}
