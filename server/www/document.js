// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: one document: its text, its attachments, its history, its conflicts side by side.
import { call, docPath, get, name, query, url } from './api.js';
import { action, bytes, card, h, table, toast } from './dom.js';

const pretty = (doc) => JSON.stringify(doc, null, 2);

function withoutOwn(doc) {
  const { _conflicts, _deleted_conflicts, _revs_info, ...rest } = doc;
  return rest;
}

// Lines of one text that the other has not, marked.
function sideText(text, other) {
  const known = new Set(other.split('\n'));
  return h('pre', {}, text.split('\n').map((line) =>
    (known.has(line) ? `${line}\n` : h('span', { class: 'differs' }, line))));
}

async function readDocument(db, id) {
  try {
    return await get(`${name(db)}/${docPath(id)}${query({ conflicts: true, revs_info: true })}`);
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

// The kept revision stays, every other leaf is deleted, in one request.
async function resolve(db, id, keep, leaves) {
  const docs = leaves.filter((rev) => rev !== keep).map((rev) => ({ _id: id, _rev: rev, _deleted: true }));
  const results = await call('POST', `${name(db)}/_bulk_docs`, { docs });
  const failed = results.find((result) => result.error);
  if (failed) throw new Error(`${failed.reason ?? failed.error}`);
}

async function conflictCard(db, id, doc, again) {
  if (!doc._conflicts) return null;
  const leaves = [doc._rev, ...doc._conflicts];
  const versions = [withoutOwn(doc)];
  for (const rev of doc._conflicts) versions.push(await get(`${name(db)}/${docPath(id)}${query({ rev })}`));
  const texts = versions.map((version) => {
    const { _rev, ...rest } = version;
    return pretty(rest);
  });
  return card(`${doc._conflicts.length} in conflict`,
    h('p', { class: 'quiet' }, 'Replicas changed this document independently. All versions are kept; the first one is what '
      + 'readers get. Keep one, or save a merged text below, then keep that.'),
    h('div', { class: 'sides' }, leaves.map((rev, i) => h('section', {},
      h('p', { class: 'row' }, h('span', { class: 'mono grow' }, rev), i === 0 ? h('span', { class: 'tag' }, 'winner') : null,
        action('Keep this one', async () => {
          await resolve(db, id, rev, leaves);
          toast('The conflict is resolved.');
          await again();
        })),
      sideText(texts[i], texts[i === 0 ? 1 : 0])))));
}

function attachmentCard(db, id, doc, again) {
  const base = `${name(db)}/${docPath(id)}`;
  const path = (file) => `${base}/${file.split('/').map(name).join('/')}`;
  const upload = async (files) => {
    let rev = doc._rev;
    for (const file of files) {
      const answer = await call('PUT', `${path(file.name)}${query({ rev })}`, file,
        { 'Content-Type': file.type || 'application/octet-stream' });
      rev = answer.rev;
      toast(`${file.name} was stored.`);
    }
    await again();
  };
  const input = h('input', { type: 'file', multiple: true, id: 'upload', 'aria-label': 'Files to attach' });
  input.addEventListener('change', () => upload([...input.files]).catch((error) => toast(error.message, true)));
  const drop = h('div', { class: 'drop',
    ondragover: (event) => { event.preventDefault(); drop.classList.add('over'); },
    ondragleave: () => drop.classList.remove('over'),
    ondrop: (event) => {
      event.preventDefault();
      drop.classList.remove('over');
      upload([...event.dataTransfer.files]).catch((error) => toast(error.message, true));
    } }, 'Drop files here, or ', input);
  const rows = Object.entries(doc._attachments ?? {}).map(([file, att]) => [
    h('a', { href: url(path(file)), target: '_blank', rel: 'noopener' }, file), att.content_type, bytes(att.length),
    action('Delete', async () => {
      if (!confirm(`Delete ${file}?`)) return;
      await call('DELETE', `${path(file)}${query({ rev: doc._rev })}`);
      await again();
    }, { class: 'danger' })]);
  return card('Attachments', table(['Name', 'Type', { title: 'Size', number: true }, { title: '', actions: true }], rows, 'None.'), drop);
}

function historyCard(db, id, doc) {
  const rows = (doc._revs_info ?? []).map(({ rev, status }) => [
    h('span', { class: 'mono' }, rev),
    status === 'available'
      ? h('a', { href: url(`${name(db)}/${docPath(id)}${query({ rev })}`), target: '_blank', rel: 'noopener' }, 'read') : status]);
  return card('History', table(['Revision', 'Body'], rows));
}

export async function showDocument(main, db, id) {
  const again = () => showDocument(main, db, id);
  const doc = await readDocument(db, id);
  const editor = h('textarea', { id: 'editor', spellcheck: 'false', 'aria-label': 'Document' });
  editor.value = pretty(doc ? withoutOwn(doc) : { _id: id });
  const save = action('Save', async () => {
    let value;
    try {
      value = JSON.parse(editor.value);
    } catch (error) {
      throw new Error(`This is no JSON: ${error.message}`);
    }
    const answer = await call('PUT', `${name(db)}/${docPath(id)}`, value);
    toast(`Saved as revision ${answer.rev}.`);
    await again();
  }, { class: 'main', id: 'save' });
  const remove = action('Delete', async () => {
    if (!confirm(`Delete ${id}?`)) return;
    await call('DELETE', `${name(db)}/${docPath(id)}${query({ rev: doc._rev })}`);
    toast(`${id} was deleted.`);
    location.hash = `#/db/${name(db)}`;
  }, { class: 'danger' });
  editor.addEventListener('keydown', (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === 's') {
      event.preventDefault();
      save.click();
    }
  });
  main.replaceChildren(...[
    h('div', { class: 'crumbs' }, h('a', { href: '#/' }, 'Databases'), ' / ', h('a', { href: `#/db/${name(db)}` }, db), ' /'),
    h('h1', { class: 'mono' }, id),
    doc === null ? h('p', { class: 'notice' }, 'There is no such document yet. Saving makes it.') : null,
    doc === null ? null : await conflictCard(db, id, doc, again),
    card(null, editor, h('p', { class: 'row end' }, doc === null ? null : remove, save)),
    doc === null ? null : attachmentCard(db, id, doc, again),
    doc === null ? null : historyCard(db, id, doc),
  ].filter(Boolean));
}
