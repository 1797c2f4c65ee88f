// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: couchbackup saves a database, with its attachments, and couchrestore writes it to another.
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BASIC, must, Peer, requireClient, withLogin } from './http.mjs';
import { fill } from './sample.mjs';

export const title = 'couchbackup saves and restores a database with attachments.';

const run1 = (job, from, to, options) => new Promise((resolve, reject) => {
  job(from, to, options, (error, result) => (error ? reject(error) : resolve(result)));
});

export async function run(origin) {
  const { backup, restore } = requireClient('@cloudant/couchbackup');
  const dir = mkdtempSync(join(tmpdir(), 'tuffet-replay-'));
  const file = join(dir, 'backup');
  const peer = new Peer(origin, { Authorization: BASIC });
  try {
    await fill(peer, 'saved');
    await peer.ask('PUT', '/restored/', { body: '' });
    const options = { parallelism: 1, attachments: true, logLevel: 'none' };
    const saved = await run1(backup, `${withLogin(origin)}/saved`, createWriteStream(file),
      { ...options, log: join(dir, 'log') });
    must(saved.total === 10, `everything is saved: ${JSON.stringify(saved)}`);
    const restored = await run1(restore, createReadStream(file), `${withLogin(origin)}/restored`, options);
    must(restored.total === 10, `everything is restored: ${JSON.stringify(restored)}`);
    const { json } = await peer.ask('GET', '/restored/pictures');
    must(json._attachments['rhyme.txt'].length === 504, 'attachments come back');
    peer.close();
  } finally {
    rmSync(dir, { recursive: true });
  }
}
