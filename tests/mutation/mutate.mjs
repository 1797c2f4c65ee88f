// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: changes one place of the engine's source at a time and expects a test to fail (nightly).
//     node tests/mutation/mutate.mjs --build DIR --work DIR [--count 320] [--seed 1] [--source DIR]
// DIR of --build is a configured build tree, which is only asked for its lists; everything is made in the
// directory of --work, the sources are never touched. A mutant that does not compile, or makes the same
// code, does not count. The tests, until one fails: the unit tests that execute the line, then failing
// calls, random operations beside the model, crashes, bit rot. What was tried is written to
// WORK/mutants.jsonl, and a second run goes on from there (--again all|survivors tries again). Survivors
// are listed; docs/mutation.md judges them, and one that is not there counts as open. Ends with
// mutants_tried, mutants_killed, mutants_survived, mutants_open, mutants_pending
// (not yet seen by the long tests) and mutants_killed_percent.
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { mutants, mutated, shuffled } from './changes.mjs'
import { Programs, recall, remember } from './programs.mjs'

const options = { build: null, work: null, source: '.', count: 320, seed: 1, again: '', minutes: 100000 }
for (let i = 2; i < process.argv.length; i += 2) options[process.argv[i].slice(2)] = process.argv[i + 1]
if (!options.build || !options.work) {
  console.error('usage: mutate.mjs --build DIR --work DIR [--count N] [--seed N] [--minutes N]')
  process.exit(2)
}
mkdirSync(options.work, { recursive: true })

const OTHERS = [
  ['tests/model/model', ['--ops', '20000', '--no-shrink', '--jobs', '1']],
  ['tests/crash/bitrot', ['--budget-seconds', '3']],
  ['tests/crash/fail_loop', ['--scenarios', '16', '--jobs', '1']],
  ['tests/crash/crash_enum', ['--budget-seconds', '8', '--jobs', '1']]
]
const UNITS = /^tests\/(sim|unit\/(base|json|fileformat|engine|compactor))\//
const programs = new Programs(options)
programs.prepare(UNITS, OTHERS)
const memory = path.join(options.work, 'tests.json')
if (!recall(programs, memory)) {
  programs.measure(/fail_loop|model\/model|bitrot|crash_enum/)
  remember(programs, memory)
}
console.log(`${programs.tests.length} tests, ${programs.tests.reduce((sum, t) => sum + t.seconds, 0).toFixed(0)} s`)

const journal = path.join(options.work, 'mutants.jsonl')
const keyOf = (m) => `${m.file}: ${m.before} -> ${m.after}`
const done = new Map()
if (existsSync(journal)) {
  for (const line of readFileSync(journal, 'utf8').split('\n').filter(Boolean)) {
    const m = JSON.parse(line)
    if (options.again === 'all' || (options.again === 'survivors' && m.by === null)) continue
    done.set(keyOf(m), m)
  }
}
const stop = Date.now() + Number(options.minutes) * 60000
const remembered = (m) => {
  done.set(keyOf(m), m)
  appendFileSync(journal, JSON.stringify(m) + '\n')
}
// The first test of these that fails with the mutant, or null.
const killer = (m, deep) => {
  const folder = programs.make(m.file, mutated(options.source, m))
  if (folder === null) return 'compiler'
  const by = programs.fitting(m).filter((t) => t.quick !== deep).find((test) => !programs.run(test, folder).ok)
  programs.tidy()
  return by?.name ?? null
}

// First the quick tests for all, then the others for those that are left.
const tried = []
const seen = new Set()
for (const m of shuffled(mutants(options.source, ['engine', 'fileformat', 'compactor']), Number(options.seed))) {
  if (tried.length >= Number(options.count) || Date.now() > stop) break
  if (seen.has(keyOf(m))) continue
  seen.add(keyOf(m))
  if (!done.has(keyOf(m))) {
    const by = killer(m, false)
    remembered({ ...m, by, same: by === 'compiler', deep: false })
    if (by !== 'compiler') console.log(`${by ? 'killed' : 'left  '} ${m.file}:${m.line} ${m.before}  ->  ${m.after}  (${by})`)
  }
  if (!done.get(keyOf(m)).same) tried.push({ ...done.get(keyOf(m)), line: m.line })
}
for (const m of tried.filter((t) => t.by === null && !t.deep)) {
  if (Date.now() > stop) break
  m.by = killer(m, true)
  m.deep = true
  remembered(m)
  console.log(`${m.by ? 'killed  ' : 'SURVIVED'} ${m.file}:${m.line} ${m.before}  ->  ${m.after}  (${m.by})`)
}

const judged = existsSync('docs/mutation.md') ? readFileSync('docs/mutation.md', 'utf8') : ''
const survivors = tried.filter((m) => m.by === null)
const open = survivors.filter((m) => !judged.includes(`\`${m.before}\` -> \`${m.after}\``))
// Not yet seen by the long tests.
const pending = survivors.filter((m) => !m.deep)
console.log('\nsurvivors:')
for (const m of survivors) console.log(`  ${open.includes(m) ? 'open  ' : 'judged'} ${m.file}:${m.line}: \`${m.before}\` -> \`${m.after}\``)
const percent = tried.length ? 100 * (tried.length - survivors.length) / tried.length : 0
console.log(`mutants_tried=${tried.length}\nmutants_killed=${tried.length - survivors.length}`)
console.log(`mutants_survived=${survivors.length}\nmutants_open=${open.length}\nmutants_pending=${pending.length}\nmutants_killed_percent=${percent.toFixed(1)}`)
writeFileSync(path.join(options.work, 'survivors.txt'), survivors.map((m) => keyOf(m) + '\n').join(''))
const good = percent >= 90 && open.length === 0 && tried.length >= Number(options.count)
console.log(good ? '1 passed, 0 failed' : '0 passed, 1 failed')
process.exit(good ? 0 : 1)
