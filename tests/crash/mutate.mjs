// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: changes one place of the engine's source at a time and expects a test to fail (nightly).
//     node tests/crash/mutate.mjs --build DIR [--count 300] [--seed 1]
// DIR is a configured build tree of a COPY of the sources, which is changed and put back: never the tree
// one works in (--source DIR names the copy). A mutant that does not compile, or makes the same code, does
// not count. The tests, in order, until one fails: the unit tests of engine/ and fileformat/, failing
// calls, random operations beside the model, crashes. Survivors are listed with their line, for a person
// to judge. Ends with mutants_tried, mutants_survived and mutants_killed_percent.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const options = { build: null, source: '.', count: 300, seed: 1 }
for (let i = 2; i < process.argv.length; i += 2) options[process.argv[i].slice(2)] = process.argv[i + 1]
let seed = Number(options.seed)
const random = (limit) => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return Math.floor(seed / 4294967296 * limit)
}

const changes = [
  [/ < /, ' <= '], [/ > /, ' >= '], [/ <= /, ' < '], [/ >= /, ' > '], [/ == /, ' != '], [/ != /, ' == '],
  [/ && /, ' || '], [/ \|\| /, ' && '], [/ \+ 1\b/, ''], [/ - 1\b/, ''], [/ \+ /, ' - '], [/ \+= /, ' -= '],
  [/\bmin_u64\(/, 'max_u64('], [/\bmax_u64\(/, 'min_u64('], [/\breturn st;/, 'return TUF_OK;'],
  [/\btrue\b/, 'false'], [/\bfalse\b/, 'true'], [/\bif \((.*)\)$/, 'if (!($1))'],
  [/^(\s+)[a-z_>.[\]*-]+ (=|\|=|\+=) [^;]+;$/, '$1;'], [/^(\s+)[a-z_]+\(.*\);$/, '$1;']
]

function places () {
  const found = []
  for (const folder of ['engine', 'fileformat', 'compactor']) {
    for (const name of readdirSync(path.join(options.source, folder)).filter((n) => n.endsWith('.c')).sort()) {
      const file = `${folder}/${name}`
      let comment = false
      readFileSync(path.join(options.source, file), 'utf8').split('\n').forEach((line, number) => {
        if (line.includes('/*')) comment = true
        const skip = comment || /^#|tuf_assert|static_assert|tufi_planted|tufi_corrupt|tufi_fail|^\s*(struct|static|const|TUF_AUTO)|PRIu64|pthread_/.test(line)
        if (line.includes('*/')) comment = false
        if (skip) return
        changes.forEach(([from], change) => { if (from.test(line)) found.push({ file, number, change }) })
      })
    }
  }
  return found
}

const run = (command, args, seconds) => spawnSync(command, args, {
  cwd: options.build,
  timeout: seconds * 1000,
  killSignal: 'SIGKILL',
  env: { ...process.env, TUF_VERIFY: '1', TUF_SRCDIR: path.resolve(options.source), CK_FORK: 'no', TUF_BUILDDIR: options.build },
  stdio: 'ignore'
}).status
const units = spawnSync('make', ['-s', 'print-check_PROGRAMS'], { cwd: options.build }).stdout.toString().split('\n')
  .filter((name) => /tests\/unit\/(engine|fileformat|compactor)\//.test(name))
const others = [
  ['tests/crash/fail_loop', []],
  ['tests/model/model', ['--ops', '5000', '--no-shrink']],
  ['tests/crash/crash_enum', ['--budget-seconds', '12', '--jobs', '2']]
]
const programs = [...units, ...others.map(([name]) => name)]
const make = (...goals) => run('make', ['-s', '-j2', ...goals], 600)
const codeOf = (file) => {
  const text = spawnSync('objdump', ['-d', file.replace(/\.c$/, '.o')], { cwd: options.build, maxBuffer: 1 << 28 }).stdout
  return createHash('md5').update(text).digest('hex')
}

// The test that fails, or null.
function killer () {
  for (const name of units) if (run(`./${name}`, [], 60) !== 0) return name
  for (const [name, args] of others) if (run(`./${name}`, args, 120) !== 0) return name
  return null
}

if (make(...programs) !== 0 || killer() !== null) {
  console.log('the tests fail without any change')
  process.exit(1)
}
const all = places()
const survivors = []
const killers = {}
let tried = 0
for (let i = 0; tried < Number(options.count) && i < 20 * Number(options.count) && all.length > 0; i++) {
  const [{ file, number, change }] = all.splice(random(all.length), 1)
  const where = path.join(options.source, file)
  const text = readFileSync(where, 'utf8')
  const lines = text.split('\n')
  const before = lines[number]
  lines[number] = before.replace(...changes[change])
  if (lines[number] === before) continue
  const object = file.replace(/\.c$/, '.o')
  const code = codeOf(file)
  writeFileSync(where, lines.join('\n'))
  try {
    if (make(object) !== 0 || codeOf(file) === code) continue
    tried++
    const by = make(...programs) !== 0 ? 'linking' : killer()
    if (by) killers[by] = (killers[by] ?? 0) + 1
    else survivors.push(`${file}:${number + 1}: ${before.trim()}  ->  ${lines[number].trim()}`)
    console.log(`${by ? 'killed  ' : 'SURVIVED'} ${file}:${number + 1} ${lines[number].trim()} ${by ? `(${by})` : ''}`)
  } finally {
    writeFileSync(where, text)
  }
}
make(...programs)
console.log('\nsurvivors:')
for (const line of survivors) console.log(`  ${line}`)
const percent = tried ? 100 * (tried - survivors.length) / tried : 0
console.log(`mutants_tried=${tried}\nmutants_survived=${survivors.length}\nmutants_killed_percent=${percent.toFixed(1)}`)
console.log(percent >= 90 ? '1 passed, 0 failed' : '0 passed, 1 failed')
process.exit(percent >= 90 ? 0 : 1)
