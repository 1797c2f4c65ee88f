// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: building the page. Texts of documents are only ever made text nodes, never markup.

// h('a', { href: '#/' }, 'text', node, [more]): functions become listeners, true and false switch.
export function h(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === 'function') node.addEventListener(name.replace(/^on/, ''), value);
    else if (typeof value === 'boolean') node.toggleAttribute(name, value);
    else if (value !== undefined && value !== null) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return node;
}

export const card = (title, ...children) =>
  h('section', { class: 'card' }, title ? h('h2', {}, title) : null, ...children);

// columns: ['Name', { title: 'Size', number: true }]; rows: arrays of cells.
export function table(columns, rows, empty = 'Nothing here.') {
  if (rows.length === 0) return h('p', { class: 'quiet' }, empty);
  const kind = (column) => (column.number ? 'number' : column.actions ? 'actions' : undefined);
  return h('div', { class: 'scroll' }, h('table', {},
    h('thead', {}, h('tr', {}, columns.map((column) => h('th', { class: kind(column) }, column.title ?? column)))),
    h('tbody', {}, rows.map((cells) => h('tr', {},
      cells.map((cell, i) => h('td', { class: kind(columns[i]) }, cell)))))));
}

export const field = (title, input) => h('label', {}, h('span', {}, title), input);
export const check = (title, input) => h('label', { class: 'check' }, input, title);

export function toast(text, bad = false) {
  const node = h('div', { class: bad ? 'toast bad' : 'toast', title: 'Click to close', onclick: () => node.remove() }, String(text));
  const box = document.getElementById('toasts');
  box.append(node);
  while (box.children.length > 2) box.firstChild.remove();
  setTimeout(() => node.remove(), bad ? 9000 : 4000);
}

// A button whose work may fail: it is off while the work runs, and says what went wrong.
export function action(title, work, properties = {}) {
  const button = h('button', { type: 'button', ...properties, onclick: async () => {
    button.disabled = true;
    try {
      await work();
    } catch (error) {
      toast(error.message, true);
    } finally {
      button.disabled = false;
    }
  } }, title);
  return button;
}

// A form whose submission may fail, the same way.
export function form(work, ...children) {
  const node = h('form', { onsubmit: async (event) => {
    event.preventDefault();
    const buttons = node.querySelectorAll('button');
    buttons.forEach((button) => { button.disabled = true; });
    try {
      await work(new FormData(node), node);
    } catch (error) {
      toast(error.message, true);
    } finally {
      buttons.forEach((button) => { button.disabled = false; });
    }
  } }, ...children);
  return node;
}

export function bytes(count) {
  if (!Number.isFinite(count)) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (count >= 1024 && unit < units.length - 1) {
    count /= 1024;
    unit++;
  }
  return `${unit === 0 || count >= 100 ? Math.round(count) : count.toFixed(1)} ${units[unit]}`;
}

export const number = (count) => (Number.isFinite(count) ? count.toLocaleString('en') : '–');
