// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: changes one place of the engine's source at a time and expects a test to fail (nightly).
//     node tests/mutation/mutate.mjs --build DIR --work DIR [--count 320] [--seed 1] [--jobs N]
//         [--only WORD] [--rounds N] [--seconds 60]     --rounds 0: only what is remembered
// DIR of --build is a configured build tree; everything is made in the directory of --work, the sources are
// never touched. Of each file of engine/ and fileformat/ as many places are taken as it has of all, the
// same for the same seed. A mutant that does not compile, or is the same code at -O2, does not count. The
// tests, until one fails: the single unit tests that execute the line; the same with the sanitizers, as
// unit-san runs them; then short runs of random operations beside the model, bit rot, crashes and failing
// calls. WORK/mutants.jsonl remembers; a second run repeats only what the changes since then can make
// different. Survivors are listed; docs/mutation.md judges them, and one that is not there counts as open.
import { appendFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { mutated, sample } from './changes.mjs'
import { md5, Programs, sideBySide } from './programs.mjs'
import { measure, reaching } from './reach.mjs'

const options = { build: '', work: '', source: '.', count: 320, seed: 1, jobs: os.cpus().length, only: '', rounds: 4, seconds: 60 }
for (let i = 2; i < process.argv.length; i += 2) options[process.argv[i].slice(2)] = process.argv[i + 1]
if (!options.build || !options.work) {
  console.error('usage: mutate.mjs --build DIR --work DIR [--count N] [--seed N] [--jobs N] [--only WORD] [--rounds N]')
  process.exit(2)
}
for (const name of ['build', 'work', 'source']) options[name] = path.resolve(options[name])
for (const name of ['count', 'seed', 'jobs', 'rounds']) options[name] = Number(options[name])
mkdirSync(options.work, { recursive: true })
for (const name of readdirSync(options.work).filter((n) => n.startsWith('mutant-'))) rmSync(path.join(options.work, name), { recursive: true })
const begun = Date.now()
const minutes = () => ((Date.now() - begun) / 60000).toFixed(1)

// brief: how to find out what they execute.
const OTHERS = [
  { name: 'tests/model/model', args: ['--ops', '20000', '--no-shrink', '--jobs', '1'], brief: ['--ops', '2000', '--jobs', '1'] },
  { name: 'tests/crash/bitrot', args: ['--budget-seconds', '3'], brief: ['--budget-seconds', '1'] },
  { name: 'tests/crash/crash_enum', args: ['--budget-seconds', '8', '--jobs', '1'], brief: ['--budget-seconds', '1', '--jobs', '1'] },
  { name: 'tests/crash/fail_loop', args: ['--scenarios', '16', '--jobs', '1'], brief: ['--scenarios', '1', '--jobs', '1'] }
]
const LONG = 30 // seconds they take at most on an idle machine

// What is tried first with all, and then with those that are left: so many seconds of the tests that can
// tell, as they were measured; the last one is the long tests.
const ROUNDS = [{ plain: 10 }, { plain: Number(options.seconds) }, { san: Number(options.seconds) }, { long: true }]
const UNITS = /^tests\/unit\/(fileformat\/|engine\/|compactor\/test_(compact|resume))/

const files = sample(options.source, ['engine', 'fileformat'], options.count, options.seed)
const plain = new Programs(options, { name: 'plain', flags: ['-O2'], addresses: '4000000' })
const san = new Programs(options, {
  name: 'san', flags: ['-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'], addresses: 'unlimited'
})
const names = plain.list('check_PROGRAMS').filter((name) => UNITS.test(name))
if (options.rounds > 0) await plain.prepare([...names, ...OTHERS.map((t) => t.name)])
const tests = options.rounds > 0 ? await measure(plain, names, OTHERS, files.map((f) => f.file)) : []
if (tests.length > 0) console.log(`${tests.length} tests, ${tests.reduce((sum, t) => sum + t.seconds, 0).toFixed(0)} s; ready after ${minutes()} min`)

// What a result depends on: the file, and, if nothing failed, the tests.
const textOf = (file) => readFileSync(path.join(options.source, file))
const testsNow = md5(...['tests/unit/engine', 'tests/unit/fileformat', 'tests/unit/compactor'].flatMap((folder) =>
  readdirSync(path.join(options.source, folder)).sort().map((name) => textOf(`${folder}/${name}`))))
const journal = path.join(options.work, 'mutants.jsonl')
const known = new Map()
if (existsSync(journal)) {
  for (const line of readFileSync(journal, 'utf8').split('\n').filter(Boolean)) known.set(JSON.parse(line).key, JSON.parse(line))
}
const remember = (m, result) => {
  const entry = { key: m.key, file: m.file, source: md5(textOf(m.file)), tests: testsNow, ...result }
  known.set(m.key, entry)
  appendFileSync(journal, JSON.stringify(entry) + '\n')
  return entry
}

// Whether a test fails with a mutant. One that only took long on a busy machine gets another chance.
async function fails (programs, test, folder) {
  for (let seconds = test.seconds; ; seconds *= 4) {
    const done = await programs.run(test, folder, seconds)
    if (!done.expired || seconds > 600) return !done.ok
    const good = await programs.run(test, programs.good, seconds)
    if (good.ok && good.seconds < 8 * seconds) return true
  }
}

// The quick ones first, those of the file's own module, and those that have killed in the file before;
// together as long as seconds.
const kills = new Map()
const nameOf = (t) => t.pick ? `${t.name} ${t.pick.split(' ')[0]}` : t.name
async function killer (programs, list, m, folder, { before, seconds }) {
  const module = `test_${path.basename(m.file, '.c').split('_')[0]}`
  const worth = (t) => nameOf(t) === before ? 0
    : t.seconds / (t.name.includes(module) ? 10 : 1) / (1 + (kills.get(`${nameOf(t)} ${m.file}`) ?? 0))
  let spent = 0
  for (const test of [...list].sort((a, b) => worth(a) - worth(b))) {
    spent += test.seconds
    if (spent > seconds && spent > test.seconds) break
    if (!await fails(programs, test, folder)) continue
    const name = `${nameOf(test)} ${m.file}`
    kills.set(name, (kills.get(name) ?? 0) + 1)
    return nameOf(test)
  }
  return null
}

// Somebody has looked at it and said why no test tells.
const judged = existsSync('docs/mutation.md') ? readFileSync('docs/mutation.md', 'utf8').replace(/\s+/g, ' ') : ''
const isOpen = (m) => !judged.includes(`\`${m.key.replace(/\s+/g, ' ')}\``)

// Of a result what the changes since then leave true, or null.
function holds (m, round) {
  const old = known.get(m.key)
  if (!old || old.source !== md5(textOf(m.file))) return null
  if (['refused', 'same', 'killed'].includes(old.state) || !isOpen(m)) return old
  if (round === 0 && options.rounds !== 1) return old // the next round repeats its tests
  return old.tests === testsNow && old.round >= round ? old : null
}

// state: refused (by the compiler), same (code), killed, or left after a round
async function judge (m, round, who) {
  const there = holds(m, round)
  if (there) return there
  if (options.rounds === 0) return { state: 'refused' } // nothing is known of it: it does not count
  const text = mutated(options.source, m)
  const folder = path.join(options.work, `mutant-${who}`)
  const state = await plain.make(folder, m.file, text)
  if (state !== 'made') return remember(m, { state, round })
  const { units, long } = reaching(tests, m)
  const before = known.get(m.key)?.by
  let by = null
  if (ROUNDS[round].long) by = await killer(plain, long.map((t) => ({ ...t, seconds: LONG })), m, folder, { seconds: 1e6 })
  else if (ROUNDS[round].plain) by = await killer(plain, units, m, folder, { before, seconds: ROUNDS[round].plain })
  if (!by && ROUNDS[round].san && await san.make(`${folder}-san`, m.file, text) === 'made') {
    const slower = units.map((t) => ({ ...t, seconds: 4 * t.seconds }))
    by = await killer(san, slower, m, `${folder}-san`, { before, seconds: ROUNDS[round].san })
    if (by) by += ' (sanitizers)'
  }
  console.log(`${by ? 'killed' : 'left  '} ${m.key}   ${by ?? `round ${round}, line ${m.line}, ${units.length} tests`}`)
  return remember(m, { state: by ? 'killed' : 'left', by, round })
}

const chosen = files.filter((f) => f.file.includes(options.only))
await sideBySide(options.jobs, chosen, async (f, who) => {
  f.tried = []
  for (const m of f.mutants) {
    if (f.tried.length >= f.want) break
    const result = await judge(m, 0, who)
    if (result.state !== 'refused' && result.state !== 'same') f.tried.push(m)
  }
})
const tried = chosen.flatMap((f) => f.tried)
const stateOf = (m) => known.get(m.key).state
for (let round = 1; round < Math.min(ROUNDS.length, options.rounds); round++) {
  if (ROUNDS[round].san) await san.prepare(names)
  await sideBySide(options.jobs, tried.filter((m) => stateOf(m) === 'left'), (m, who) => judge(m, round, who))
}

const survivors = tried.filter((m) => stateOf(m) !== 'killed')
const killedBy = (word) => tried.filter((m) => stateOf(m) === 'killed' && word.test(known.get(m.key).by)).length
console.log('\nsurvivors:')
for (const m of survivors) console.log(`  ${isOpen(m) ? 'open  ' : 'judged'} line ${m.line}: \`${m.key}\``)
console.log('\nfile                          tried  killed')
for (const f of chosen) {
  console.log(`${f.file.padEnd(30)} ${String(f.tried.length).padStart(4)} ${String(f.tried.filter((m) => stateOf(m) === 'killed').length).padStart(7)}`)
}
const percent = tried.length ? 100 * (tried.length - survivors.length) / tried.length : 0
const open = survivors.filter(isOpen).length
console.log(`
mutants_files=${chosen.length}
mutants_same_code=${chosen.flatMap((f) => f.mutants).filter((m) => known.get(m.key)?.state === 'same').length}
mutants_tried=${tried.length}
mutants_killed=${tried.length - survivors.length}
mutants_killed_by_sanitizers=${killedBy(/sanitizers/)}
mutants_killed_by_long_tests=${killedBy(/tests\/(model|crash)\//)}
mutants_survived=${survivors.length}
mutants_open=${open}
mutants_pending=${survivors.filter((m) => isOpen(m) && known.get(m.key).round < ROUNDS.length - 1).length}
mutants_killed_percent=${percent.toFixed(1)}
mutants_minutes=${minutes()}`)
writeFileSync(path.join(options.work, 'survivors.txt'), survivors.map((m) => `${m.key}\n`).join(''))
const good = percent >= 90 && open === 0 && tried.length >= 300
console.log(good ? '1 passed, 0 failed' : '0 passed, 1 failed')
process.exit(good ? 0 : 1)
