// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: a CouchDB-style replicator with the server as source and as target: the first run, a run
// with nothing to do, a run from the checkpoint, continuous, with a selector and with ids.
import { replicate } from './couch-replicator.mjs';
import { BASIC, must, Peer } from './http.mjs';
import { fill, change } from './sample.mjs';

export const title = 'A CouchDB-style replicator reads from one database and writes to another.';

export async function run(origin) {
  const peer = new Peer(origin, { Authorization: BASIC });
  await fill(peer, 'source');
  const job = { source: 'source', target: 'tar/get', createTarget: true };
  const first = await replicate(origin, origin, { ...job, session: 'first' });
  must(first.since === 0 && first.missing_found > 0 && first.doc_write_failures === 0,
    `the first run writes: ${JSON.stringify(first)}`);
  const second = await replicate(origin, origin, { ...job, createTarget: false, session: 'second' });
  must(second.rows === 0 && second.docs_written === 0, 'the second run has nothing to do');
  await change(peer, 'source');
  const third = await replicate(origin, origin, { ...job, createTarget: false, session: 'third',
    continuous: true, timeout: 1000 });
  must(third.rows > 0 && third.missing_found < first.missing_found,
    `the third run does what is new: ${JSON.stringify(third)}`);
  const some = await replicate(origin, origin, { source: 'source', target: 'selected',
    createTarget: true, session: 'selector', selector: { type: { $in: ['spider', 'curd'] } } });
  must(some.rows > 0 && some.rows < first.rows, 'a selector selects');
  const ids = await replicate(origin, origin, { source: 'source', target: 'named',
    createTarget: true, session: 'ids', docIds: ['spider', 'nobody', 'caf\u00e9 / ?%+&'] });
  must(ids.rows === 2, 'the ids that are there');
  await equalLeaves(peer, 'source', 'tar/get');
  peer.close();
}

// Both list the same leaves, winners first.
async function equalLeaves(peer, one, other) {
  const [left, right] = await Promise.all([one, other].map(async (name) => {
    const { json } = await peer.ask('GET', `/${encodeURIComponent(name)}/_changes?style=all_docs`);
    return JSON.stringify(json.results.map((row) => [row.id, row.deleted, row.changes])
      .sort((a, b) => (a[0] < b[0] ? -1 : 1)));
  }));
  must(left === right, `the same leaves in both:\n${left}\n${right}`);
}
