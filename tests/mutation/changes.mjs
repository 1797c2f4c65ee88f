// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: what a mutant is: one place of the engine's source, and what becomes of it. Its name is the file,
// the function, the line's text before and after, and which of the equal lines of the function: it stays
// when other lines move.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

const changes = [
  [/ < /, ' <= '], [/ > /, ' >= '], [/ <= /, ' < '], [/ >= /, ' > '], [/ == /, ' != '], [/ != /, ' == '],
  [/ && /, ' || '], [/ \|\| /, ' && '], [/ \+ 1\b/, ''], [/ - 1\b/, ''], [/ \+ /, ' - '], [/ \+= /, ' -= '],
  [/\bmin_u64\(/, 'max_u64('], [/\bmax_u64\(/, 'min_u64('], [/\breturn st;/, 'return TUF_OK;'],
  [/\btrue\b/, 'false'], [/\bfalse\b/, 'true'], [/\bif \((.*)\)$/, 'if (!($1))'],
  [/^(\s+)[a-z_>.[\]*-]+ (=|\|=|\+=) [^;]+;$/, '$1;'], [/^(\s+)[a-z_]+\(.*\);$/, '$1;']
]
// Comments, declarations, assertions, the texts of failures, planted bugs, locks: a lock that is left out
// is for ThreadSanitizer to find.
const left = new RegExp('^#|tuf_assert|static_assert|tufi_planted|tufi_corrupt|tufi_fail|PRIu64|pthread_|' +
  '^\\s*(struct|static|const|TUF_AUTO)')

function mutantsOf (source, file) {
  const lines = readFileSync(path.join(source, file), 'utf8').split('\n')
  const found = []
  const times = new Map()
  let comment = false
  let head = ''
  let name = ''
  lines.forEach((before, number) => {
    if (before.includes('/*')) comment = true
    const skip = comment || left.test(before)
    if (before.includes('*/')) comment = false
    if (!comment && /^[a-z].*\(/.test(before)) head = before
    if (before === '{') name = /(\w+)\(/.exec(head)?.[1] ?? ''
    if (skip || !/^\s/.test(before) || name === '') return
    for (const [from, to] of changes) {
      const after = before.replace(from, to)
      if (after === before) continue
      const text = `${file} ${name}: ${before.trim()} -> ${after.trim()}`
      const nth = (times.get(text) ?? 0) + 1
      times.set(text, nth)
      found.push({ key: nth > 1 ? `${text} (${nth})` : text, file, name, line: number + 1, before, after })
    }
  })
  return found
}

// Those to be tried, file by file: as many of each as the file has of all, at least two, and more to
// take the places of those that do not count. The order within a file depends on the seed and the
// mutants' names and on nothing else: [{ file, want, mutants }].
export function sample (source, folders, count, seed) {
  const order = (m) => createHash('md5').update(`${seed} ${m.key}`).digest('hex')
  const files = folders.flatMap((folder) => readdirSync(path.join(source, folder))
    .filter((name) => name.endsWith('.c')).sort().map((name) => `${folder}/${name}`))
  const all = files.map((file) => {
    const mutants = mutantsOf(source, file).map((m) => ({ ...m, order: order(m) }))
    return { file, mutants: mutants.sort((a, b) => a.order < b.order ? -1 : 1) }
  })
  const sum = all.reduce((n, f) => n + f.mutants.length, 0)
  return all.map((f) => ({ ...f, want: Math.max(2, Math.round(count * f.mutants.length / sum)) }))
}

// The text of the file with the change made.
export function mutated (source, { file, line, after }) {
  const lines = readFileSync(path.join(source, file), 'utf8').split('\n')
  lines[line - 1] = after
  return lines.join('\n')
}
