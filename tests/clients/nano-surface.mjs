// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: every call of nano that leads to databases, documents, attachments, lists and changes, with
// what it must return and how it must fail.
// Not here: views, searches, Mango queries, replication jobs.
import { createRequire } from 'node:module';

const nano = createRequire(import.meta.url)('nano');

const REV1 = /^1-[0-9a-f]{32}$/;
const text = (stream) => new Promise((resolve, reject) => {
  const parts = [];
  stream.on('data', (part) => parts.push(Buffer.from(part)));
  stream.on('end', () => resolve(Buffer.concat(parts)));
  stream.on('error', reject);
});

// The call fails with this status, this "error" and this "reason".
async function fails(tally, promise, [status, error, reason], what) {
  try {
    await promise;
    tally.ok(false, what, 'it succeeded');
  } catch (failure) {
    const got = [failure.statusCode, failure.error, failure.reason];
    tally.ok(got[0] === status && (!error || got[1] === error) && (!reason || got[2] === reason), what,
      JSON.stringify([got, failure.message]));
  }
}

async function serverCalls(tally, couch, url, login) {
  const welcome = await couch.info();
  tally.ok(welcome.couchdb === 'Welcome' && /^3\./.test(welcome.version), 'info');
  const { uuids } = await couch.uuids(3);
  tally.ok(uuids.length === 3 && uuids.every((id) => /^[0-9a-f]{32}$/.test(id)), 'uuids');
  tally.ok((await couch.uuids()).uuids.length === 1, 'one uuid');
  tally.ok((await couch.session()).userCtx.name === login.user, 'session by name and password');
  const anonymous = nano(url.replace(/\/\/.*@/, '//'));
  tally.ok((await anonymous.session()).userCtx.name === null, 'session of nobody');
  await fails(tally, anonymous.auth(login.user, 'wrong'),
    [401, 'unauthorized', 'Name or password is incorrect.'], 'auth with a wrong password');
  const session = await anonymous.auth(login.user, login.password);
  tally.ok(session.ok && session.name === login.user, 'auth');
  tally.ok((await anonymous.session()).userCtx.roles.includes('_admin'), 'the cookie is kept');
  tally.ok((await couch.request({ path: '_up' })).status === 'ok', 'request');
  tally.ok((await couch.relax('_all_dbs')).length >= 0, 'relax');
  await fails(tally, couch.request({ path: '_nothing' }), [404], 'request of what is not there');
}

async function databaseCalls(tally, couch) {
  tally.ok((await couch.db.create('shelf')).ok, 'db.create');
  await fails(tally, couch.db.create('shelf'),
    [412, 'file_exists', 'The database could not be created, the file already exists.'],
    'db.create of what is there');
  await fails(tally, couch.db.create('Shelf'), [400, 'illegal_database_name'], 'db.create of an illegal name');
  tally.ok((await couch.db.create('a/b+c$(d)-1_2')).ok, 'db.create of a name with everything');
  const list = await couch.db.list();
  tally.ok(list.includes('shelf') && list.includes('a/b+c$(d)-1_2'), 'db.list');
  tally.ok(JSON.parse(await text(couch.db.listAsStream())).includes('shelf'), 'db.listAsStream');
  const info = await couch.db.get('a/b+c$(d)-1_2');
  tally.ok(info.db_name === 'a/b+c$(d)-1_2' && info.doc_count === 0, 'db.get');
  tally.ok((await couch.use('shelf').info()).db_name === 'shelf', 'info of a database');
  tally.ok((await couch.db.compact('shelf')).ok, 'db.compact');
  tally.ok((await couch.use('shelf').compact()).ok, 'compact');
  tally.ok((await couch.db.destroy('a/b+c$(d)-1_2')).ok, 'db.destroy');
  await fails(tally, couch.db.destroy('a/b+c$(d)-1_2'),
    [404, 'not_found', 'Database does not exist.'], 'db.destroy of what is not there');
  await fails(tally, couch.db.get('nothing'), [404, 'not_found', 'Database does not exist.'],
    'db.get of what is not there');
  await fails(tally, couch.use('nothing').insert({}), [404, 'not_found', 'Database does not exist.'],
    'insert into what is not there');
  await fails(tally, couch.updates({ feed: 'normal' }), [404, 'not_found', 'Database does not exist.'],
    'updates of a server without _global_changes');
}

