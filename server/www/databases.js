// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: all databases; the documents, conflicts and snapshots of one.
import { call, get, name, query } from './api.js';
import { action, bytes, card, form, h, number, table, toast } from './dom.js';

const PAGE = 25;
const link = (db) => `#/db/${name(db)}`;
export const docLink = (db, id) => `${link(db)}/doc/${name(id)}`;

async function infos(names) {
  if (names.length === 0) return [];
  return call('POST', '_dbs_info', { keys: names });
}

export async function showDatabases(main) {
  const names = await get('_all_dbs');
  const found = await infos(names.slice(0, 100));
  const create = form(async (data) => {
    const db = data.get('name').trim();
    await call('PUT', name(db));
    toast(`Database ${db} was created.`);
    location.hash = link(db);
  },
  h('div', { class: 'row' },
    h('div', { class: 'grow' }, h('input', { name: 'name', required: true, placeholder: 'name of a new database', 'aria-label': 'Name of a new database', class: 'wide' })),
    h('button', { class: 'main' }, 'Create database')));
  const rows = found.map(({ key, info }) => (info ? [
    h('a', { href: link(key) }, key), number(info.doc_count), number(info.doc_del_count), bytes(info.sizes.file),
    info.compact_running ? h('span', { class: 'tag wait' }, 'being compacted') : '',
  ] : [key, '–', '–', '–', h('span', { class: 'tag bad' }, 'cannot be read')]));
  main.replaceChildren(h('h1', {}, 'Databases'), card(null, create), card(null,
    table(['Name', { title: 'Documents', number: true }, { title: 'Deleted', number: true },
      { title: 'File', number: true }, ''], rows, 'There is no database yet.'),
    names.length > found.length ? h('p', { class: 'quiet' }, `${names.length - found.length} more are not shown.`) : null));
}

async function showSnapshots(place, db) {
  const path = `${name(db)}/_snapshot`;
  const list = await get(path).catch((error) => (error.status === 404 || error.status === 501 ? null : Promise.reject(error)));
  if (list === null) return;
  const items = Array.isArray(list) ? list : list.snapshots ?? [];
  const again = () => showSnapshots(place, db);
  place.replaceChildren(card('Snapshots',
    h('p', { class: 'quiet' }, 'A snapshot is the database as it is now, kept until you delete it. It can be read and replicated from like a database.'),
    table(['Name', 'Database name', { title: '', actions: true }], items.map((item) => {
      const own = item.name ?? item;
      const view = item.db_name ?? `${db}@${own}`;
      return [own, h('a', { href: link(view) }, view), action('Delete', async () => {
        if (!confirm(`Delete snapshot ${own}?`)) return;
        await call('DELETE', `${path}/${name(own)}`);
        await again();
      }, { class: 'danger' })];
    }), 'There is none.'),
    form(async (data) => {
      await call('PUT', `${path}/${name(data.get('name').trim())}`);
      toast('The snapshot was taken.');
      await again();
    }, h('div', { class: 'row' },
      h('input', { name: 'name', required: true, placeholder: 'name of a snapshot', 'aria-label': 'Name of a snapshot', class: 'grow' }),
      h('button', {}, 'Take a snapshot')))));
}

async function readPage(db, start, prefix, conflictsOnly) {
  const options = { limit: PAGE + 1, include_docs: true, conflicts: true };
  if (start !== undefined) options.startkey = JSON.stringify(start);
  else if (prefix) options.startkey = JSON.stringify(prefix);
  if (prefix) options.endkey = JSON.stringify(`${prefix}\ufff0`);
  if (!conflictsOnly) return (await get(`${name(db)}/_all_docs${query(options)}`)).rows;
  const found = [];
  options.limit = 1000;
  for (;;) {
    const { rows } = await get(`${name(db)}/_all_docs${query(options)}`);
    found.push(...rows.filter((row) => row.doc?._conflicts));
    if (rows.length < options.limit || found.length > PAGE) return found.slice(0, PAGE + 1);
    options.startkey = JSON.stringify(rows.at(-1).id);
    options.skip = 1;
  }
}

function summary(doc) {
  const rest = Object.fromEntries(Object.entries(doc ?? {}).filter(([key]) => !key.startsWith('_')));
  const text = JSON.stringify(rest);
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
}

export async function showDatabase(main, db, conflictsOnly) {
  const info = await get(name(db));
  const list = h('div', {});
  const snapshots = h('div', {});
  const starts = [undefined];
  const filter = h('input', { placeholder: 'ids that begin with…', 'aria-label': 'Ids that begin with', class: 'grow' });

  async function draw() {
    const rows = await readPage(db, starts.at(-1), filter.value, conflictsOnly);
    const shown = rows.slice(0, PAGE);
    list.replaceChildren(
      table(['Id', 'Content', 'Revision'], shown.map((row) => [
        h('a', { href: docLink(db, row.id), class: 'mono' }, row.id),
        h('span', { class: 'mono quiet' }, summary(row.doc)),
        h('span', {}, h('span', { class: 'mono quiet' }, `${row.value.rev.slice(0, 12)}… `),
          row.doc?._conflicts ? h('span', { class: 'tag bad' }, `${row.doc._conflicts.length} in conflict`) : null,
          row.doc?._attachments ? h('span', { class: 'tag' }, `${Object.keys(row.doc._attachments).length} attached`) : null),
      ]), conflictsOnly ? 'No document is in conflict.' : 'No document.'),
      starts.length === 1 && rows.length <= PAGE ? '' : h('p', { class: 'row end' },
        action('Back', async () => { starts.pop(); await draw(); }, { disabled: starts.length === 1 }),
        action('More', async () => { starts.push(rows[PAGE].id); await draw(); }, { disabled: rows.length <= PAGE })));
  }

  filter.addEventListener('input', () => {
    starts.length = 1;
    draw().catch((error) => toast(error.message, true));
  });
  const remove = action('Delete database', async () => {
    if (prompt(`This deletes ${info.doc_count} documents for good. Type the database's name to go on.`) !== db) return;
    await call('DELETE', name(db));
    toast(`Database ${db} was deleted.`);
    location.hash = '#/';
  }, { class: 'danger' });
  const compact = action('Compact', async () => {
    await call('POST', `${name(db)}/_compact`, {});
    toast('Compaction has begun. Active tasks shows how far it is.');
  });
  const open = form(async (data) => { location.hash = docLink(db, data.get('id')); },
    h('div', { class: 'row' }, h('input', { name: 'id', required: true, placeholder: 'id of a document, new or old', 'aria-label': 'Id of a document', class: 'grow' }),
      h('button', { class: 'main' }, 'Open or create')));
  main.replaceChildren(
    h('div', { class: 'crumbs' }, h('a', { href: '#/' }, 'Databases'), ' /'),
    h('h1', {}, db),
    card(null, h('div', { class: 'row' },
      h('span', { class: 'grow' }, `${number(info.doc_count)} documents, ${number(info.doc_del_count)} deleted, `
        + `${bytes(info.sizes.file)} in the file, ${bytes(info.sizes.active)} of it alive`),
      h('a', { class: 'button', href: conflictsOnly ? link(db) : `${link(db)}/conflicts` }, conflictsOnly ? 'All documents' : 'Conflicts'),
      compact, remove)),
    card(null, open),
    card(conflictsOnly ? 'Documents in conflict' : 'Documents', h('div', { class: 'row' }, filter), list),
    snapshots);
  await draw();
  await showSnapshots(snapshots, db);
}

