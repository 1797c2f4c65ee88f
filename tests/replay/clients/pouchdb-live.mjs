// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: PouchDB follows a database: a live pull while another client writes, stopped by the client.
import { BASIC, must, Peer, requireClient, withLogin } from './http.mjs';
import { memoryPouch } from './pouch.mjs';
import { change, fill } from './sample.mjs';

export const title = 'PouchDB pulls live while documents change.';

export async function run(origin) {
  const PouchDB = requireClient('pouchdb');
  const peer = new Peer(origin, { Authorization: BASIC });
  await fill(peer, 'live');
  const local = memoryPouch('live');
  const pull = local.replicate.from(new PouchDB(`${withLogin(origin)}/live`),
    { live: true, heartbeat: 5000 });
  // The pull has nothing to do; a moment later its feed is open again.
  const idle = () => new Promise((resolve, reject) => {
    pull.once('paused', (error) => (error ? reject(error) : setTimeout(resolve, 150)));
  });
  await idle();
  await Promise.all([idle(), peer.ask('PUT', '/live/one', { body: { n: 1 } })]);
  await change(peer, 'live');
  for (let waited = 0; waited < 100; waited++) {
    const ready = await local.get('empty').then(() => false, () => true);
    if (ready) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await new Promise((resolve) => setTimeout(resolve, 300));
  must((await local.get('tuffet')).type === 'seat', 'the last changes arrive');
  await new Promise((resolve) => {
    pull.once('complete', resolve);
    pull.cancel();
  });
  peer.close();
  await local.destroy();
}