async function documentCalls(tally, db) {
  const made = await db.insert({ title: 'one' });
  tally.ok(made.ok && REV1.test(made.rev) && /^[0-9a-f]{32}$/.test(made.id), 'insert without an id');
  const one = await db.insert({ n: 1 }, 'one');
  tally.ok(one.id === 'one' && REV1.test(one.rev), 'insert with a name');
  const odd = 'odd/\u00e9 ?#%+&"';
  tally.ok((await db.insert({ n: 1 }, odd)).id === odd, 'insert with an odd name');
  tally.ok((await db.get(odd))._id === odd, 'get of it');
  tally.ok((await db.head(odd)).etag === `"${(await db.get(odd))._rev}"`, 'head of it');
  tally.ok((await db.insert({ _id: 'inside', n: 1 })).id === 'inside', 'insert with the id inside');
  tally.ok((await db.insert({ n: 1 }, { docName: 'quick', batch: 'ok' })).ok, 'insert with batch=ok');
  await fails(tally, db.insert({ n: 2 }, 'one'), [409, 'conflict', 'Document update conflict.'],
    'insert over a document');
  await fails(tally, db.insert({ _rev: '1-0', n: 2 }, 'one'), [409, 'conflict'], 'insert with another revision');
  await fails(tally, db.insert({ _bad: 1 }), [400, 'doc_validation', 'Bad special document member: _bad'],
    'insert of a bad member');
  await fails(tally, db.insert({}, '_bad'), [400, 'illegal_docid'], 'insert of a bad id');
  const two = await db.insert({ _rev: one.rev, n: 2 }, 'one');
  tally.ok(two.rev.startsWith('2-'), 'insert of a new revision');
  const full = await db.get('one', { revs: true, revs_info: true, conflicts: true, local_seq: true });
  tally.ok(full._revisions.start === 2 && full._revs_info[1].status === 'available' &&
    full._local_seq !== undefined, 'get with everything', JSON.stringify(full));
  tally.ok((await db.get('one', { rev: one.rev })).n === 1, 'get of a revision');
  await fails(tally, db.get('one', { rev: '7-abc' }), [404, 'not_found', 'missing'], 'get of another one');
  await fails(tally, db.get('one', { rev: 'x' }), [400, 'bad_request', 'Invalid rev format'],
    'get of no revision');
  await fails(tally, db.get('nobody'), [404, 'not_found', 'missing'], 'get of nothing');
  await fails(tally, db.head('nobody'), [404], 'head of nothing');
  const branch = await db.insert({ _id: 'one', _rev: `2-${'f'.repeat(32)}`, n: 'conflict',
    _revisions: { start: 2, ids: ['f'.repeat(32), one.rev.slice(2)] } }, { docName: 'one', new_edits: false });
  tally.ok(branch.ok, 'insert with new_edits=false', JSON.stringify(branch));
  tally.ok((await db.get('one', { conflicts: true }))._conflicts.length === 1, 'get with conflicts');
  const leaves = await db.get('one', { open_revs: JSON.stringify(['2-' + 'f'.repeat(32), '9-abc']) });
  tally.ok(leaves[0].ok.n === 'conflict' && leaves[1].missing === '9-abc', 'get with open_revs');
  await fails(tally, db.destroy('inside', '1-0'), [409, 'conflict', 'Document update conflict.'],
    'destroy of another revision');
  await fails(tally, db.destroy('nobody', '1-0'), [404, 'not_found'], 'destroy of nothing');
  const inside = await db.get('inside');
  tally.ok((await db.destroy('inside', inside._rev)).rev.startsWith('2-'), 'destroy');
  await fails(tally, db.get('inside'), [404, 'not_found', 'deleted'], 'get of what was deleted');
  const local = await db.insert({ a: 1 }, '_local/note');
  tally.ok(local.rev === '0-1' && (await db.get('_local/note')).a === 1, 'a local document');
  tally.ok((await db.destroy('_local/note', local.rev)).ok, 'and its end');
  const design = await db.insert({ views: {} }, '_design/app');
  tally.ok(design.id === '_design/app' && (await db.get('_design/app')).views, 'a design document');
}

