// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: the text of a recorded session: reading, writing, and the masks for what a server makes up.
//
// A session is a list of exchanges:
//
//     = 12 connection 3
//     > POST /db/_revs_diff
//     > Content-Type: application/json
//     >
//     > {"doc":["1-967a00dff5e02add41819138abb3284d"]}
//     < 200
//     < Content-Type: application/json
//     <
//     < {"doc":{"missing":["1-967a00dff5e02add41819138abb3284d"]}}
//
// "= 12 connection 3 until 20" is an answer that was still coming when exchange 20 began; "cut"
// behind it says that the client closed the connection. A body is lines joined by LF; "\" for ">" or
// "<" marks a line with escapes (\xHH, \\), used for bytes that are not plain text. "# " is a comment.
// What differs between two servers is a mask: {{tail-1}} stands for the same text everywhere in the
// session; {{number}}, {{date}} and other names without a number for any such text.
// Not here: what is compared (play.mjs), what a client does (clients/).

// The pattern of each kind of mask, for a text in Latin-1.
export const MASKS = {
  tail: '[A-Za-z0-9_-]{8,}', uuid: '[0-9a-f]{32}', start: '[0-9]+', cookie: '[A-Za-z0-9_-]+',
  boundary: '[A-Za-z0-9_-]{8,70}', etag: '[0-9A-Z]{10,}', origin: 'http://[0-9.]+:[0-9]+',
  number: '[0-9]+', version: '[0-9]+\\.[0-9]+\\.[0-9]+', sha: '[a-z0-9.-]+', list: '[a-z",-]*', date: '[A-Za-z]{3}, [0-9]{2}[- ][A-Za-z]{3}[- ][0-9]{4} [0-9:]{8} GMT',
};
export const MASK = /\{\{([a-z]+)(?:-(\d+))?\}\}/g;

// Headers worth keeping; the others say nothing that another run would repeat.
const REQUEST_HEADERS = new Set(['accept', 'accept-encoding', 'authorization', 'content-encoding',
  'content-md5', 'content-type', 'cookie', 'destination', 'if-match', 'if-none-match',
  'last-event-id', 'origin', 'range', 'transfer-encoding', 'user-agent', 'x-couch-full-commit']);
const ANSWER_HEADERS = new Set(['accept-ranges', 'access-control-allow-credentials',
  'access-control-allow-origin', 'access-control-expose-headers', 'allow', 'cache-control',
  'content-disposition', 'content-encoding', 'content-md5', 'content-range', 'content-type', 'etag',
  'location', 'set-cookie', 'vary', 'www-authenticate', 'x-couch-full-commit', 'x-couch-id',
  'x-couch-update-newrev']);

// [[name, value]...] of Node's rawHeaders, only what is kept.
export function keptHeaders(raw, isRequest, method) {
  const kept = [];
  // The length is worth it if nothing else tells of the body, and if that is always the same.
  const names = raw.filter((_, pos) => pos % 2 === 0).map((name) => name.toLowerCase());
  const hasLength = !isRequest && method === 'HEAD' && names.includes('etag');
  for (let pos = 0; pos < raw.length; pos += 2) {
    const name = raw[pos].toLowerCase();
    if ((isRequest ? REQUEST_HEADERS : ANSWER_HEADERS).has(name) ||
        (hasLength && name === 'content-length'))
      kept.push([raw[pos], raw[pos + 1]]);
  }
  return kept;
}

export const headerOf = (headers, name) =>
  headers.find(([key]) => key.toLowerCase() === name)?.[1] ?? '';

// Masks what a server made up in the exchanges of a session, in their order, by what it is the
// value of. A value that was masked once is masked wherever it comes again, also in requests.
export class Masker {
  constructor(origin) {
    this.names = new Map([[origin, '{{origin-1}}']]);
    this.counts = {};
    this.databases = new Map(); // path -> number, for instance_start_time: two may have the same
    this.requests = ''; // what the client said so far: not made by the server
  }

  name(kind, value) {
    if (!this.names.has(value) && !(kind === 'uuid' && this.requests.includes(value))) {
      this.counts[kind] = (this.counts[kind] ?? 0) + 1;
      this.names.set(value, `{{${kind}-${this.counts[kind]}}}`);
    }
  }

