// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: the same HTTP work against tuffetd and against PouchDB Server on LevelDB, one JSON line per
// measurement (read by report.mjs). The client is this process: one core, raw sockets, keep-alive.
//
//   node bench/http.mjs --tuffetd BUILD/tuffetd [--pouchdb-server DIR] [--docs N] [--seconds S]
//
// DIR holds node_modules with express-pouchdb or pouchdb-server (tests/clients has them). PouchDB
// Server answers before its data is synced; Tuffet answers after.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const options = { docs: 100000, seconds: 3, rounds: 1 };
for (let i = 2; i < process.argv.length; i += 2) {
  const name = process.argv[i].replace(/^--/, '');
  options[name] = /^\d+$/.test(process.argv[i + 1]) ? Number(process.argv[i + 1]) : process.argv[i + 1];
}
if (!options.tuffetd) {
  console.error('usage: node bench/http.mjs --tuffetd PATH [--pouchdb-server DIR] [--docs N] [--seconds S]');
  process.exit(2);
}

const AUTH = `Authorization: Basic ${Buffer.from('bench:bench').toString('base64')}\r\n`;

const freePort = () => new Promise((resolve) => {
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// One connection: requests are answered in order; the answer's length is found from its header.
class Connection {
  constructor(port) {
    this.socket = net.connect(port, '127.0.0.1');
    this.socket.setNoDelay(true);
    this.parts = [];
    this.have = 0;
    this.need = 0;
    this.socket.on('data', (data) => this.take(data));
    this.socket.on('error', (error) => this.fail?.(error));
    this.socket.on('close', () => this.fail?.(new Error('connection closed')));
  }

  request(method, path, body, headers = '') {
    const length = body === undefined ? 0 : Buffer.byteLength(body);
    const type = body === undefined || headers.includes('Content-Type') ? '' : 'Content-Type: application/json\r\n';
    this.socket.write(`${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${AUTH}${type}${headers}` +
      `Content-Length: ${length}\r\n\r\n`);
    if (length > 0) this.socket.write(body);
    return new Promise((resolve, reject) => {
      this.done = resolve;
      this.fail = reject;
    });
  }

  take(data) {
    this.have += data.length;
    if (this.head === undefined) {
      this.parts.push(data);
      const all = this.parts.length === 1 ? data : Buffer.concat(this.parts);
      const end = all.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.head = all.toString('latin1', 0, end);
      const length = /content-length: *(\d+)/i.exec(this.head);
      this.need = length ? end + 4 + Number(length[1]) : -1;
      this.tail = all.subarray(Math.max(0, all.length - 16));
      this.parts = [];
    } else {
      this.tail = Buffer.concat([this.tail, data]).subarray(-16);
    }
    const ended = this.need >= 0 ? this.have >= this.need : this.tail.includes('0\r\n\r\n');
    if (!ended) return;
    const answer = { status: Number(this.head.slice(9, 12)), bytes: this.have };
    this.head = undefined;
    this.have = 0;
    this.done(answer);
  }

  close() {
    this.fail = undefined;
    this.socket.destroy();
  }
}

function record(work, engine, round, ops, seconds, extra = {}) {
  console.log(JSON.stringify({ work, engine, round, ops, ops_per_s: Math.round(ops / seconds), ...extra }));
}

const resident = (pid) => {
  const match = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return match ? Number(match[1]) / 1000 : 0;
};

// Runs `make(i)` on every connection again and again for some seconds.
async function drive(server, work, clients, round, make, expected = [200, 201]) {
  const connections = Array.from({ length: clients }, () => new Connection(server.port));
  const times = [];
  let next = 0;
  const start = performance.now();
  const end = start + options.seconds * 1000;
  await Promise.all(connections.map(async (connection) => {
    while (performance.now() < end) {
      const sent = performance.now();
      const answer = await connection.request(...make(next++));
      if (!expected.includes(answer.status)) throw new Error(`${work}: status ${answer.status}`);
      times.push(performance.now() - sent);
    }
  }));
  const seconds = (performance.now() - start) / 1000;
  times.sort((a, b) => a - b);
  record(work, server.name, round, times.length, seconds,
    { p99_ms: times[Math.floor(times.length * 0.99)], rss_mb: resident(server.child.pid) });
  connections.forEach((connection) => connection.close());
}

async function once(server, work, round, ops, requests) {
  const connection = new Connection(server.port);
  const start = performance.now();
  let bytes = 0;
  for (const request of requests) {
    const answer = await connection.request(...request);
    if (answer.status >= 300) throw new Error(`${work}: status ${answer.status}`);
    bytes += answer.bytes;
  }
  const seconds = (performance.now() - start) / 1000;
  record(work, server.name, round, ops, seconds,
    { mb_per_s: bytes / 1e6 / seconds, rss_mb: resident(server.child.pid) });
  connection.close();
}

const text = Array.from({ length: 64 }, (_, i) => `word${i * 7919 % 1000} ${(i * 2654435761 >>> 0).toString(16)}`)
  .join(' ').slice(0, 960);
const id = (n) => (n * 2654435761 % 4294967296).toString(16).padStart(8, '0') + n.toString(16).padStart(8, '0');
const doc = (n) => JSON.stringify({ n, text });

async function load(server, round) {
  const connection = new Connection(server.port);
  await connection.request('PUT', '/bench', undefined);
  connection.close();
  const batches = [];
  for (let n = 0; n < options.docs; n += 1000) {
    const docs = Array.from({ length: 1000 }, (_, i) => `{"_id":"${id(n + i)}",${doc(n + i).slice(1)}`);
    batches.push(`{"docs":[${docs.join(',')}]}`);
  }
  let next = 0;
  const start = performance.now();
  await Promise.all(Array.from({ length: 4 }, async () => {
    const own = new Connection(server.port);
    while (next < batches.length) await own.request('POST', '/bench/_bulk_docs', batches[next++]);
    own.close();
  }));
  record('http bulk 1000, 4 clients', server.name, round, options.docs, (performance.now() - start) / 1000,
    { rss_mb: resident(server.child.pid) });
}

async function measure(server, round) {
  await load(server, round);
  for (const clients of [1, 16, 64])
    await drive(server, `http get, ${clients} connections`, clients, round,
      (i) => ['GET', `/bench/${id(i * 31 % options.docs)}`]);
  await drive(server, 'http welcome, 16 connections', 16, round, () => ['GET', '/']);
  for (const clients of [1, 16, 64])
    await drive(server, `http put, ${clients} connections`, clients, round,
      (i) => ['PUT', `/bench/put-${clients}-${round}-${i}`, doc(i)]);
  for (const query of ['', '?include_docs=true']) {
    const what = query ? ' with documents' : '';
    await once(server, `http _all_docs${what}`, round, options.docs, [['GET', `/bench/_all_docs${query}`]]);
    await once(server, `http _changes${what}`, round, options.docs, [['GET', `/bench/_changes${query}`]]);
  }
  for (const [name, size, count] of [['1 MiB', 1 << 20, 20], ['100 MiB', 100 << 20, 1]]) {
    if (size > (64 << 20) && server.name !== 'tuffet' && !options.large) continue;
    const bytes = Buffer.alloc(size, 7);
    const headers = 'Content-Type: application/octet-stream\r\n';
    await once(server, `http attachment ${name} put (MiB)`, round, (size >> 20) * count,
      Array.from({ length: count }, (_, i) => ['PUT', `/bench/att-${name[0]}${size}-${round}-${i}/file`, bytes, headers]));
    await once(server, `http attachment ${name} get (MiB)`, round, (size >> 20) * count,
      Array.from({ length: count }, (_, i) => ['GET', `/bench/att-${name[0]}${size}-${round}-${i}/file`]));
  }
}

async function waitFor(port) {
  for (let i = 0; i < 300; i++) {
    try {
      const connection = new Connection(port);
      const answer = await connection.request('GET', '/');
      connection.close();
      if (answer.status === 200) return;
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