async function attachmentCalls(tally, db) {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, pos) => pos));
  const prose = 'Along came a spider and sat down beside her.\n'.repeat(50);
  const one = await db.attachment.insert('att', 'bytes', bytes, 'application/octet-stream');
  tally.ok(REV1.test(one.rev), 'attachment.insert makes a document');
  const two = await db.attachment.insert('att', 'deep/prose.txt', prose, 'text/plain', { rev: one.rev });
  tally.ok(two.rev.startsWith('2-'), 'attachment.insert adds one');
  await fails(tally, db.attachment.insert('att', 'x', 'x', 'text/plain'),
    [409, 'conflict', 'Document update conflict.'], 'attachment.insert without a revision');
  tally.ok(bytes.equals(await db.attachment.get('att', 'bytes')), 'attachment.get');
  tally.ok((await db.attachment.get('att', 'deep/prose.txt', { rev: two.rev })).toString() === prose,
    'attachment.get of a revision');
  tally.ok((await text(db.attachment.getAsStream('att', 'deep/prose.txt'))).toString() === prose,
    'attachment.getAsStream');
  await fails(tally, db.attachment.get('att', 'nothing'),
    [404, 'not_found', 'Document is missing attachment'], 'attachment.get of nothing');
  await fails(tally, db.attachment.get('nobody', 'x'), [404, 'not_found', 'missing'],
    'attachment.get of no document');
  const stubs = (await db.get('att'))._attachments;
  tally.ok(stubs.bytes.length === 256 && stubs.bytes.stub && stubs.bytes.revpos === 1 &&
    stubs['deep/prose.txt'].revpos === 2, 'stubs', JSON.stringify(stubs));
  const inline = (await db.get('att', { attachments: true }))._attachments;
  tally.ok(bytes.equals(Buffer.from(inline.bytes.data, 'base64')), 'get with attachments');
  const coded = (await db.get('att', { att_encoding_info: true }))._attachments['deep/prose.txt'];
  tally.ok(coded.encoding === 'gzip' && coded.encoded_length < coded.length, 'get with encodings');
  const put = await db.multipart.insert({ both: true }, [
    { name: 'a.txt', data: prose, content_type: 'text/plain' },
    { name: 'b.bin', data: bytes, content_type: 'application/octet-stream' }], 'multi');
  tally.ok(put.ok && bytes.equals(await db.attachment.get('multi', 'b.bin')), 'multipart.insert');
  // nano makes a string of it, which ends what is not text.
  const got = String(await db.multipart.get('multi'));
  tally.ok(got.includes('"both":true') && got.includes('Content-Encoding: gzip') &&
    /\r\n--[^\r\n]+--\s*$/.test(got), 'multipart.get', got.slice(0, 500));
  const gone = await db.attachment.destroy('att', 'bytes', { rev: two.rev });
  tally.ok(gone.rev.startsWith('3-'), 'attachment.destroy');
  await fails(tally, db.attachment.destroy('att', 'bytes', { rev: two.rev }), [409, 'conflict'],
    'attachment.destroy with an old revision');
}

async function listCalls(tally, db) {
  const docs = Array.from({ length: 40 }, (_, pos) => ({ _id: `k${String(pos).padStart(2, '0')}`, pos }));
  const results = await db.bulk({ docs });
  tally.ok(results.length === 40 && results.every((row, pos) => row.ok && row.id === docs[pos]._id), 'bulk');
  const again = await db.bulk({ docs: [{ _id: 'k00', pos: -1 }, { _id: 'k40', pos: 40 }, { _id: 'k40' }] });
  tally.ok(again[0].error === 'conflict' && again[1].ok && again[2].error === 'conflict',
    'bulk with conflicts', JSON.stringify(again));
  await fails(tally, db.bulk({ documents: [] }),
    [400, 'bad_request', 'POST body must include `docs` parameter.'], 'bulk without docs');
  await fails(tally, db.bulk({ docs: [7] }), [400, 'bad_request', 'Document must be a JSON object'],
    'bulk of a number');
  const all = await db.list({ startkey: 'k', endkey: 'l' });
  tally.ok(all.rows.length === 41 && all.total_rows > 41 && all.rows[0].value.rev, 'list of a range');
  const page = await db.list({ startkey: 'k05', endkey: 'k02', descending: true, include_docs: true,
    inclusive_end: false, skip: 1 });
  tally.ok(page.rows.map((row) => row.doc.pos).join() === '4,3', 'list backwards', JSON.stringify(page));
  tally.ok((await db.list({ key: 'k07' })).rows[0].id === 'k07', 'list of a key');
  tally.ok((await db.list({ keys: ['k09', 'k03', 'zzz'] })).rows[2].error === 'not_found', 'list of keys');
  tally.ok((await db.list({ limit: 0 })).rows.length === 0, 'list of nothing');
  await fails(tally, db.list({ limit: -1 }), [400, 'query_parse_error'], 'list of less than nothing');
  tally.ok(JSON.parse(await text(db.listAsStream({ limit: 3 }))).rows.length === 3, 'listAsStream');
  const docsOf = await db.fetch({ keys: ['k01', 'gone', 'inside'] });
  tally.ok(docsOf.rows[0].doc.pos === 1 && docsOf.rows[1].error === 'not_found' &&
    docsOf.rows[2].value.deleted && docsOf.rows[2].doc === null, 'fetch', JSON.stringify(docsOf));
  const revs = await db.fetchRevs({ keys: ['k01'] });
  tally.ok(REV1.test(revs.rows[0].value.rev) && !revs.rows[0].doc, 'fetchRevs');
}

