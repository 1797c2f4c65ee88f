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
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
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
    server.url = `http://bench:bench@127.0.0.1:${server.port}`;
    const command = kind === 'tuffet'
      ? [options.tuffetd, '--data-dir', server.dir, '--listen', `127.0.0.1:${server.port}`, '--log-level', 'error']
      : ['node', join(dirname(fileURLToPath(import.meta.url)), '../tests/clients/pouch-server.mjs'), String(server.port), server.dir, 'leveldb'];
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
function record(what, values) {
  console.log(JSON.stringify({ bench: 'replication', what, ...values }));
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

async function replicate(what, runner, others, request, units) {
  const servers = [...new Set([runner, ...others])];
  const before = servers.reduce((sum, s) => sum + s.cpu(), 0);
  const begin = performance.now();
  const result = await runner.ask('POST', '/_replicate', JSON.stringify({ create_target: true, ...request }));
  const seconds = (performance.now() - begin) / 1000;
  const entry = result.history[0];
  record(what, {
    ...units(entry, seconds), seconds: round(seconds, 2),
    cpu: round(servers.reduce((sum, s) => sum + s.cpu(), 0) - before), mib: round(runner.peakMib()),
  });
  if (entry.doc_write_failures > 0) throw new Error(`${what}: ${entry.doc_write_failures} failures`);
}

const docsUnit = (entry, seconds) => ({ docs: entry.docs_written, docs_per_s: Math.round(entry.docs_written / seconds) });
const bytesUnit = (entry, seconds) => ({ docs: entry.docs_written, mb_per_s: round(entry.docs_written * 1.048576 / seconds) });

// File to file by the command, without a server. What it has used is looked at 50 times a second.
async function commandCase(what, from, to, count, unit) {
  const begin = performance.now();
  const command = new Server();
  command.child = spawn(options.tuffet, ['replicate', '--quiet', '--create-target', from, to], { stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = new Promise((resolve) => command.child.on('exit', resolve));
  let used = { cpu: 0, mib: 0 };
  const timer = setInterval(() => {
    try { used = { cpu: round(command.cpu()), mib: round(command.peakMib()) }; } catch { /* it has just ended */ }
  }, 20);
  const status = await ended;
  clearInterval(timer);
  const seconds = (performance.now() - begin) / 1000;
  if (status !== 0) throw new Error(`${what}: status ${status}`);
  record(what, { ...unit({ docs_written: count }, seconds), seconds: round(seconds, 2), ...used });
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
  record('latency', { ms_median: round(times[50]), ms_p99: round(times[98]), ms_max: round(times[99]), cpu_of_10_s_at_rest: round(a.cpu() + b.cpu() - before, 2) });
}

const a = await Server.start('tuffet', 'a');
let b = await Server.start('tuffet', 'b');
if (['http', 'inside', 'local', 'file'].some((name) => only.has(name))) await fill(a, 'docs', options.docs);
if (only.has('attachments') || only.has('file-attachments')) await fillAttachments(a, 'atts', options.atts);
const restart = async () => { await b.stop(); rmSync(b.dir, { recursive: true, force: true }); b = await Server.start('tuffet', 'b'); };
if (only.has('http')) {
  await replicate('pull over http', b, [a], { source: `${a.url}/docs`, target: `${b.url}/pulled` }, docsUnit);
  await restart();
  await replicate('push over http', a, [b], { source: `${a.url}/docs`, target: `${b.url}/pushed` }, docsUnit);
  await restart();
}
if (only.has('inside')) await replicate('inside one server', a, [], { source: 'docs', target: 'copy' }, docsUnit);
if (only.has('attachments')) {
  await replicate('attachments of 1 MiB, pull over http', b, [a], { source: `${a.url}/atts`, target: 'atts' }, bytesUnit);
  await restart();
}
if (only.has('pouchdb') && options['pouchdb-server']) {
  const pouch = await Server.start('pouchdb', 'p');
  const count = Math.min(options.docs, 20000);
  await fill(pouch, 'docs', count);
  await replicate('pull from PouchDB Server', b, [pouch], { source: `http://127.0.0.1:${pouch.port}/docs`, target: 'from-pouch' }, docsUnit);
  await pouch.stop();
}
if (only.has('latency')) await latency(a, b);
await b.stop();
await a.stop();
if (only.has('file')) await commandCase('from file to file', join(a.dir, 'docs.tuf'), join(top, 'copy.tuf'), options.docs, docsUnit);
if (only.has('file-attachments')) await commandCase('attachments of 1 MiB, from file to file', join(a.dir, 'atts.tuf'), join(top, 'atts-copy.tuf'), options.atts, bytesUnit);
