// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: a person with a browser: the page at /_utils/ in headless Chromium, from logging in to
// watching a replication end; then Fauxton in its place. With TUF_SHOTS=DIR it leaves screenshots.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { PASSWORD, Server, USER } from './server.mjs';

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
  .find((path) => existsSync(path));

async function logIn(page, tally) {
  await page.waitForSelector('input[name=name]');
  tally.ok(page.url().endsWith('#/login'), 'a stranger is sent to the log-in form');
  await page.fill('input[name=name]', USER);
  await page.fill('input[name=password]', 'wrong');
  await page.click('button.main');
  tally.ok((await page.textContent('.toast.bad')).includes('incorrect'), 'a wrong password is told');
  await page.fill('input[name=password]', PASSWORD);
  await page.click('button.main');
  await page.waitForSelector('text=Create database');
  tally.ok((await page.textContent('#account')).includes('(admin)'), 'logs in');
}

async function createAndEdit(page, tally, api) {
  await page.fill('input[name=name]', 'web/notes+1');
  await page.click('text=Create database');
  await page.waitForSelector('h1:has-text("web/notes+1")');
  tally.ok((await api('GET', 'web%2Fnotes%2B1')).status === 200, 'creates a database');
  await page.fill('input[name=id]', 'spider/1?');
  await page.click('text=Open or create');
  await page.fill('#editor', '{ "title": "<b>curds</b>" ');
  await page.click('#save');
  tally.ok((await page.textContent('.toast.bad >> nth=-1')).includes('no JSON'), 'what is no JSON is not sent');
  await page.fill('#editor', '{ "title": "<b>curds</b>" }');
  await page.click('#save');
  await page.waitForSelector('text=History');
  const doc = (await api('GET', 'web%2Fnotes%2B1/spider%2F1%3F')).body;
  tally.ok(doc.title === '<b>curds</b>', 'saves a document');
  await page.setInputFiles('#upload', { name: 'web & more.txt', mimeType: 'text/plain', buffer: Buffer.from('eight legs') });
  await page.waitForSelector('td a:has-text("web & more.txt")');
  const file = await api('GET', 'web%2Fnotes%2B1/spider%2F1%3F/web%20%26%20more.txt');
  tally.ok(file.text === 'eight legs', 'uploads an attachment');
}

