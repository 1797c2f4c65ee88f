// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: which test executes which lines, by gcov, and how long each takes: so that only those run that can
// notice a change, and the quick ones first.
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { command, md5, sideBySide } from './programs.mjs'

// A loop that takes longer is cut into its rounds, which count as executing what the whole executes.
const SLOW = 0.4

function cut (test) {
  const [name, first, end] = (test.pick ?? '').split(' ')
  if (test.seconds < SLOW || !(end - first >= 2)) return [test]
  const step = Math.ceil((end - first) / 16)
  const rounds = []
  for (let i = Number(first); i < end; i += step) {
    const last = Math.min(Number(end), i + step)
    rounds.push({ ...test, pick: `${name} ${i} ${last}`, seconds: test.seconds * (last - i) / (end - first) })
  }
  return rounds
}

// The library with counters in the files that are changed. Not optimised away, not slow.
async function counting (programs, folder, files) {
  const objectOf = (file) => path.join(folder, file.replace(/\.c$/, '.o'))
  await sideBySide(programs.jobs, files, async (file) => {
    const text = readFileSync(path.join(programs.source, file), 'utf8')
    if (!programs.stale(objectOf(file), [file])) return
    if (!await programs.compile(objectOf(file), file, text, ['-Og', '-g', '--coverage'])) throw new Error(file)
  })
  const objects = [...programs.objects].map(([file, good]) => files.includes(file) ? objectOf(file) : good)
  if (!await programs.shared(path.join(folder, 'libtuffet.so'), objects, ['--coverage'])) throw new Error(folder)
}

// A test's seconds and lines { file: [line, ...] }. Each of the jobs has its place for the counters.
async function look (programs, folder, files, test, who) {
  const counters = path.join(folder, `counters-${who}`)
  const env = { GCOV_PREFIX: counters, GCOV_PREFIX_STRIP: '0' }
  rmSync(counters, { recursive: true, force: true })
  // Of a loop that takes long one round speaks for all.
  const [name, first, end] = (test.pick ?? '').split(' ')
  const rounds = Math.max(1, end - first || 1)
  let seconds = 0
  for (const pick of rounds > 1 ? [`${name} ${first} ${Number(first) + 1}`, test.pick] : [test.pick]) {
    const done = await programs.run({ ...test, pick, args: test.brief ?? test.args }, folder, 60, env)
    if (!done.ok) throw new Error(`${test.name} ${test.pick ?? ''} fails without any change`)
    seconds = pick === test.pick ? done.seconds : done.seconds * rounds
    if (seconds > 120) break
  }
  const lines = {}
  const made = files.filter((file) => existsSync(path.join(counters, folder, file.replace(/\.c$/, '.gcda'))))
  for (const file of made) {
    // gcov wants the notes beside the counters.
    const notes = path.join(folder, file.replace(/\.c$/, '.gcno'))
    rmSync(notes.replace(/gcno$/, 'gcda'), { force: true })
    await command(['ln', '-sf', notes, path.join(counters, notes)])
  }
  if (made.length > 0) {
    const data = made.map((file) => path.join(counters, folder, file.replace(/\.c$/, '.gcda')))
    const { out } = await command(['gcov', '-j', '-t', ...data], { cwd: programs.source })
    for (const part of out.split('\n').filter(Boolean).flatMap((text) => JSON.parse(text).files)) {
      const hit = part.lines.filter((line) => line.count > 0).map((line) => line.line_number)
      if (files.includes(part.file) && hit.length > 0) lines[part.file] = [...new Set(hit)]
    }
  }
  return { ...test, seconds, lines }
}

// All tests. What was measured holds as long as the library and the test's program do.
export async function measure (programs, names, others, files) {
  const memory = path.join(programs.work, 'tests.jsonl')
  const library = md5(readFileSync(path.join(programs.good, 'libtuffet.so')))
  const ofProgram = new Map(names.concat(others.map((t) => t.name))
    .map((name) => [name, md5(library, readFileSync(programs.program(name)))]))
  const keyOf = (t) => `${t.name} ${t.pick ?? ''} ${ofProgram.get(t.name)}`
  const known = new Map(existsSync(memory)
    ? readFileSync(memory, 'utf8').split('\n').filter(Boolean).map((line) => [JSON.parse(line).key, JSON.parse(line)])
    : [])
  const all = others.map((t) => ({ ...t, long: true }))
  await sideBySide(programs.jobs, names, async (name) => {
    all.push(...(await programs.tests(name)).filter((t) => !/_of_a_new_seed/.test(t.pick)))
  })
  const missing = all.filter((t) => !known.has(keyOf(t)))
  if (missing.length > 0) {
    const folder = path.join(programs.work, 'lines')
    await counting(programs, folder, files)
    await sideBySide(programs.jobs, missing, async (test, who) => {
      const found = { key: keyOf(test), ...await look(programs, folder, files, test, who) }
      known.set(found.key, found)
      appendFileSync(memory, JSON.stringify(found) + '\n')
    })
  }
  return all.flatMap((t) => cut(known.get(keyOf(t)))).map((t) => ({
    ...t, lines: new Map(Object.entries(t.lines).map(([file, lines]) => [file, new Set(lines)]))
  }))
}

// Those that execute a line; where gcov counts a statement's other lines, those that come near. A long
// test is one of them if it executes anything of the file, or ends its processes so that nothing is known.
export function reaching (tests, { file, line }) {
  const near = (set, by) => {
    for (let l = line - by; l <= line + by; l++) if (set.has(l)) return true
    return false
  }
  const some = (by) => tests.filter((t) => !t.long && t.lines.has(file) && near(t.lines.get(file), by))
  const units = some(0)
  return { units: units.length > 0 ? units : some(3), long: tests.filter((t) => t.long && (t.lines.size === 0 || t.lines.has(file))) }
}