  learn(exchange) {
    const { answer } = exchange;
    const learn = (kind, text, pattern) => {
      for (const match of text.matchAll(pattern)) this.name(kind, match[1]);
    };
    learn('boundary', headerOf(answer.headers, 'content-type'), /boundary="?([^";]+)/g);
    learn('cookie', headerOf(answer.headers, 'set-cookie'), /AuthSession=([^;]+)/g);
    learn('etag', headerOf(answer.headers, 'etag'), /^"([0-9A-Z]{10,})"$/g);
    // A part may have a boundary of its own.
    if (/^multipart/.test(headerOf(answer.headers, 'content-type')))
      learn('boundary', answer.body, /multipart\/related; boundary="([^"]+)"/g);
    if (!/json|text\/event-stream/.test(headerOf(answer.headers, 'content-type'))) return;
    learn('tail', answer.body, /"(?:seq|last_seq|update_seq|purge_seq)":"\d+-([A-Za-z0-9_-]+)"/g);
    learn('tail', answer.body, /^id: ?"?\d+-([A-Za-z0-9_-]+)/gm);
    learn('uuid', answer.body, /"(?:uuid|id)":"([0-9a-f]{32})"/g);
    if (/\/_uuids/.test(exchange.target)) learn('uuid', answer.body, /"([0-9a-f]{32})"/g);
  }

  // Longest first: a value may be part of another one.
  mask(text) {
    for (const value of [...this.names.keys()].sort((a, b) => b.length - a.length))
      text = text.replaceAll(value, this.names.get(value))
        .replaceAll(encodeURIComponent(value), this.names.get(value));
    return text;
  }

  startOf(exchange) {
    const database = exchange.target.split(/[/?]/)[1];
    if (exchange.method === 'DELETE' && /^\/[^/]+\/?$/.test(exchange.target)) this.databases.delete(database);
    else if (!this.databases.has(database)) {
      this.counts.start = (this.counts.start ?? 0) + 1;
      this.databases.set(database, this.counts.start);
    }
    return `"instance_start_time":"{{start-${this.databases.get(database)}}}"`;
  }

  maskAnswer(text, start) {
    // The next release says something else here.
    if (text.startsWith('{"couchdb":"Welcome"'))
      text = text.replace(/"version":"[^"]+"/g, '"version":"{{version}}"')
        .replace(/"git_sha":"[^"]+"/, '"git_sha":"{{sha}}"')
        .replace(/"features":\[[^\]]*\]/, '"features":[{{list}}]');
    return this.mask(text).replace(/"instance_start_time":"\d+"/g, start)
      .replace(/"(file|active|external)":\d+/g, '"$1":{{number}}');
  }

  exchange(exchange) {
    this.requests += `${exchange.target}\n${exchange.body}\n`;
    this.learn(exchange);
    const start = this.startOf(exchange);
    exchange.target = this.mask(exchange.target);
    const headers = (list, mask) => list.map(([name, value]) => [name, mask(value)]);
    exchange.headers = headers(exchange.headers, (text) => this.mask(text));
    exchange.body = this.mask(exchange.body);
    exchange.answer.headers = headers(exchange.answer.headers,
      (text) => this.mask(text).replace(new RegExp(MASKS.date), '{{date}}'));
    const plain = /json|event-stream/.test(headerOf(exchange.answer.headers, 'content-type'));
    exchange.answer.body = plain ? this.maskAnswer(exchange.answer.body, start)
      : this.mask(exchange.answer.body);
  }
}

const PLAIN = /^[^\x00-\x08\x0b-\x1f\x7f\ufffd]*$/; // after decoding from UTF-8

// The lines of a body (Latin-1, one character a byte), each behind its mark.
function bodyLines(mark, body) {
  if (body === '') return [];
  return [mark, ...body.split('\n').map((line) => {
    const text = Buffer.from(line, 'latin1').toString('utf8');
    if (PLAIN.test(text) && !text.startsWith('\\') && text.trimEnd() === text)
      return text === '' ? mark : `${mark} ${text}`;
    return `${mark}\\ ${line.replace(/\\/g, '\\\\').replace(/[^ -~]| $/g,
      (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)}`;
  })];
}

export function formatSession(comment, exchanges) {
  const lines = comment.map((text) => `# ${text}`.trimEnd());
  for (const exchange of exchanges) {
    const { answer } = exchange;
    const until = exchange.until > exchange.number ? ` until ${exchange.until}` : '';
    lines.push('', `= ${exchange.number} connection ${exchange.connection}${until}` +
      (answer.cut ? ' cut' : ''));
    lines.push(`> ${exchange.method} ${exchange.target}`,
      ...exchange.headers.map(([name, value]) => `> ${name}: ${value}`),
      ...bodyLines('>', exchange.body), `< ${answer.status}`,
      ...answer.headers.map(([name, value]) => `< ${name}: ${value}`),
      ...bodyLines('<', answer.body));
  }
  return lines.join('\n') + '\n';
}

function bodyLine(line) {
  if (line[1] === '\\')
    return line.slice(3).replace(/\\(?:x([0-9a-f]{2})|(\\))/g,
      (_, hex) => (hex ? String.fromCharCode(parseInt(hex, 16)) : '\\'));
  return Buffer.from(line.slice(2), 'utf8').toString('latin1');
}

// Head lines and body of one side: {first, headers, body}.
function readSide(lines, mark) {
  const own = lines.filter((line) => line[0] === mark);
  const gap = own.indexOf(mark);
  const head = gap < 0 ? own : own.slice(0, gap);
  return {
    first: head[0].slice(2),
    headers: head.slice(1).map((line) => {
      const colon = line.indexOf(': ');
      return [line.slice(2, colon), line.slice(colon + 2)];
    }),
    body: gap < 0 ? '' : own.slice(gap + 1).map(bodyLine).join('\n'),
  };
}

export function parseSession(text) {
  const exchanges = [];
  for (const block of text.split(/^(?== \d+ connection )/m).slice(1)) {
    const lines = block.split('\n');
    const [, number, connection, until, cut] =
      /^= (\d+) connection (\d+)(?: until (\d+))?( cut)?$/.exec(lines[0]) ??
      (() => { throw new Error(`not an exchange: ${lines[0]}`); })();
    const request = readSide(lines, '>'), answer = readSide(lines, '<');
    const space = request.first.indexOf(' ');
    exchanges.push({
      number: Number(number), connection: Number(connection), until: Number(until ?? number),
      method: request.first.slice(0, space), target: request.first.slice(space + 1),
      headers: request.headers, body: request.body,
      answer: { status: Number(answer.first), headers: answer.headers, body: answer.body,
        cut: cut !== undefined },
    });
  }
  return exchanges;
}

export const isFeed = (target) => /[?&]feed=(longpoll|continuous|eventsource)/.test(target);
