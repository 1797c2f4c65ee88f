// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: replications: small documents and attachments, over HTTP between two servers, inside one
// server, from file to file, and out of PouchDB Server; how long a continuous one lags behind, and what
// it costs at rest. One JSON line per measurement (read by report.mjs).
//
//   node bench/replication.mjs --tuffetd BUILD/tuffetd --tuffet BUILD/tuffet
//        [--pouchdb-server DIR] [--docs N] [--atts N] [--only NAME,...]
//
// CPU seconds are those of all processes that take part but this one; memory is the peak of the server
// that runs the replication. Both servers and this client share the machine.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const options = { docs: 200000, atts: 2000, only: 'local,file,http,inside,pouchdb,attachments,file-attachments,latency' };
for (let i = 2; i < process.argv.length; i += 2) {
  const name = process.argv[i].replace(/^--/, '');
  options[name] = /^\d+$/.test(process.argv[i + 1]) ? Number(process.argv[i + 1]) : process.argv[i + 1];
}
if (!options.tuffetd || !options.tuffet) {
  console.error('usage: node bench/replication.mjs --tuffetd PATH --tuffet PATH [--pouchdb-server DIR] [--docs N] [--atts N]');
  process.exit(2);
}
for (const name of ['tuffetd', 'tuffet', 'pouchdb-server']) if (options[name]) options[name] = resolve(options[name]);
const only = new Set(options.only.split(','));
const AUTH = { authorization: `Basic ${Buffer.from('bench:bench').toString('base64')}` };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const top = mkdtempSync(join(tmpdir(), 'tuffet-replication-'));
process.on('exit', () => rmSync(top, { recursive: true, force: true }));

const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

class Server {
  static async start(kind, dir) {
    const server = new Server();
    server.kind = kind;
    server.dir = join(top, dir);
    server.port = await freePort();
    mkdirSync(server.dir, { recursive: true });
    server.url = `http://bench:bench@127.0.0.1:${server.port}`;
    const command = kind === 'tuffet'
      ? [options.tuffetd, '--data-dir', server.dir, '--listen', `127.0.0.1:${server.port}`, '--log-level', 'error']
      : [process.execPath, join(dirname(fileURLToPath(import.meta.url)), '../tests/clients/pouch-server.mjs'), String(server.port), server.dir, 'leveldb'];
    server.child = spawn(command[0], command.slice(1), { stdio: 'ignore', cwd: options['pouchdb-server'], env: { ...process.env, COUCHDB_USER: 'bench', COUCHDB_PASSWORD: 'bench' } });
    for (let tries = 0; ; tries++) {
      try {
        await fetch(`http://127.0.0.1:${server.port}/`, { headers: AUTH });
        return server;
      } catch (error) {
        if (tries > 300) throw error;
        await sleep(50);
      }
    }
  }

  async ask(method, path, body) {
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`,
      { method, body, headers: { ...AUTH, 'content-type': 'application/json' } });
    const json = await answer.json();
    if (answer.status >= 400 && answer.status !== 412) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(json)}`);
    return json;
  }

  cpu() { // seconds
    const fields = readFileSync(`/proc/${this.child.pid}/stat`, 'latin1').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  peakMib() {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${this.child.pid}/status`, 'latin1'))[1]) / 1024;
  }

  async stop() {
    if (this.child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.child.on('exit', resolve));
    this.child.kill('SIGTERM');
    await ended;
  }
}

const round = (value, digits = 1) => Number(value.toFixed(digits));

// count things in some seconds; the members are those that report.mjs knows.
function record(what, count, seconds, cpu, mib, more = {}) {
  console.log(JSON.stringify({
    work: `replication, ${what}`, engine: 'tuffet', round: 0, ops: count, ops_per_s: Math.round(count / seconds),
    cpu_us_per_op: round(cpu / count * 1e6), rss_mb: round(mib), seconds: round(seconds, 2), ...more,
  }));
}

// 200 documents are of one request; each is 1 KB of text that compresses a little.
async function fill(server, db, count) {
  await server.ask('PUT', `/${db}`);
  const words = 'the quick brown fox jumps over the lazy dog and runs away from it again'.split(' ');
  let seed = 7;
  const pick = (n) => { seed = (seed * 1103515245 + 12345) & 0x7fffffff; return seed % n; };
  for (let from = 0; from < count; from += 1000) {
    const docs = [];
    for (let i = from; i < Math.min(count, from + 1000); i++) {
      let text = '';
      while (text.length < 900) text += words[pick(words.length)] + pick(100000) + ' ';
      docs.push({ _id: String(pick(1e9)).padStart(10, '0') + i, number: i, list: [1, 2, 3], text });
    }
    await server.ask('POST', `/${db}/_bulk_docs`, JSON.stringify({ docs }));
  }
}

async function fillAttachments(server, db, count) {
  await server.ask('PUT', `/${db}`);
  const data = randomBytes(1 << 20);
  for (let i = 0; i < count; i++) {
    data.writeUInt32LE(i, 0);
    await fetch(`http://127.0.0.1:${server.port}/${db}/doc${i}/photo`,
      { method: 'PUT', body: data, headers: { ...AUTH, 'content-type': 'image/jpeg' } }).then((a) => a.arrayBuffer());
  }
}

