// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: starting replications and watching them; what else the server is doing.
import { call, get, name } from './api.js';
import { action, card, check, field, form, h, number, table, toast } from './dom.js';

const POLL_MS = 1000;

// Draws again and again until the view is left, which is what the returned function says.
function poll(draw) {
  let timer;
  let over = false;
  const step = async () => {
    await draw().catch((error) => toast(error.message, true));
    if (!over) timer = setTimeout(step, POLL_MS);
  };
  step();
  return () => {
    over = true;
    clearTimeout(timer);
  };
}

// Without the password that a URL may hold.
const shown = (peer) => {
  const text = typeof peer === 'string' ? peer : peer?.url ?? '';
  return text.replace(/\/\/[^@/]*@/, '//');
};

function replicationRow(task) {
  const read = task.docs_read ?? 0;
  const left = task.changes_pending ?? 0;
  const bar = h('progress', { max: Math.max(1, read + left), value: read });
  return [h('div', {}, `${shown(task.source)} → ${shown(task.target)}`, bar),
    number(task.docs_written ?? 0), number(task.doc_write_failures ?? 0), number(left),
    h('span', {}, h('span', { class: 'tag' }, task.continuous ? 'continuous' : 'once'), ' ',
      task.doc_id ? h('a', { href: `#/db/_replicator/doc/${name(task.doc_id)}` }, task.doc_id) : null),
    task.doc_id ? '' : action('Cancel', async () => {
      await call('POST', '_replicate', { replication_id: task.replication_id, cancel: true });
      toast('The replication was cancelled.');
    })];
}

const replicationColumns = ['From and to', { title: 'Written', number: true }, { title: 'Failed', number: true },
  { title: 'Waiting', number: true }, 'Kind', { title: '', actions: true }];

function resultText(result) {
  if (result._local_id) return `The replication runs as ${result._local_id}.`;
  if (result.no_changes) return 'Nothing was new: the target has everything.';
  const last = result.history?.[0];
  return last ? `Done: ${number(last.docs_written)} documents written, ${number(last.doc_write_failures)} failed.` : 'Done.';
}

export async function showReplication(main) {
  const names = await get('_all_dbs').catch(() => []);
  const running = h('div', {});
  const last = h('p', { id: 'replication-result' });
  const start = form(async (data) => {
    const job = { source: data.get('source').trim(), target: data.get('target').trim() };
    if (data.get('create')) job.create_target = true;
    if (data.get('continuous')) job.continuous = true;
    last.textContent = 'The replication runs…';
    try {
      if (data.get('remember')) {
        await call('POST', '_replicator', job);
        last.textContent = 'The replication is kept in the database _replicator and goes on after a restart.';
      } else {
        last.textContent = resultText(await call('POST', '_replicate', job));
      }
    } catch (error) {
      last.textContent = '';
      throw error;
    }
  },
  h('datalist', { id: 'names' }, names.map((value) => h('option', { value }))),
  h('div', { class: 'row' },
    h('div', { class: 'grow' }, field('From: a database here, or a URL', h('input', { name: 'source', required: true, list: 'names', placeholder: 'https://user:password@example.org/notes' }))),
    h('div', { class: 'grow' }, field('To', h('input', { name: 'target', required: true, list: 'names', placeholder: 'notes' })))),
  h('p', { class: 'row' },
    check('Create the target', h('input', { type: 'checkbox', name: 'create' })),
    check('Go on for ever (continuous)', h('input', { type: 'checkbox', name: 'continuous' })),
    check('Remember across restarts', h('input', { type: 'checkbox', name: 'remember' })),
    h('span', { class: 'grow' }), h('button', { class: 'main', id: 'replicate' }, 'Replicate')));
  main.replaceChildren(h('h1', {}, 'Replication'), card(null, start, last), card('Running', running));
  return poll(async () => {
    const tasks = (await get('_active_tasks')).filter((task) => task.type === 'replication');
    running.replaceChildren(table(replicationColumns, tasks.map(replicationRow), 'No replication is running.'));
  });
}

export async function showTasks(main) {
  const list = h('div', {});
  main.replaceChildren(h('h1', {}, 'Active tasks'), list);
  return poll(async () => {
    const tasks = await get('_active_tasks');
    const replications = tasks.filter((task) => task.type === 'replication');
    const others = tasks.filter((task) => task.type !== 'replication');
    list.replaceChildren(
      card('Replications', table(replicationColumns, replications.map(replicationRow), 'None.')),
      card('Others', table(['What', 'Database', 'Progress'], others.map((task) => [task.type, task.database ?? '',
        h('progress', { max: 100, value: task.progress ?? 0 })]), 'None.')));
  });
}
