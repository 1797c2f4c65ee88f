// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: how people set a server up: the programs that npm has for it, sessions, and an application in
// a browser page of another origin that logs in with a cookie and replicates.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { chromium } from 'playwright-core';
import { PASSWORD, USER } from './server.mjs';

const require = createRequire(import.meta.url);
const nano = require('nano');
const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
  .find((path) => existsSync(path));

function equal(tally, got, wanted, what) {
  tally.ok(JSON.stringify(got) === JSON.stringify(wanted), what, JSON.stringify(got));
}

// Runs a program of tests/clients/setup, which has a lock file of its own. Resolves to { code, text }.
function run(here, name, args) {
  return new Promise((done) => {
    execFile(process.execPath, [join(here, 'setup/node_modules/.bin', name), ...args], { timeout: 300000 },
      (error, stdout, stderr) => done({ code: error ? error.code ?? 1 : 0, text: stdout + stderr }));
  });
}

function write(dir, files) {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
}

async function ask(server, method, path, body, headers = server.headers) {
  const answer = await fetch(`${server.origin}/${path}`, { method, headers: { 'content-type': 'application/json', ...headers },
    body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? null : JSON.parse(text), headers: answer.headers };
}

async function addCors(tally, server, here) {
  const { code, text } = await run(here, 'add-cors-to-couchdb', [server.origin, '-u', USER, '-p', PASSWORD]);
  tally.ok(code === 0 && /success/i.test(text), 'add-cors-to-couchdb runs', text);
  const cors = (await ask(server, 'GET', '_node/_local/_config/cors')).body;
  tally.ok(cors.credentials === 'true' && cors.origins === '*' && /PUT/.test(cors.methods), 'and has set [cors]', JSON.stringify(cors));
  const answer = await ask(server, 'GET', 'nothing', undefined, { ...server.headers, origin: 'https://app.example' });
  tally.ok(answer.status === 404 && answer.headers.get('access-control-allow-origin') === 'https://app.example',
    'an error has its CORS headers, too');
}

async function bootstrap(tally, server, here, dir) {
  write(dir, {
    '_config.json': { chttpd_auth: { timeout: '1200' } },
    '_users/bob.json': { _id: 'org.couchdb.user:bob', type: 'user', name: 'bob', password: 'curds', roles: ['gardeners'] },
    'garden/_security.json': { admins: { names: [], roles: [] }, members: { names: [], roles: ['gardeners'] } },
    'garden/muffet.json': { _id: 'muffet', eats: 'curds' },
    'garden/_design/app/views/all/map.js': 'function (doc) { emit(doc._id) }',
  });
  const { code, text } = await run(here, 'couchdb-bootstrap', [server.url().replace(/\/$/, ''), dir]);
  tally.ok(code === 0, 'couchdb-bootstrap runs', text);
  equal(tally, (await ask(server, 'GET', '_node/_local/_config/chttpd_auth/timeout')).body, '1200', 'it has set the configuration');
  equal(tally, (await ask(server, 'GET', 'garden/muffet')).body.eats, 'curds', 'it has put a document');
  tally.ok((await ask(server, 'GET', 'garden/_design/app')).body.views.all.map.includes('emit'), 'and a design document');
  equal(tally, (await ask(server, 'GET', 'garden/_security')).body.members.roles, ['gardeners'], 'and permissions');
  const bob = { authorization: 'Basic ' + Buffer.from('bob:curds').toString('base64') };
  equal(tally, (await ask(server, 'GET', 'garden/muffet', undefined, bob)).status, 200, 'and a user, who may read it');
  const again = await run(here, 'couchdb-bootstrap', [server.url().replace(/\/$/, ''), dir]);
  tally.ok(again.code === 0, 'a second time changes nothing', again.text);
}

async function push(tally, server, here, dir) {
  write(dir, { 'app/_id': '_design/pushed', 'app/language': 'javascript', 'app/views/v/map.js': 'function (doc) { emit(1) }',
    'app/_attachments/page.txt': 'a page' });
  const { code, text } = await run(here, 'couchdb-push', [server.url('garden'), join(dir, 'app')]);
  tally.ok(code === 0, 'couchdb-push runs', text);
  const ddoc = (await ask(server, 'GET', 'garden/_design/pushed')).body;
  tally.ok(ddoc.views?.v.map.includes('emit(1)'), 'its design document is there', JSON.stringify(ddoc));
}

async function sessions(tally, server) {
  const plain = nano(server.origin);
  await tally.rejects(plain.auth('bob', 'wrong'), 401, 'nano: a wrong password is 401');
  await plain.auth('bob', 'curds');
  const session = await plain.session();
  tally.ok(session.userCtx.name === 'bob' && session.info.authenticated === 'cookie', 'nano: a session by cookie', JSON.stringify(session));
  tally.ok((await plain.use('garden').get('muffet')).eats === 'curds', 'nano: it reads by it');
  await tally.rejects(plain.db.create('bobs'), 401, 'nano: and may no more than bob may');
}

const PAGE = `<!DOCTYPE html><meta charset="utf-8"><script src="/pouchdb.js"></script><script>
async function work (origin) {
  const answer = await fetch(origin + '/_session', { method: 'POST', credentials: 'include',
    headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name: 'bob', password: 'curds' }) })
  if (!answer.ok) throw new Error('login ' + answer.status)
  const local = new PouchDB('local')
  const remote = new PouchDB(origin + '/garden', { skip_setup: true })
  await local.put({ _id: 'from the page', _attachments: { a: { content_type: 'text/plain', data: btoa('spider') } } })
  const result = await local.sync(remote)
  const ids = (await local.allDocs()).rows.map((row) => row.id)
  return { pushed: result.push.docs_written, pulled: result.pull.docs_written, ids, cookie: document.cookie }
}
</script>`;

async function browserPage(tally, server, here) {
  if (!tally.ok(executablePath !== undefined, 'Chromium is installed')) return;
  const pouch = readFileSync(join(here, 'node_modules/pouchdb/dist/pouchdb.js'));
  const site = http.createServer((req, res) => {
    res.setHeader('content-type', req.url === '/pouchdb.js' ? 'text/javascript' : 'text/html');
    res.end(req.url === '/pouchdb.js' ? pouch : PAGE);
  });
  await new Promise((done) => site.listen(0, '127.0.0.1', done));
  const home = `http://127.0.0.1:${site.address().port}`;
  for (const [key, value] of [['origins', home], ['credentials', 'true']]) {
    await ask(server, 'PUT', `_node/_local/_config/cors/${key}`, value);
  }
  const browser = await chromium.launch({ executablePath, timeout: 180000, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(120000);
    await page.goto(home);
    const result = await page.evaluate((origin) => work(origin), server.origin);
    tally.ok(result.pushed >= 1 && result.pulled >= 1 && result.ids.includes('muffet'),
      'PouchDB in a page of another origin logs in by cookie and syncs', JSON.stringify(result));
    equal(tally, result.cookie, '', 'scripts do not see the cookie');
    const stored = await fetch(`${server.origin}/garden/from%20the%20page/a`, { headers: server.headers });
    equal(tally, await stored.text(), 'spider', 'its document is on the server, with the attachment');
    const stranger = await browser.newPage();
    await stranger.goto(`http://localhost:${site.address().port}`);
    const refused = await stranger.evaluate((origin) => work(origin).then(() => 'let in', (error) => error.message), server.origin);
    tally.ok(/fetch/i.test(refused), 'a page of an origin that is not listed is not let in', refused);
  } finally {
    await browser.close();
    site.close();
  }
}

export async function setupPart(tally, server, { here }) {
  const dir = mkdtempSync(join(tmpdir(), 'tuffet-setup-'));
  try {
    await ask(server, 'PUT', '_users');
    await addCors(tally, server, here);
    await bootstrap(tally, server, here, join(dir, 'boot'));
    await push(tally, server, here, join(dir, 'push'));
    await sessions(tally, server);
    await browserPage(tally, server, here);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
