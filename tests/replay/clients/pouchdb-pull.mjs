// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: PouchDB pulls a database once, then again what has changed, then with a selector.
import { BASIC, must, Peer, requireClient, withLogin } from './http.mjs';
import { memoryPouch } from './pouch.mjs';
import { change, fill } from './sample.mjs';

export const title = 'PouchDB pulls a database, twice, and a part of it by a selector.';

export async function run(origin) {
  const PouchDB = requireClient('pouchdb');
  const peer = new Peer(origin, { Authorization: BASIC });
  await fill(peer, 'pulled');
  const remote = new PouchDB(`${withLogin(origin)}/pulled`);
  const local = memoryPouch('pull'), part = memoryPouch('part');
  const first = await local.replicate.from(remote);
  must(first.ok && first.doc_write_failures === 0 && first.docs_written > 5, JSON.stringify(first));
  await change(peer, 'pulled');
  const second = await local.replicate.from(remote);
  must(second.ok && second.docs_written === 4, JSON.stringify(second));
  const spider = await local.get('spider', { conflicts: true });
  must(spider.legs === 7 && !spider._conflicts, 'the conflict is resolved');
  const text = await local.getAttachment('pictures', 'rhyme.txt');
  must(/^Little Miss Muffet/.test(text.toString()), 'the attachment has its text');
  const some = await part.replicate.from(remote, { selector: { type: 'curd' } });
  must(some.ok && some.docs_written > 0 && some.docs_written < first.docs_written,
    JSON.stringify(some));
  peer.close();
  await local.destroy();
  await part.destroy();
}
