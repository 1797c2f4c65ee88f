// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: the server's settings, read and changed over HTTP.
import { call, get, name } from './api.js';
import { action, card, form, h, table, toast } from './dom.js';

const base = '_node/_local/_config';
const path = (section, key) => `${base}/${name(section)}/${name(key)}`;

export async function showConfig(main) {
  const again = () => showConfig(main);
  const sections = await get(base);
  const row = (section) => ([key, value]) => {
    const input = h('input', { value, 'aria-label': `${section} ${key}`, class: 'wide' });
    return [h('span', { class: 'mono' }, key), input, h('span', {},
      action('Set', async () => {
        await call('PUT', path(section, key), input.value);
        toast(`[${section}] ${key} was set.`);
        await again();
      }), ' ',
      action('Remove', async () => {
        if (!confirm(`Remove [${section}] ${key}?`)) return;
        await call('DELETE', path(section, key));
        await again();
      }, { class: 'danger' }))];
  };
  const add = form(async (data) => {
    await call('PUT', path(data.get('section').trim(), data.get('key').trim()), data.get('value'));
    toast('The value was set.');
    await again();
  }, h('div', { class: 'row' },
    ...['section', 'key', 'value'].map((part) => h('input', { name: part, required: part !== 'value', placeholder: part, 'aria-label': part, class: 'grow' })),
    h('button', { class: 'main' }, 'Set')));
  const names = Object.keys(sections).sort();
  main.replaceChildren(h('h1', {}, 'Configuration'),
    h('p', { class: 'quiet' }, 'What is set here is written to the last configuration file. Keys that name paths, programs or '
      + 'addresses are changed in files only. The manual is tuffetd(8).'),
    card('Set a value', add),
    ...names.map((section) => card(`[${section}]`,
      table(['Key', 'Value', { title: '', actions: true }], Object.entries(sections[section]).sort().map(row(section))))));
}
