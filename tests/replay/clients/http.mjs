// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: requests as a client without a library sends them, and checks of the answers.
import { Agent, request as httpRequest } from 'node:http';
import { createRequire } from 'node:module';

export const requireClient = createRequire(new URL('../../clients/package.json', import.meta.url));
export const USER = 'admin', PASSWORD = 'correct horse';
export const BASIC = 'Basic ' + Buffer.from(`${USER}:${PASSWORD}`).toString('base64');

// The origin with name and password inside.
export const withLogin = (origin) =>
  origin.replace('//', `//${USER}:${encodeURIComponent(PASSWORD)}@`);

export function must(condition, what) {
  if (!condition) throw new Error(`not as the protocol demands: ${what}`);
}

export class Peer {
  constructor(origin, headers = {}) {
    this.origin = origin;
    this.headers = headers;
    this.agent = new Agent({ keepAlive: true, maxSockets: 1 });
  }

  // {status, headers, bytes, text, json}; onLine gets the lines of an answer as they come and ends
  // the request by returning true.
  ask(method, path, { body = null, headers = {}, onLine = null } = {}) {
    const bytes = body === null || typeof body === 'string' || Buffer.isBuffer(body)
      ? body : JSON.stringify(body);
    const all = { ...this.headers, ...headers };
    if (bytes !== null && !Object.keys(all).some((name) => name.toLowerCase() === 'content-type'))
      all['Content-Type'] = 'application/json';
    if (bytes !== null) all['Content-Length'] = Buffer.byteLength(bytes);
    return new Promise((resolve, reject) => {
      const request = httpRequest(`${this.origin}${path}`, { method, headers: all,
        agent: onLine ? undefined : this.agent }, (answer) => {
        const parts = [];
        let rest = '';
        answer.on('data', (part) => {
          parts.push(part);
          if (!onLine) return;
          const lines = (rest + part).split('\n');
          rest = lines.pop();
          if (lines.some((line) => line && onLine(line))) {
            request.destroy();
            resolve({ status: answer.statusCode, headers: answer.headers });
          }
        });
        answer.on('end', () => {
          const whole = Buffer.concat(parts);
          const isJson = /json/.test(answer.headers['content-type'] ?? '') &&
            !/feed=(continuous|eventsource)/.test(path);
          resolve({ status: answer.statusCode, headers: answer.headers, bytes: whole,
            text: whole.toString(), json: isJson && whole.length ? JSON.parse(whole) : null });
        });
        answer.on('error', reject);
      });
      request.on('error', reject);
      request.end(bytes ?? undefined);
    });
  }

  close() {
    this.agent.destroy();
  }
}
