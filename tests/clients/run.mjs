// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: real clients against a real tuffetd on real data, with the server killed on the way.
//     node run.mjs BUILD-DIR [--count N] [--kills N] [--only PART]
//     node run.mjs --stand-in [...]    pouchdb-server instead of tuffetd, to test this test
// Ends with "N passed, N failed".
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Server } from './server.mjs';
import { Tally } from './tally.mjs';
import { replicatePart } from './part-replicate.mjs';
import { pouchdbPart } from './part-pouchdb.mjs';
import { serverPart } from './part-server.mjs';
import { nanoPart } from './part-nano.mjs';
import { couchbackupPart } from './part-couchbackup.mjs';
import { couchimportPart } from './part-couchimport.mjs';
import { feedsPart } from './part-feeds.mjs';
import { jsonPart } from './part-json.mjs';
import { syncPart } from './part-sync.mjs';
import { setupPart } from './part-setup.mjs';
import { snapshotsPart } from './part-snapshots.mjs';
import { webPart } from './part-web.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '1000000' },
    kills: { type: 'string', default: '5' },
    only: { type: 'string' },
    'stand-in': { type: 'boolean', default: false },
  },
});
const standIn = options['stand-in'];
if (!standIn && positionals.length !== 1) {
  console.error('usage: node run.mjs BUILD-DIR');
  process.exit(2);
}
const build = standIn ? null : resolve(positionals[0]);
const settings = { count: Number(options.count), kills: Number(options.kills), here, build };
const newServer = () => (standIn
  ? Server.pouchdb(join(here, 'pouch-server.mjs'), 'leveldb')
  : Server.tuffetd(join(build, 'tuffetd')));

// Every database file below a folder.
function databaseFiles(dir) {
  return readdirSync(dir, { recursive: true }).map((name) => join(dir, name))
    .filter((path) => path.endsWith('.tuf') && statSync(path).isFile());
}

// `tuffet check` of every file a server left behind.
async function checkFiles(tally, server) {
  if (standIn) return;
  const files = databaseFiles(server.dataDir);
  tally.ok(files.length > 0, `${server.name} left database files to check`);
  for (const file of files) {
    const { code, text } = await new Promise((done) => {
      execFile(join(build, 'tuffet'), ['check', file], (error, stdout, stderr) =>
        done({ code: error ? error.code : 0, text: stdout + stderr }));
    });
    tally.ok(code === 0, `tuffet check finds nothing in ${file.split('/').pop()}`, text.slice(-800));
  }
}

const parts = {
  pouchdb: pouchdbPart, server: serverPart, nano: nanoPart, couchbackup: couchbackupPart,
  sync: syncPart, feeds: feedsPart, couchimport: couchimportPart, replicate: replicatePart,
  setup: setupPart, web: webPart, snapshots: snapshotsPart, json: jsonPart,
};
// Some of the clients leave temporary files behind, and so does a server that is killed.
process.env.TMPDIR = mkdtempSync(join(tmpdir(), 'tuffet-clients-'));
process.on('exit', () => rmSync(process.env.TMPDIR, { recursive: true, force: true }));

const tally = new Tally();
for (const [name, part] of Object.entries(parts)) {
  if (options.only && options.only !== name) continue;
  const begin = Date.now();
  tally.begin(name);
  const server = newServer();
  try {
    await server.start();
    await part(tally, server, settings);
    const exit = await server.stop('SIGTERM');
    tally.ok(standIn || exit.code === 0, 'the server ends with status 0 on SIGTERM',
      JSON.stringify(exit) + server.output.slice(-2000));
    await checkFiles(tally, server);
  } catch (error) {
    tally.ok(false, `${name} ran to its end`, `${error.stack ?? JSON.stringify(error)}\n${server.output.slice(-2000)}`);
    await server.stop('SIGKILL').catch(() => {});
  } finally {
    server.remove();
  }
  console.log(`# ${name}: ${((Date.now() - begin) / 1000).toFixed(1)} s`);
}
tally.end();
