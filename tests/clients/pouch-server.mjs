// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: pouchdb-server without its own command line: express-pouchdb on a port.
//     node pouch-server.mjs PORT DIRECTORY memory|leveldb
// Prints its URL when it is ready.
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(import.meta.url);
const express = require('express');
const expressPouchDB = require('express-pouchdb');
const PouchDB = require('pouchdb');
PouchDB.plugin(require('pouchdb-adapter-memory'));

const [port, directory, adapter] = process.argv.slice(2);
// It leaves the attachments of multipart uploads in the directory for temporary files.
process.env.TMPDIR = join(directory, 'uploads');
mkdirSync(process.env.TMPDIR, { recursive: true });
// Not by the option "adapter": that would hold for the http:// end of a replication, too.
PouchDB.preferredAdapters = [adapter];
const Local = PouchDB.defaults({ prefix: join(directory, '/') });
const app = express();
app.use('/', expressPouchDB(Local, {
  mode: 'minimumForPouchDB',
  overrideMode: { include: ['routes/replicate'] },
  inMemoryConfig: true,
}));
app.listen(Number(port), '127.0.0.1', () => {
  console.log(`pouchdb-server http://127.0.0.1:${port}/`);
});