async function resolveConflict(page, tally, api) {
  const docs = ['a', 'b'].map((c) => ({ _id: 'torn', _rev: `1-${c.repeat(32)}`, said: c }));
  await api('POST', 'web%2Fnotes%2B1/_bulk_docs', { docs, new_edits: false });
  await page.goto(page.url().replace(/#.*/, '#/db/web%2Fnotes%2B1/conflicts'));
  await page.click('td a:has-text("torn")');
  await page.waitForSelector('.sides');
  tally.ok(await page.locator('.sides > section').count() === 2, 'shows both sides of a conflict');
  await page.locator('.sides > section').nth(1).getByText('Keep this one').click();
  await page.waitForSelector('.sides', { state: 'detached' });
  const doc = (await api('GET', 'web%2Fnotes%2B1/torn?conflicts=true')).body;
  tally.ok(doc.said === 'a' && doc._conflicts === undefined, 'keeps the one that was chosen');
}

async function replicate(page, tally, api, shot) {
  await page.click('nav >> text=Replication');
  await page.fill('input[name=source]', 'web/notes+1');
  await page.fill('input[name=target]', 'web/copy');
  await page.check('input[name=create]');
  await page.click('#replicate');
  await page.waitForSelector('#replication-result:has-text("Done: 3 documents written")');
  tally.ok((await api('GET', 'web%2Fcopy/torn')).body.said === 'a', 'replicates a database');
  await page.fill('input[name=target]', 'web/mirror');
  await page.check('input[name=continuous]');
  await page.click('#replicate');
  await page.waitForSelector('.tag:has-text("continuous")');
  tally.ok(true, 'shows a continuous replication');
  await page.waitForFunction(() => document.querySelector('td.number')?.textContent === '3');
  await shot('replication');
  tally.ok(true, 'and how much it has written');
  await page.click('text=Cancel');
  await page.waitForSelector('text=No replication is running.');
  tally.ok(true, 'cancels it');
}

async function changeSettings(page, tally, api) {
  await page.click('nav >> text=Configuration');
  await page.fill('input[name=section]', 'web_test');
  await page.fill('input[name=key]', 'colour');
  await page.fill('input[name=value]', 'green');
  await page.click('button.main');
  await page.waitForSelector('h2:has-text("[web_test]")');
  tally.ok((await api('GET', '_node/_local/_config/web_test/colour')).body === 'green', 'sets a value');
  await page.click('nav >> text=Active tasks');
  await page.waitForSelector('h2:has-text("Others")');
  tally.ok(true, 'shows active tasks');
}

async function useFauxton(page, tally, api) {
  await page.waitForSelector('#username');
  await page.fill('#username', USER);
  await page.fill('#password', PASSWORD);
  await page.press('#password', 'Enter');
  await page.waitForSelector('text=Create Database');
  tally.ok(true, 'Fauxton logs in');
  await page.waitForSelector('a:has-text("shelf")');
  tally.ok(true, 'Fauxton lists databases');
  await page.goto(page.url().replace(/#.*/, '#database/shelf/book'));
  await page.waitForSelector('.ace_content:has-text("Muffet")');
  tally.ok(true, 'Fauxton shows a document');
  await page.evaluate(() => {
    const editor = window.ace?.edit(document.querySelector('.ace_editor')) ?? document.querySelector('.ace_editor').env.editor;
    editor.setValue(editor.getValue().replace('Muffet', 'Spider'));
  });
  await page.click('text=Save Changes');
  await page.waitForFunction(() => /saved|updated/i.test(document.body.innerText));
  tally.ok((await api('GET', 'shelf/book')).body.title === 'Spider', 'Fauxton saves it');
  await page.goto(page.url().replace(/#.*/, '#/activetasks'));
  await page.waitForSelector('text=No active tasks');
  tally.ok(true, 'Fauxton shows active tasks');
}

async function fauxtonPart(tally, browser, settings) {
  const dir = join(mkdtempSync(join(tmpdir(), 'tuffet-fauxton-')), 'release');
  const server = Server.tuffetd(join(settings.build, 'tuffetd'), ['--set', `chttpd/utils_dir=${dir}`]);
  try {
    execFileSync(join(settings.here, '../../scripts/fetch-fauxton'), [dir], { stdio: 'inherit' });
    await server.start();
    const api = caller(server);
    await api('PUT', 'shelf');
    await api('PUT', 'shelf/book', { title: 'Muffet' });
    const page = await browser.newPage();
    const complaints = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.setDefaultTimeout(120000);
    await page.goto(`${server.origin}/_utils/`);
    await useFauxton(page, tally, api);
    tally.same(complaints, 'none of its scripts failed');
  } finally {
    await server.stop('SIGTERM');
    server.remove();
    rmSync(join(dir, '..'), { recursive: true, force: true });
  }
}

function caller(server) {
  return async (method, path, body) => {
    const answer = await fetch(`${server.origin}/${path}`, { method, body: body && JSON.stringify(body),
      headers: { ...server.headers, 'content-type': 'application/json' } });
    const text = await answer.text();
    return { status: answer.status, text, body: /^[[{"]/.test(text) ? JSON.parse(text) : undefined };
  };
}

export async function webPart(tally, server, settings) {
  if (!tally.ok(executablePath !== undefined, 'Chromium is installed')) return;
  const profile = mkdtempSync(join(tmpdir(), 'tuffet-chromium-'));
  const browser = await chromium.launchPersistentContext(profile,
    { executablePath, timeout: 180000, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'], viewport: { width: 1200, height: 850 } });
  const api = caller(server);
  try {
    const page = await browser.newPage();
    const complaints = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) complaints.push(message.text());
    });
    page.on('dialog', (dialog) => dialog.accept());
    page.setDefaultTimeout(120000);
    const shot = async (name) => process.env.TUF_SHOTS
      && page.screenshot({ path: join(process.env.TUF_SHOTS, `${name}.png`), fullPage: true });
    await page.goto(`${server.origin}/_utils`);
    await logIn(page, tally);
    await createAndEdit(page, tally, api);
    await shot('document');
    await resolveConflict(page, tally, api);
    await replicate(page, tally, api, shot);
    await changeSettings(page, tally, api);
    await shot('configuration');
    await page.click('nav >> text=Databases');
    await page.waitForSelector('td a:has-text("web/copy")');
    await shot('databases');
    await page.click('td a:has-text("web/notes+1")');
    await page.waitForSelector('td a:has-text("torn")');
    await shot('database');
    await page.click('#logout');
    await page.waitForSelector('input[name=password]');
    tally.ok(!(await page.textContent('#account')).includes(USER), 'logs out');
    tally.same(complaints, 'no script failed and the content security policy stopped nothing');
    await fauxtonPart(tally, browser, settings);
  } finally {
    await browser.close();
    rmSync(profile, { recursive: true, force: true });
  }
}
