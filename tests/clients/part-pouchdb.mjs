// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: PouchDB pushes everything, through several kills of the server, and pulls it out again.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fill } from './data.mjs';
import { differences, digests, fingerprint } from './compare.mjs';
import { steadyInfo } from './steady.mjs';

const require = createRequire(import.meta.url);
const PouchDB = require('pouchdb');

const BATCH = 1000;

function seconds(begin) {
  return `${((Date.now() - begin) / 1000).toFixed(1)} s`;
}

// Replicates until it ends well, killing the server at `killCount` moments that are spread over
// the work; onRestart is called after each restart. Returns {acked, runs, docsRead}.
async function replicateThroughKills(source, target, server, killCount, total, onRestart) {
  const acked = [];
  let docsRead = 0, kills = 0, runs = 0, killing = null, restarted = false, rest = 0;
  for (;;) {
    let seen = 0;
    const replication = PouchDB.replicate(source, target,
      { batch_size: BATCH, batches_limit: 3, checkpoint: 'both' });
    replication.on('change', (info) => {
      for (const doc of info.docs ?? []) acked.push([doc._id, doc._rev]);
      rest += info.docs_read - seen;
      seen = info.docs_read;
      if (kills < killCount && !killing && rest > (kills + 1) * total / (killCount + 1)) {
        kills++;
        // A moment later, so that it hits in the middle of a request.
        killing = new Promise((resolve) => setTimeout(resolve, 17 * kills * kills))
          .then(() => server.killAndRestart())
          .then(() => { killing = null; restarted = true; });
      }
    });
    runs++;
    let error = null;
    try {
      await replication;
    } catch (reason) {
      error = reason;
    }
    docsRead += seen;
    if (killing) await killing;
    if (restarted) {
      // Also after a run that ended well: the kill may have come at its end, or between two
      // requests, so that PouchDB did not notice it.
      restarted = false;
      await onRestart(acked);
      continue;
    }
    if (!error) return { acked, runs, docsRead, kills };
    if (runs > killCount + 5) throw error;
  }
}

// Every revision whose write was answered is still there: as a leaf of the changes feed.
async function lostRevisions(server, name, acked) {
  const leaves = new Set();
  let since = 0;
  for (;;) {
    const { body } = await server.json(
      `${name}/_changes?style=all_docs&limit=20000&since=${encodeURIComponent(since)}`);
    for (const row of body.results)
      for (const change of row.changes) leaves.add(`${row.id} ${change.rev}`);
    if (body.results.length < 20000) break;
    since = body.last_seq;
  }
  return acked.filter(([id, rev]) => !leaves.has(`${id} ${rev}`)).map(([id, rev]) => `${id} ${rev}`);
}

export async function pouchdbPart(tally, server, settings) {
  const name = 'cities';
  const local = (which) => new PouchDB(join(server.dataDir, '..', `${server.dataDir.split('/').pop()}-${which}`));
  const remote = () => new PouchDB(server.url(name));
  const source = local('source'), back = local('back');
  try {
    let begin = Date.now();
    const made = await fill(source, settings.count);
    const want = await fingerprint(source);
    console.log(`# ${want.size} documents, ${made.pictureCount} pictures, ` +
      `${made.conflictCount} conflicting revisions made in ${seconds(begin)}`);

    begin = Date.now();
    let restart = 0;
    const push = await replicateThroughKills(source, remote(), server, settings.kills, want.size,
      async (acked) => {
        restart++;
        const lost = await lostRevisions(server, name, acked);
        tally.same(lost.slice(0, 5),
          `nothing of ${acked.length} acknowledged revisions is lost by kill ${restart} ` +
          `(ready again in ${server.startMs} ms)`);
      });
    console.log(`# pushed in ${seconds(begin)}, ${push.kills} kills, ${push.runs} runs, ` +
      `${push.docsRead} changes read`);
    tally.ok(push.kills === settings.kills, `the server was killed ${settings.kills} times`);
    // A kill costs what was read after the last checkpoint: a few batches, never everything.
    tally.ok(push.docsRead <= want.size + push.kills * 12 * BATCH,
      'each run resumes at the checkpoint', `${push.docsRead} of ${want.size}`);

    begin = Date.now();
    tally.same(differences(want, await fingerprint(remote())),
      'the server has every document, revision, conflict and attachment');
    console.log(`# read through HTTP in ${seconds(begin)}`);
    const pictures = await digests(source);
    tally.same(differences(pictures, await digests(remote())), 'every attachment has its bytes');
    const info = await remote().info();
    const deleted = [...want.values()].filter((entry) => /"_deleted":true/.test(entry.text) &&
      !entry.text.split('\n').some((line) => !/"_deleted":true/.test(line))).length;
    tally.ok(info.doc_count === want.size - deleted, 'doc_count is right',
      `${info.doc_count} of ${want.size - deleted}`);

    begin = Date.now();
    const pull = await replicateThroughKills(steadyInfo(remote(), server), back, server, 1,
      want.size, async () => {});
    console.log(`# pulled in ${seconds(begin)}, ${pull.kills} kill, ${pull.docsRead} changes read`);
    const got = await fingerprint(back);
    tally.same(differences(want, got),
      'a fresh PouchDB pulls every document, revision, conflict and attachment');
    tally.same(differences(pictures, await digests(back)), 'and every attachment has its bytes');

    // Nothing is left to do in either direction.
    const again = await PouchDB.replicate(source, remote(), { batch_size: BATCH });
    tally.ok(again.ok && again.docs_written === 0, 'a second push writes nothing',
      JSON.stringify(again).slice(0, 300));
  } finally {
    await source.destroy();
    await back.destroy();
  }
}
