// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: which view is shown, and who is logged in. The place is in the address behind '#':
//   #/                          databases          #/db/NAME            documents
//   #/db/NAME/doc/ID            one document       #/db/NAME/conflicts  documents in conflict
//   #/replicate   #/tasks   #/config   #/login
import { call, get } from './api.js';
import { card, field, form, h, toast } from './dom.js';
import { showDatabase, showDatabases } from './databases.js';
import { showDocument } from './document.js';
import { showReplication, showTasks } from './replication.js';
import { showConfig } from './config.js';

const main = document.getElementById('main');
const views = [['#/', 'Databases'], ['#/replicate', 'Replication'], ['#/tasks', 'Active tasks'], ['#/config', 'Configuration']];
let leave = () => {};
let session = { userCtx: { name: null, roles: [] } };

function drawHeader() {
  const here = location.hash || '#/';
  document.getElementById('nav').replaceChildren(...views.map(([href, title]) => {
    const current = href === '#/' ? here === '#/' || here.startsWith('#/db/') : here.startsWith(href);
    return h('a', { href, 'aria-current': current ? 'page' : undefined }, title);
  }));
  const { name, roles } = session.userCtx;
  document.getElementById('account').replaceChildren(name === null
    ? h('a', { href: '#/login' }, 'Log in')
    : h('span', {}, `${name}${roles.includes('_admin') ? ' (admin)' : ''} `,
      h('button', { class: 'link', type: 'button', id: 'logout', onclick: logOut }, 'Log out')));
}

async function logOut() {
  await call('DELETE', '_session');
  session = await get('_session');
  location.hash = '#/login';
  drawHeader();
}

function showLogin() {
  main.replaceChildren(card('Log in', form(async (data) => {
    await call('POST', '_session', { name: data.get('name'), password: data.get('password') });
    session = await get('_session');
    toast(`Hello, ${session.userCtx.name}.`);
    location.hash = '#/';
  },
  h('div', { class: 'row' },
    h('div', { class: 'grow' }, field('Name', h('input', { name: 'name', required: true, autocomplete: 'username', autofocus: true }))),
    h('div', { class: 'grow' }, field('Password', h('input', { name: 'password', type: 'password', autocomplete: 'current-password' })))),
  h('p', { class: 'row end' }, h('button', { class: 'main' }, 'Log in')))));
}

function choose(parts) {
  const [kind, db, what, ...id] = parts;
  if (kind === 'db' && what === 'doc') return () => showDocument(main, db, id.join('/'));
  if (kind === 'db') return () => showDatabase(main, db, what === 'conflicts');
  if (kind === 'replicate') return () => showReplication(main);
  if (kind === 'tasks') return () => showTasks(main);
  if (kind === 'config') return () => showConfig(main);
  if (kind === 'login') return showLogin;
  return () => showDatabases(main);
}

async function show() {
  leave();
  leave = () => {};
  drawHeader();
  const parts = location.hash.replace(/^#\/?/, '').split('/').map(decodeURIComponent);
  try {
    leave = (await choose(parts)()) ?? leave;
  } catch (error) {
    if (error.status === 401 && session.userCtx.name === null) {
      location.hash = '#/login';
      return;
    }
    main.replaceChildren(card('That did not work', h('p', {}, error.message),
      h('p', {}, h('a', { href: '#/' }, 'All databases'))));
  }
  main.focus({ preventScroll: true });
}

window.addEventListener('hashchange', show);
session = await get('_session').catch(() => session);
await show();
