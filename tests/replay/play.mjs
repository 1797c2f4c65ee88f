// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: replay recorded sessions, each against a fresh tuffetd, and compare every answer.
//     node play.mjs TUFFETD [-v] [SESSION...]      default: everything in sessions/
// Compared: status, the kept headers, the body byte by byte; masks take the value of this run's
// server at their first use, must agree afterwards, and are put into later requests. One exchange
// is one test. Ends with "N passed, N failed".
//
// Requests go out in the recorded order, one after the other; an answer that was still coming when
// later requests began (a feed) is waited for where it ended in the recording.
import { readdirSync, readFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Server } from '../clients/server.mjs';
import { headerOf, isFeed, keptHeaders, MASK, MASKS, parseSession } from './session.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const ANSWER_MS = 120000;

const escapeRegExp = (text) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');

// Text with masks, compared with and filled from the values of this run.
class Values {
  constructor(origin) {
    this.values = new Map([['origin-1', origin]]);
  }

  // In a path a value is escaped; there is none that a header or a body would have to escape.
  fill(text, escape = (value) => value) {
    return text.replace(MASK, (mask, kind, number) => {
      if (number === undefined) return mask;
      const value = this.values.get(`${kind}-${number}`);
      if (value === undefined) throw new Error(`${mask} is used before it is known`);
      return escape(value);
    });
  }

  // True if `got` is `want`; then the masks of `want` are known. A cookie is new with every login,
  // though two of one second may be equal.
  match(want, got) {
    let pattern = '', last = 0;
    const fresh = [];
    for (const mask of want.matchAll(MASK)) {
      pattern += escapeRegExp(want.slice(last, mask.index));
      last = mask.index + mask[0].length;
      const [, kind, number] = mask;
      const key = `${kind}-${number}`;
      if (number === undefined) pattern += MASKS[kind];
      else if (this.values.has(key) && kind !== 'cookie') pattern += escapeRegExp(this.values.get(key));
      else if (fresh.includes(key)) pattern += `\\${fresh.indexOf(key) + 1}`;
      else {
        fresh.push(key);
        pattern += `(${MASKS[kind]})`;
      }
    }
    if (last === 0) return want === got;
    const found = new RegExp(`^${pattern}${escapeRegExp(want.slice(last))}$`, 's').exec(got);
    if (!found) return false;
    fresh.forEach((key, pos) => this.values.set(key, found[pos + 1]));
    return true;
  }
}

// One request on its way: headers() resolves when the answer has begun, ended when it is complete.
class Play {
  constructor(exchange, server, agent, values) {
    const body = Buffer.from(values.fill(exchange.body), 'latin1');
    const headers = exchange.headers.filter(([name]) => name.toLowerCase() !== 'transfer-encoding')
      .map(([name, value]) => [name, values.fill(value)]);
    // A body in chunks stays one.
    if (headers.length < exchange.headers.length) headers.push(['Transfer-Encoding', 'chunked']);
    else if (body.length || /^P/.test(exchange.method)) headers.push(['Content-Length', body.length]);
    headers.push(['Host', new URL(server.origin).host]);
    this.body = '';
    this.isFeed = isFeed(exchange.target);
    this.begun = new Promise((begun) => {
      this.ended = new Promise((ended) => {
        const fail = (error) => { this.error ??= error.message; begun(); ended(); };
        this.request = httpRequest({ host: '127.0.0.1', port: server.port, agent, setHost: false,
          method: exchange.method, path: values.fill(exchange.target, encodeURIComponent),
          headers: headers.flat() }, (answer) => {
          this.answer = answer;
          begun();
          answer.on('data', (bytes) => { this.body += bytes.toString('latin1'); });
          answer.on('end', ended);
          answer.on('error', fail);
        });
        this.request.on('error', fail);
        this.request.end(body);
      });
    });
  }

  get text() {
    return this.isFeed ? this.body.replace(/^\n+/gm, '') : this.body;
  }

  // Waits for the end, or, where the client had closed the connection, for as many bytes.
  async finish(want) {
    const limit = Date.now() + ANSWER_MS;
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    if (want.cut) {
      while (!this.error && this.text.length < want.body.replace(MASK, '').length && Date.now() < limit)
        await wait(5);
      this.request.destroy();
      return;
    }
    let timer;
    await Promise.race([this.ended, new Promise((resolve) => {
      timer = setTimeout(() => { this.error = `no end after ${ANSWER_MS} ms`; resolve(); }, ANSWER_MS);
    })]);
    clearTimeout(timer);
    if (this.error) this.request.destroy();
  }
}

