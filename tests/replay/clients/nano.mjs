// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: every call of nano about databases, documents, attachments, lists and changes.
import { nanoSurface } from '../../clients/nano-surface.mjs';
import { PASSWORD, USER, withLogin } from './http.mjs';

export const title = 'nano: databases, documents, attachments, lists, changes, partitions.';

export async function run(origin) {
  const failed = [];
  const tally = { ok: (condition, what, detail) => { if (!condition) failed.push(`${what} ${detail}`); } };
  await nanoSurface(tally, withLogin(origin), { user: USER, password: PASSWORD });
  if (failed.length) throw new Error(failed.join('\n'));
}
