// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: a proxy on the loopback interface that writes down every exchange of a client and a server.
//     node record.mjs TUFFETD NAME...            runs clients/NAME.mjs against a fresh tuffetd,
//                                                writes sessions/NAME.session
//     node record.mjs --upstream URL --out FILE [--port N]
//                                                any client against any server, until SIGINT
// A new session is to be read before it is committed: what it holds is taken for right.
import { writeFileSync } from 'node:fs';
import { Agent, createServer, request as httpRequest } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Server } from '../clients/server.mjs';
import { formatSession, isFeed, keptHeaders, Masker } from './session.mjs';

const here = dirname(fileURLToPath(import.meta.url));

class Recorder {
  constructor(upstream) {
    this.upstream = new URL(upstream);
    this.exchanges = [];
    this.connections = new Map();
    this.http = createServer({ keepAliveTimeout: 60000 }, (request, response) => {
      const parts = [];
      request.on('data', (bytes) => parts.push(bytes));
      request.on('end', () => this.forward(request, response, Buffer.concat(parts)));
    });
  }

  listen(port = 0) {
    return new Promise((resolve) => this.http.listen(port, '127.0.0.1', () => {
      this.origin = `http://127.0.0.1:${this.http.address().port}`;
      resolve();
    }));
  }

  connectionOf(socket) {
    if (!this.connections.has(socket))
      this.connections.set(socket, { number: this.connections.size + 1,
        agent: new Agent({ keepAlive: true, maxSockets: 1 }) });
    return this.connections.get(socket);
  }

  forward(request, response, body) {
    const { number: connection, agent } = this.connectionOf(request.socket);
    const exchange = {
      number: this.exchanges.length + 1, until: 0, connection,
      method: request.method, target: request.url,
      headers: keptHeaders(request.rawHeaders, true), body: body.toString('latin1'),
      answer: { status: 0, headers: [], body: '', cut: false },
    };
    this.exchanges.push(exchange);
    const ended = (cut) => {
      if (exchange.until) return;
      exchange.until = this.exchanges.length;
      exchange.answer.cut = cut;
    };
    // The Host header stays what the client sent: a Location is made of it.
    const upstream = httpRequest({ host: this.upstream.hostname, port: this.upstream.port, agent,
      method: request.method, path: request.url, setHost: false,
      headers: request.rawHeaders }, (answer) => {
      exchange.answer.status = answer.statusCode;
      exchange.answer.headers = keptHeaders(answer.rawHeaders, false, request.method);
      response.writeHead(answer.statusCode, answer.statusMessage, answer.rawHeaders);
      response.flushHeaders();
      answer.on('data', (bytes) => {
        exchange.answer.body += bytes.toString('latin1');
        response.write(bytes);
      });
      answer.on('end', () => { ended(false); response.end(); });
      answer.on('error', () => { ended(true); response.destroy(); });
    });
    upstream.on('error', () => { ended(true); response.destroy(); });
    response.on('close', () => {
      if (response.writableFinished) return;
      ended(true);
      upstream.destroy();
    });
    upstream.end(body);
  }

  // The exchanges as the text of a session.
  text(comment) {
    const masker = new Masker(this.origin);
    for (const exchange of this.exchanges) {
      exchange.until ||= this.exchanges.length;
      // Heartbeats come as time goes by.
      if (isFeed(exchange.target)) exchange.answer.body = exchange.answer.body.replace(/^\n+/gm, '');
      masker.exchange(exchange);
    }
    return formatSession(comment, this.exchanges);
  }

  close() {
    this.http.closeAllConnections();
    this.http.close();
    for (const { agent } of this.connections.values()) agent.destroy();
  }
}

async function recordClient(binary, name) {
  const { title, run } = await import(`./clients/${name}.mjs`);
  const server = Server.tuffetd(binary);
  await server.start();
  const recorder = new Recorder(server.origin);
  await recorder.listen();
  try {
    await run(recorder.origin);
    // The last connection may still be closing.
    await new Promise((resolve) => setTimeout(resolve, 200));
    writeFileSync(join(here, 'sessions', `${name}.session`), recorder.text([title,
      `Recorded by: node record.mjs TUFFETD ${name}`]));
    console.log(`${name}: ${recorder.exchanges.length} exchanges`);
  } finally {
    recorder.close();
    await server.stop();
    server.remove();
  }
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { upstream: { type: 'string' }, out: { type: 'string' },
    port: { type: 'string', default: '0' } },
});
if (options.upstream && options.out) {
  const recorder = new Recorder(options.upstream);
  await recorder.listen(Number(options.port));
  console.log(`recording ${recorder.origin} -> ${options.upstream}; stop with SIGINT`);
  process.once('SIGINT', () => {
    writeFileSync(options.out, recorder.text([`Recorded through ${recorder.origin}`]));
    process.exit(0);
  });
} else if (positionals.length >= 2) {
  for (const name of positionals.slice(1)) await recordClient(positionals[0], name);
  process.exit(0);
} else {
  console.error('usage: node record.mjs TUFFETD NAME... | --upstream URL --out FILE [--port N]');
  process.exit(2);
}
