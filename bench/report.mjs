// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: turn recorded measurements (JSON lines of bench_engine and bench/http.mjs) into Markdown tables
// and SVG charts:   node bench/report.mjs bench/results/2026-11-22.jsonl > part-of-RESULTS.md
// Medians over the rounds are shown; ratios are Tuffet's median over the peer's.
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const file = process.argv[2];
if (!file) {
  console.error('usage: node bench/report.mjs FILE.jsonl');
  process.exit(2);
}
const rows = readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line))
  .filter((row) => row.round >= 0);

const median = (list) => {
  const sorted = [...list].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

// work -> engine -> field -> median
const table = new Map();
for (const row of rows) {
  if (!table.has(row.work)) table.set(row.work, new Map());
  const engines = table.get(row.work);
  if (!engines.has(row.engine)) engines.set(row.engine, []);
  engines.get(row.engine).push(row);
}
const value = (work, engine, field) => {
  const list = table.get(work)?.get(engine);
  return list ? median(list.map((row) => row[field] ?? 0)) : undefined;
};

const short = (number) => {
  if (number === undefined) return '';
  if (number >= 1e6) return `${(number / 1e6).toFixed(2)} M`;
  if (number >= 1e4) return `${(number / 1e3).toFixed(0)} k`;
  if (number >= 1e3) return `${(number / 1e3).toFixed(1)} k`;
  return number >= 10 ? number.toFixed(0) : number.toFixed(2);
};

const fields = [
  ['ops_per_s', 'per second'],
  ['cpu_us_per_op', 'CPU µs each'],
  ['device_bytes_per_op', 'device bytes each'],
  ['flushes_per_op', 'flushes each'],
  ['waits_per_op', 'waits each'],
  ['p50_us', 'median µs'],
  ['p99_ms', 'p99 ms'],
  ['file_mb', 'file MB'],
  ['rss_mb', 'resident MB'],
];

function printTable(work, engines) {
  const used = fields.filter(([field]) => rows.some((row) => row.work === work && row[field] > 0));
  console.log(`\n### ${work}\n`);
  console.log(`| store | ${used.map(([, title]) => title).join(' | ')} | Tuffet is |`);
  console.log(`|---|${used.map(() => '---:|').join('')}---:|`);
  const own = value(work, 'tuffet', 'ops_per_s');
  for (const engine of engines.keys()) {
    const cells = used.map(([field]) => short(value(work, engine, field)));
    const ratio = engine === 'tuffet' || own === undefined ? ''
      : `${(own / value(work, engine, 'ops_per_s')).toFixed(2)}x`;
    console.log(`| ${engine} | ${cells.join(' | ')} | ${ratio} |`);
  }
}

const escape = (text) => text.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' }[c]));

// One bar per engine and work, each group scaled to its own fastest.
function chart(works) {
  const bar = 14, left = 150, width = 420, right = 110;
  const lines = [];
  let y = 24;
  for (const work of works) {
    const engines = [...table.get(work).keys()];
    const top = Math.max(...engines.map((engine) => value(work, engine, 'ops_per_s')));
    lines.push(`<text x="4" y="${y + 11}" font-weight="bold">${escape(work)}</text>`);
    for (const engine of engines) {
      const speed = value(work, engine, 'ops_per_s');
      const size = Math.max(1, Math.round(width * speed / top));
      const colour = engine === 'tuffet' ? '#2b6cb0' : '#a0aec0';
      lines.push(`<text x="${left - 6}" y="${y + 11}" text-anchor="end">${escape(engine)}</text>`);
      lines.push(`<rect x="${left}" y="${y}" width="${size}" height="${bar - 3}" fill="${colour}"/>`);
      lines.push(`<text x="${left + size + 4}" y="${y + 10}">${short(speed)}/s</text>`);
      y += bar;
    }
    y += 8;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${left + width + right}" height="${y + 8}" ` +
    `font-family="sans-serif" font-size="11">\n` +
    `<rect width="100%" height="100%" fill="white"/>\n` +
    `<text x="4" y="14">operations per second, each group scaled to its fastest (longer is better)` +
    `</text>\n${lines.join('\n')}\n</svg>\n`;
}

const peers = [...table.keys()].filter((work) => table.get(work).size > 1);
if (peers.length > 0) {
  const name = basename(file).replace(/\.jsonl$/, '.svg');
  writeFileSync(join(dirname(file), name), chart(peers));
  console.log(`\n![operations per second](results/${name})`);
}
for (const [work, engines] of table) printTable(work, engines);
