// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: start, kill and restart a server process on one port and one data directory.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, existsSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const USER = 'admin';
export const PASSWORD = 'correct horse';

// A port nobody listens on now, on the loopback interface, below those that the kernel gives to
// connections: one of them could take it while the server is killed and started again.
async function freePort() {
  for (;;) {
    const port = 10000 + Math.floor(Math.random() * 5000);
    const free = await new Promise((resolve) => {
      const probe = createServer();
      probe.on('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

export class Server {
  // command(port, dataDir) returns the argument vector.
  constructor(name, command) {
    this.name = name;
    this.command = command;
    this.dataDir = mkdtempSync(join(tmpdir(), 'tuffet-clients-'));
    this.output = '';
    this.child = null;
    this.startCount = 0;
  }

  static tuffetd(binary, more = []) {
    return new Server('tuffetd', (port, dir) =>
      [binary, '--data-dir', dir, '--listen', `127.0.0.1:${port}`, ...more]);
  }

  static pouchdb(script, adapter) {
    return new Server('pouchdb-server', (port, dir) =>
      [process.execPath, script, String(port), dir, adapter]);
  }

  get origin() {
    return `http://127.0.0.1:${this.port}`;
  }

  // With the admin's name and password inside, as PouchDB takes it.
  url(path = '') {
    return `http://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${this.port}/${path}`;
  }

  get headers() {
    return { authorization: 'Basic ' + Buffer.from(`${USER}:${PASSWORD}`).toString('base64') };
  }

  // Resolves when the process has printed its URL; the time it took is this.startMs.
  // this.startCount counts how often it did.
  async start() {
    this.port ??= await freePort();
    const begin = Date.now();
    const [program, ...args] = this.command(this.port, this.dataDir);
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, COUCHDB_USER: USER, COUCHDB_PASSWORD: PASSWORD },
    });
    this.child = child;
    this.exited = new Promise((resolve) => child.on('exit', (code, signal) => {
      this.exit = { code, signal };
      resolve(this.exit);
    }));
    const keep = (bytes) => { this.output = (this.output + bytes).slice(-20000); };
    child.stderr.on('data', keep);
    await new Promise((resolve, reject) => {
      let text = '';
      child.stdout.on('data', (bytes) => {
        keep(bytes);
        text = (text + bytes).slice(-4000);
        if (/https?:\/\//.test(text)) resolve();
      });
      child.on('error', reject);
      child.on('exit', (code, signal) => reject(new Error(
        `${this.name} ended before it was ready (${code ?? signal}):\n${this.output}`)));
      setTimeout(() => reject(new Error(`${this.name} was not ready after 180 s:\n${this.output}`)),
        180000).unref();
    });
    this.startMs = Date.now() - begin;
    // Connections that ended with the server before are told of in the same turn, maybe after its first line:
    // nobody must use them any more.
    await new Promise((resolve) => setImmediate(resolve));
    this.startCount++;
  }

  async stop(signal = 'SIGTERM') {
    if (!this.child || this.exit?.pid === this.child.pid) return this.exit;
    this.child.kill(signal);
    const result = await this.exited;
    this.child = null;
    return result;
  }

  // Until it is ready again, this.restarting is a promise of that.
  async killAndRestart() {
    this.restarting = this.stop('SIGKILL').then(() => this.start())
      .finally(() => { this.restarting = null; });
    await this.restarting;
  }

  // On a connection of its own, and with no limit of time: fetch() gives up after five minutes, and a
  // replication of everything may take longer on a slow machine.
  json(path, { method = 'GET', headers, body } = {}) {
    return new Promise((resolve, reject) => {
      const req = request(`${this.origin}/${path}`,
        { method, agent: false, headers: { ...this.headers, ...headers } }, (res) => {
          let text = '';
          res.setEncoding('utf8').on('data', (part) => { text += part; }).on('error', reject);
          res.on('end', () => {
            try {
              resolve({ status: res.statusCode, body: JSON.parse(text) });
            } catch (error) { reject(error); }
          });
        });
      req.on('error', reject);
      req.end(body);
    });
  }

  remove() {
    if (existsSync(this.dataDir)) rmSync(this.dataDir, { recursive: true });
  }
}
