// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: PouchDB pushes a local database once: attachments, conflicts, deletions; again with nothing
// to do; again with a few changes.
import { must, requireClient, withLogin } from './http.mjs';
import { changePouch, fillPouch, memoryPouch } from './pouch.mjs';

export const title = 'PouchDB pushes a local database, three times.';

export async function run(origin) {
  const PouchDB = requireClient('pouchdb');
  const local = memoryPouch('push'), remote = new PouchDB(`${withLogin(origin)}/pushed`);
  await fillPouch(local);
  const first = await local.replicate.to(remote);
  must(first.ok && first.doc_write_failures === 0 && first.docs_written > 5, JSON.stringify(first));
  const second = await local.replicate.to(remote);
  must(second.ok && second.docs_written === 0, JSON.stringify(second));
  await changePouch(local);
  const third = await local.replicate.to(remote);
  must(third.ok && third.docs_written > 0 && third.docs_written < first.docs_written,
    JSON.stringify(third));
  await local.destroy();
}