// What is wrong with an answer, as lines.
function problems(exchange, play, values) {
  const want = exchange.answer;
  if (want.cut && want.status === 0) return [];
  if (!play.answer) return [`no answer: ${play.error}`];
  const lines = [];
  if (play.error && !want.cut) lines.push(`the answer broke off: ${play.error}`);
  if (play.answer.statusCode !== want.status)
    lines.push(`status ${play.answer.statusCode} instead of ${want.status}`);
  const got = keptHeaders(play.answer.rawHeaders, false, exchange.method);
  const names = new Set([...want.headers, ...got].map(([name]) => name.toLowerCase()));
  for (const name of names)
    if (!values.match(headerOf(want.headers, name), headerOf(got, name)))
      lines.push(`${name}: ${headerOf(got, name)} instead of ${headerOf(want.headers, name)}`);
  if (!values.match(want.body, play.text))
    lines.push(...difference(want.body, play.text));
  return lines;
}

function difference(want, got) {
  const wanted = want.split('\n'), lines = got.split('\n');
  const values = (text) => text.slice(0, 600);
  const shape = (text) => text?.replace(MASK, '');
  const at = wanted.findIndex((line, pos) => shape(line) !== lines[pos] &&
    !(line.match(MASK) && new Values('').match(line, lines[pos] ?? '')));
  const pos = at < 0 ? 0 : at;
  return [`body line ${pos + 1} of ${wanted.length} (${lines.length} came):`,
    `  want ${values(wanted[pos] ?? '(nothing)')}`, `  got  ${values(lines[pos] ?? '(nothing)')}`];
}

async function playSession(binary, path, report) {
  const exchanges = parseSession(readFileSync(path, 'utf8'));
  if (!exchanges.length) throw new Error('no exchanges');
  const server = Server.tuffetd(binary);
  await server.start();
  const values = new Values(server.origin);
  const agents = new Map(), open = [];
  const finish = async ({ exchange, play }) => {
    await play.finish(exchange.answer);
    report(exchange, problems(exchange, play, values));
  };
  try {
    for (const exchange of exchanges) {
      for (const item of open.filter((one) => one.exchange.until < exchange.number)) {
        open.splice(open.indexOf(item), 1);
        await finish(item);
      }
      if (!agents.has(exchange.connection))
        agents.set(exchange.connection, new Agent({ keepAlive: true, maxSockets: 1 }));
      const play = new Play(exchange, server, agents.get(exchange.connection), values);
      if (isFeed(exchange.target) && (exchange.until > exchange.number || exchange.answer.cut)) {
        // Its headers may come late: it only must have reached the server before what follows.
        await Promise.race([play.begun, new Promise((resolve) => setTimeout(resolve, 30000))]);
        open.push({ exchange, play });
      } else {
        await finish({ exchange, play });
      }
    }
    for (const item of open) await finish(item);
  } finally {
    for (const agent of agents.values()) agent.destroy();
    const exit = await server.stop('SIGTERM');
    server.remove();
    if (exit?.code !== 0) throw new Error(`the server ended with ${JSON.stringify(exit)}\n${server.output}`);
  }
}

const args = process.argv.slice(2).filter((arg) => arg !== '-v');
const verbose = args.length < process.argv.length - 2;
if (!args.length) {
  console.error('usage: node play.mjs TUFFETD [-v] [SESSION...]');
  process.exit(2);
}
const sessions = args.length > 1 ? args.slice(1)
  : readdirSync(join(here, 'sessions')).filter((name) => name.endsWith('.session')).sort()
    .map((name) => join(here, 'sessions', name));
let passed = 0, failed = 0;
for (const path of sessions) {
  const name = path.split('/').pop();
  const before = passed + failed, begin = Date.now();
  try {
    await playSession(args[0], path, (exchange, lines) => {
      if (lines.length) failed++;
      else passed++;
      if (lines.length || verbose)
        console.log(`${lines.length ? 'FAIL' : 'ok  '} ${name} ${exchange.number}: ` +
          `${exchange.method} ${exchange.target}`);
      for (const line of lines) console.log(`     ${line}`);
    });
  } catch (error) {
    failed++;
    console.log(`FAIL ${name} could not be played to its end: ${error.stack}`);
  }
  console.log(`# ${name}: ${passed + failed - before} exchanges, ${Date.now() - begin} ms`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed || !passed ? 1 : 0);