const collect = (reader, meanwhile) => new Promise((resolve, reject) => {
  const rows = [];
  reader.on('batch', (batch) => rows.push(...batch));
  reader.on('error', reject);
  reader.on('end', (seq) => resolve({ rows, seq }));
  meanwhile?.();
});

async function changesCalls(tally, db, couch) {
  const all = await db.changes({ since: 0 });
  tally.ok(all.results.length > 40 && all.pending === 0, 'changes');
  tally.ok((await couch.db.changes(db.config.db, { limit: 3 })).results.length === 3, 'db.changes');
  const back = await db.changes({ descending: true, limit: 2, include_docs: true, style: 'all_docs' });
  tally.ok(back.results[0].id === all.results.at(-1).id && back.results[0].doc, 'changes backwards');
  const rest = await db.changes({ since: all.results[9].seq });
  tally.ok(rest.results.length === all.results.length - 10, 'changes since a sequence');
  tally.ok((await db.changes({ since: 'now' })).results.length === 0, 'changes since now');
  const ids = await db.changes({ filter: '_doc_ids', doc_ids: '["k01","one"]' });
  tally.ok(ids.results.map((row) => row.id).sort().join() === 'k01,one', 'changes of ids');
  tally.ok((await db.changes({ filter: '_design' })).results[0].id === '_design/app', 'changes of designs');
  await fails(tally, db.changes({ filter: 'no/such' }), [404, 'not_found'], 'changes of no filter');
  const begin = Date.now();
  const poll = await db.changes({ feed: 'longpoll', since: all.last_seq, timeout: 200 });
  tally.ok(poll.results.length === 0 && Date.now() - begin < 30000, 'changes by longpoll, to the timeout');
  const stream = await text(db.changesAsStream({ feed: 'continuous', timeout: 100, limit: 5 }));
  tally.ok(stream.toString().trim().split('\n').length === 6, 'changesAsStream', stream.toString());
  const got = await collect(db.changesReader.get({ since: '0', batchSize: 25, fastChanges: true, timeout: 300 }));
  tally.ok(got.rows.length === all.results.length, 'changesReader.get', String(got.rows.length));
  const spooled = await collect(couch.use(db.config.db).changesReader.spool({ since: '0' }));
  tally.ok(spooled.rows.length === all.results.length, 'changesReader.spool', String(spooled.rows.length));
  const some = await collect(couch.use(db.config.db).changesReader.get({ since: '0', timeout: 300,
    selector: { pos: { $gte: 38 } } }));
  tally.ok(some.rows.map((row) => row.id).join() === 'k38,k39,k40', 'changesReader with a selector',
    JSON.stringify(some.rows));
  const reader = couch.use(db.config.db).changesReader;
  const live = await collect(reader.start({ since: all.last_seq, timeout: 2000 }), async () => {
    reader.ee.on('change', () => reader.stop());
    await new Promise((resolve) => setTimeout(resolve, 200));
    await db.insert({ n: 1 }, 'live');
  });
  tally.ok(live.rows.length === 1 && live.rows[0].id === 'live', 'changesReader.start and stop');
}

async function partitionCalls(tally, couch) {
  await couch.db.create('parts', { partitioned: true });
  const db = couch.use('parts');
  tally.ok((await db.info()).props.partitioned === true, 'db.create of a partitioned database');
  await fails(tally, db.insert({}, 'plain'), [400, 'illegal_docid'], 'insert without a partition');
  await db.bulk({ docs: ['a:1', 'a:2', 'b:1'].map((_id) => ({ _id })) });
  const info = await db.partitionInfo('a');
  tally.ok(info.doc_count === 2 && info.partition === 'a', 'partitionInfo', JSON.stringify(info));
  tally.ok((await db.partitionedList('a')).rows.length === 2, 'partitionedList');
  const rows = JSON.parse(await text(db.partitionedListAsStream('b', { include_docs: true }))).rows;
  tally.ok(rows.length === 1 && rows[0].doc._id === 'b:1', 'partitionedListAsStream');
  await fails(tally, couch.use('shelf').partitionInfo('a'),
    [400, 'bad_request', 'database is not partitioned'], 'partitionInfo of another database');
}

// login: {user, password} of the admin; url with both inside and no slash at its end.
export async function nanoSurface(tally, url, login) {
  const couch = nano(url);
  await serverCalls(tally, couch, url, login);
  await databaseCalls(tally, couch);
  const db = couch.use('shelf');
  await documentCalls(tally, db);
  await attachmentCalls(tally, db);
  await listCalls(tally, db);
  await changesCalls(tally, db, couch);
  await partitionCalls(tally, couch);
  await couch.db.destroy('shelf');
  await couch.db.destroy('parts');
}
