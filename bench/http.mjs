// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: the same HTTP work against tuffetd and against PouchDB Server on LevelDB, one JSON line per
// measurement (read by report.mjs). The client is bench_http; this script starts servers and clients.
//
//   node bench/http.mjs --tuffetd BUILD/tuffetd --client BUILD/bench/bench_http
//     [--pouchdb-server DIR] [--docs N] [--seconds S] [--rounds N]
//
// DIR holds node_modules with express-pouchdb or pouchdb-server (tests/clients has them). PouchDB
// Server answers before its data is synced; Tuffet answers after.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve as absolute } from 'node:path';

const options = { docs: 100000, seconds: 3, rounds: 1 };
for (let i = 2; i < process.argv.length; i += 2) {
  const name = process.argv[i].replace(/^--/, '');
  options[name] = /^\d+$/.test(process.argv[i + 1]) ? Number(process.argv[i + 1]) : process.argv[i + 1];
}
if (!options.tuffetd || !options.client) {
  console.error('usage: node bench/http.mjs --tuffetd PATH --client PATH-OF-bench_http\n' +
    '         [--pouchdb-server DIR] [--docs N] [--seconds S] [--rounds N]');
  process.exit(2);
}

// Servers run in a directory of their own.
for (const name of ['tuffetd', 'client', 'pouchdb-server'])
  if (options[name]) options[name] = absolute(options[name]);

const AUTH = Buffer.from('bench:bench').toString('base64');

const freePort = () => new Promise((resolve) => {
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Starts bench_http; resolves when it has ended and its line is printed.
function client(server, round, work, kind, more) {
  const given = { kind, work, engine: server.name, port: server.port, pid: server.child.pid, auth: AUTH, round, ...more };
  const args = Object.entries(given).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(options.client, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  return new Promise((resolve, reject) => child.on('exit', (code) =>
    code === 0 ? resolve() : reject(new Error(`${work}: bench_http ended with ${code}`))));
}

async function measure(server, round) {
  const run = (work, kind, more) => client(server, round, work, kind, more);
  const { docs, seconds } = options;
  const batches = Math.ceil(docs / 1000);
  await ask(server.port, 'PUT', '/bench');
  await run('http bulk 1000, 4 clients', 'bulk', { connections: 4, times: batches, ops: 1000 });
  await run('http welcome, 16 connections', 'path', { path: '/', connections: 16, seconds });
  for (const connections of [1, 16, 64])
    await run(`http get, ${connections} connections`, 'get', { connections, seconds, docs });
  await run('http get, a connection each, 16 at a time', 'get', { connections: 16, seconds, docs, reconnect: 1 });
  // Before the puts, of which the faster server has more.
  for (const query of ['', '?include_docs=true']) {
    const what = query ? ' with documents' : '';
    for (const list of ['_all_docs', '_changes'])
      await run(`http ${list}${what}`, 'path', { path: `/bench/${list}${query}`, times: 3, ops: docs });
  }
  for (const connections of [1, 16, 64])
    await run(`http put, ${connections} connections`, 'put', { connections, seconds, tag: `put-${connections}-${round}-` });
  await Promise.all([
    run('http bulk 1000 beside gets', 'bulk', { connections: 2, times: batches, ops: 1000, tag: 'beside-' }),
    run('http get beside bulk, 16 connections', 'get', { connections: 16, seconds, docs }),
  ]);
  for (const [name, size, times] of [['1 MiB', 1 << 20, 100], ['100 MiB', 100 << 20, 3]]) {
    if (size > (64 << 20) && server.name !== 'tuffet' && !options.large) continue;
    const tag = `att-${size}-${round}-`;
    await run(`http attachment ${name} put (MiB)`, 'upload', { tag, size, times, ops: size >> 20 });
    await run(`http attachment ${name} get (MiB)`, 'path', { path: `/bench/${tag}0/file`, times, ops: size >> 20 });
  }
}

async function ask(port, method, path) {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers: { Authorization: `Basic ${AUTH}` } });
  await answer.arrayBuffer();
  return answer.status;
}

async function waitFor(port) {
  for (let i = 0; i < 300; i++) {
    try {
      if (await ask(port, 'GET', '/') === 200) return;
    } catch {
      await sleep(50);
    }
  }
  throw new Error('server does not answer');
}

async function withServer(name, command, args, env, round) {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'tuffet-http-bench-'));
  const child = spawn(command, args(port, dir), { env: { ...process.env, ...env }, cwd: dir, stdio: 'ignore' });
  try {
    await waitFor(port);
    await measure({ name, port, child }, round);
  } finally {
    child.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  }
}

const pouchScript = `
  const path = require('path');
  process.env.TMPDIR = process.argv[3]; // where it leaves uploads
  const { createRequire } = require('module');
  const load = createRequire(path.join(process.argv[1], 'package.json'));
  const PouchDB = load('pouchdb').defaults({ prefix: process.argv[3] + '/' });
  const app = load('express')();
  app.use('/', load('express-pouchdb')(PouchDB, { mode: 'minimumForPouchDB', overrideMode: {
    include: ['routes/attachments'] } }));
  app.listen(Number(process.argv[2]), '127.0.0.1');`;

for (let round = 0; round < options.rounds; round++) {
  await withServer('tuffet', options.tuffetd,
    (port, dir) => ['--data-dir', dir, '--listen', `127.0.0.1:${port}`, '--log-level', 'error'],
    { COUCHDB_USER: 'bench', COUCHDB_PASSWORD: 'bench' }, round);
  if (options['pouchdb-server'])
    await withServer('pouchdb-server', process.execPath,
      (port, dir) => ['-e', pouchScript, options['pouchdb-server'], String(port), dir], {}, round);
}