async function replicate(what, runner, others, request) {
  const servers = [...new Set([runner, ...others])];
  const before = servers.reduce((sum, s) => sum + s.cpu(), 0);
  const begin = performance.now();
  const result = await runner.ask('POST', '/_replicate', JSON.stringify({ create_target: true, ...request }));
  const seconds = (performance.now() - begin) / 1000;
  const entry = result.history[0];
  record(what, entry.docs_written, seconds, servers.reduce((sum, s) => sum + s.cpu(), 0) - before, runner.peakMib());
  if (entry.doc_write_failures > 0) throw new Error(`${what}: ${entry.doc_write_failures} failures`);
}

// File to file by the command, without a server. What it has used is looked at 50 times a second.
async function commandCase(what, from, to, count) {
  const begin = performance.now();
  const command = new Server();
  command.child = spawn(options.tuffet, ['replicate', '--quiet', '--create-target', from, to], { stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = new Promise((resolve) => command.child.on('exit', resolve));
  let used = { cpu: 0, mib: 0 };
  const timer = setInterval(() => {
    try { used = { cpu: command.cpu(), mib: command.peakMib() }; } catch { /* it has just ended */ }
  }, 20);
  const status = await ended;
  clearInterval(timer);
  const seconds = (performance.now() - begin) / 1000;
  if (status !== 0) throw new Error(`${what}: status ${status}`);
  record(what, count, seconds, used.cpu, used.mib);
}

async function latency(a, b) {
  await a.ask('PUT', '/lag');
  await b.ask('POST', '/_replicate', JSON.stringify({ source: `${a.url}/lag`, target: 'lag', create_target: true, continuous: true }));
  await sleep(1500);
  const times = [];
  let since = 0;
  for (let i = 0; i < 100; i++) {
    const arrived = b.ask('GET', `/lag/_changes?feed=longpoll&since=${since}`);
    await sleep(20);
    await a.ask('PUT', `/lag/doc${i}`, '{"a":1}');
    const begin = performance.now();
    since = (await arrived).last_seq;
    times.push(performance.now() - begin);
  }
  times.sort((x, y) => x - y);
  const before = a.cpu() + b.cpu();
  await sleep(10000);
  const total = times.reduce((sum, time) => sum + time, 0);
  record('continuous, from commit to commit', 100, total / 1000, 0, b.peakMib(), {
    p50_us: round(times[50] * 1000, 0), p99_ms: round(times[98]), cpu_s_of_10_s_at_rest: round(a.cpu() + b.cpu() - before, 2),
  });
}

const a = await Server.start('tuffet', 'a');
let b = await Server.start('tuffet', 'b');
if (['http', 'inside', 'local', 'file'].some((name) => only.has(name))) await fill(a, 'docs', options.docs);
if (only.has('attachments') || only.has('file-attachments')) await fillAttachments(a, 'atts', options.atts);
const restart = async () => { await b.stop(); rmSync(b.dir, { recursive: true, force: true }); b = await Server.start('tuffet', 'b'); };
if (only.has('http')) {
  await replicate('pull over http', b, [a], { source: `${a.url}/docs`, target: `${b.url}/pulled` });
  await restart();
  await replicate('push over http', a, [b], { source: `${a.url}/docs`, target: `${b.url}/pushed` });
  await restart();
}
if (only.has('inside')) await replicate('inside one server', a, [], { source: 'docs', target: 'copy' });
if (only.has('attachments')) {
  await replicate('attachments over http (MiB)', b, [a], { source: `${a.url}/atts`, target: 'atts' });
  await restart();
}
if (only.has('pouchdb') && options['pouchdb-server']) {
  const pouch = await Server.start('pouchdb', 'p');
  const count = Math.min(options.docs, 20000);
  await fill(pouch, 'docs', count);
  await replicate('pull from PouchDB Server', b, [pouch], { source: `http://127.0.0.1:${pouch.port}/docs`, target: 'from-pouch' });
  await pouch.stop();
}
if (only.has('latency')) await latency(a, b);
await b.stop();
await a.stop();
if (only.has('file')) await commandCase('from file to file', join(a.dir, 'docs.tuf'), join(top, 'copy.tuf'), options.docs);
if (only.has('file-attachments')) await commandCase('attachments from file to file (MiB)', join(a.dir, 'atts.tuf'), join(top, 'atts-copy.tuf'), options.atts);
