// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: what a mutant is: one place of the engine's source, and what becomes of it.
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

// All of them, in the order of the sources.
export function mutants (source, folders) {
  const found = []
  for (const folder of folders) {
    for (const name of readdirSync(path.join(source, folder)).filter((n) => n.endsWith('.c')).sort()) {
      const file = `${folder}/${name}`
      const lines = readFileSync(path.join(source, file), 'utf8').split('\n')
      let comment = false
      lines.forEach((before, number) => {
        if (before.includes('/*')) comment = true
        const skip = comment || left.test(before)
        if (before.includes('*/')) comment = false
        if (skip) return
        for (const [from, to] of changes) {
          const after = before.replace(from, to)
          if (after !== before) found.push({ file, line: number + 1, before: before.trim(), after: after.trim() })
        }
      })
    }
  }
  return found
}

// The text of the file with the change made.
export function mutated (source, { file, line, before, after }) {
  const lines = readFileSync(path.join(source, file), 'utf8').split('\n')
  lines[line - 1] = lines[line - 1].replace(before, () => after)
  return lines.join('\n')
}

// A permutation that depends on the seed and on nothing else.
export function shuffled (list, seed) {
  let state = seed >>> 0
  const random = (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor(state / 4294967296 * limit)
  }
  const all = [...list]
  for (let i = all.length - 1; i > 0; i--) {
    const j = random(i + 1)
    ;[all[i], all[j]] = [all[j], all[i]]
  }
  return all
}
