// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: the library as a shared object of all its symbols, so that a mutant costs one compilation and one
// link, and the tests, which are linked once; and which test executes which line, so that only those run
// that can notice a change.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const FLAGS = ['-std=c11', '-D_GNU_SOURCE', '-O1', '-g0', '-w', '-fPIC', '-fvisibility=default']
const LIBS = ['-lsnappy', '-lz', '-lcrypto', '-lcheck', '-lsubunit', '-ljansson', '-lm', '-lrt', '-pthread']

// Two minutes of processor, 8 GiB of addresses, and a clock for those that wait for ever.
const LIMITS = 'ulimit -v 8000000; ulimit -t "$1"; shift; exec "$@"'

export class Programs {
  // source: the source tree; build: a configured build tree, for its lists; work: where everything goes
  constructor ({ source, build, work }) {
    Object.assign(this, { source: path.resolve(source), build: path.resolve(build), work: path.resolve(work) })
    this.objects = new Map() // .c file of the library: object
    this.tests = [] // { name, args, seconds, lines: Map of file to Set of lines, or null for all }
  }

  list (name) {
    return spawnSync('make', ['-s', `print-${name}`], { cwd: this.build }).stdout.toString().split('\n').filter(Boolean)
  }

  cc (args, options = {}) {
    const command = (process.env.CC ?? 'gcc').split(' ')
    return spawnSync(command[0], [...command.slice(1), ...args], { cwd: this.source, ...options })
  }

  // file is compiled under its own name, wherever its text is: __FILE__ and __LINE__ stay.
  compile (object, file, { flags = [], text = null } = {}) {
    mkdirSync(path.dirname(object), { recursive: true })
    const from = text === null ? [file] : ['-x', 'c', '-']
    const input = text === null ? undefined : `#line 1 "${file}"\n${text}`
    const quote = text === null ? [] : ['-iquote', path.dirname(file)]
    const done = this.cc([...FLAGS, ...flags, ...quote, '-Iinclude', '-I.', '-c', '-o', object, ...from], { input })
    return done.status === 0 ? null : done.stderr.toString()
  }

  must (error) {
    if (error) throw new Error(error)
  }

  shared (library, objects, flags = []) {
    const done = this.cc(['-shared', '-Wl,-soname,libtuffet.so', '-o', library, ...objects, ...flags, ...LIBS])
    return done.status === 0 ? null : done.stderr.toString()
  }

  // Everything once, without any change.
  prepare (units, others) {
    const good = path.join(this.work, 'good')
    const sources = this.list('libtuffet_la_SOURCES').filter((name) => name.endsWith('.c'))
    for (const file of sources) {
      const object = path.join(good, file.replace(/\.c$/, '.o'))
      const text = readFileSync(path.join(this.source, file), 'utf8')
      if (this.stale(object)) this.must(this.compile(object, file, { text }))
      this.objects.set(file, object)
    }
    this.must(this.shared(path.join(good, 'libtuffet.so'), [...this.objects.values()]))
    const names = this.list('check_PROGRAMS').filter((name) => units.test(name))
    for (const [name, args] of [...names.map((n) => [n, []]), ...others]) {
      this.link(name)
      this.tests.push({ name, args, seconds: 0, lines: null })
    }
  }

  stale (object) {
    return !existsSync(object) || statSync(object).mtimeMs < this.newest()
  }

  newest () {
    if (this.newestTime) return this.newestTime
    const files = spawnSync('git', ['ls-files', '*.c', '*.h'], { cwd: this.source }).stdout.toString().split('\n')
    this.newestTime = Math.max(...files.filter(Boolean).map((f) => statSync(path.join(this.source, f)).mtimeMs))
    return this.newestTime
  }

  link (name) {
    const program = path.join(this.work, name.replaceAll('/', '_'))
    if (!this.stale(program)) return
    const sources = [...this.list(`${name.replaceAll('/', '_')}_SOURCES`), 'tests/lib/test.c'].filter((n) => n.endsWith('.c'))
    const objects = [...new Set(sources)].map((file) => {
      const object = path.join(this.work, 'tests', file.replace(/\.c$/, '.o'))
      if (this.stale(object)) this.must(this.compile(object, file))
      return object
    })
    const done = this.cc(['-rdynamic', '-o', program, ...objects, path.join(this.work, 'good/libtuffet.so'), ...LIBS])
    if (done.status !== 0) throw new Error(done.stderr.toString())
  }

  // Runs a test with the libtuffet.so of a folder. Answers whether it passed.
  run (test, folder, env = {}) {
    const cpu = Math.ceil(Math.max(10, 8 * test.seconds))
    const program = path.join(this.work, test.name.replaceAll('/', '_'))
    const start = Date.now()
    const done = spawnSync('sh', ['-c', LIMITS, 'sh', String(cpu), program, ...test.args], {
      cwd: this.work,
      timeout: Math.ceil(Math.max(120, 20 * test.seconds) * 1000),
      killSignal: 'SIGKILL',
      env: {
        ...process.env,
        LD_LIBRARY_PATH: folder,
        TUF_VERIFY: '1',
        TUF_SRCDIR: this.source,
        TUF_BUILDDIR: this.build,
        TMPDIR: path.join(this.work, 'tmp'),
        CK_FORK: 'no',
        CK_DEFAULT_TIMEOUT: '600',
        ...env
      },
      stdio: 'ignore'
    })
    return { ok: done.status === 0, seconds: (Date.now() - start) / 1000 }
  }

  // Which lines each of the tests executes, and how long it takes. The tests named in whole count as
  // executing every line.
  measure (whole) {
    mkdirSync(path.join(this.work, 'tmp'), { recursive: true })
    const folder = path.join(this.work, 'lines')
    const objects = []
    for (const file of this.objects.keys()) {
      const object = path.join(folder, file.replace(/\.c$/, '.o'))
      if (this.stale(object)) this.must(this.compile(object, file, { flags: ['-O0', '-g', '--coverage'] }))
      objects.push(object)
    }
    this.must(this.shared(path.join(folder, 'libtuffet.so'), objects, ['--coverage']))
    for (const test of this.tests) {
      test.seconds = 60
      const plain = this.run(test, path.join(this.work, 'good'))
      if (!plain.ok) throw new Error(`${test.name} fails without any change`)
      test.seconds = plain.seconds
      if (!whole.test(test.name)) test.lines = this.linesOf(test, folder)
    }
  }

  linesOf (test, folder) {
    const data = spawnSync('find', [folder, '-name', '*.gcda'], {}).stdout.toString().split('\n').filter(Boolean)
    for (const name of data) rmSync(name)
    this.run({ ...test, seconds: 60 }, folder)
    const lines = new Map()
    for (const file of this.objects.keys()) {
      const gcda = path.join(folder, file.replace(/\.c$/, '.gcda'))
      if (!existsSync(gcda)) continue
      const out = spawnSync('gcov', ['-j', '-t', gcda], { cwd: this.source, maxBuffer: 1 << 28 }).stdout
      for (const part of JSON.parse(out).files) {
        if (part.file !== file) continue
        lines.set(file, new Set(part.lines.filter((l) => l.count > 0).map((l) => l.line_number)))
      }
    }
    return lines
  }

  // The tests that can notice, the quick and the special ones first; "quick" are the first of them, as
  // many as take a tenth of the time of all.
  fitting ({ file, line }) {
    const near = (set, by) => {
      for (let l = line - by; l <= line + by; l++) if (set.has(l)) return true
      return false
    }
    const some = (by) => this.tests.filter((t) => t.lines && t.lines.has(file) && near(t.lines.get(file), by))
    let units = some(0)
    if (units.length === 0) units = some(2)
    units.sort((a, b) => a.seconds * a.lines.size - b.seconds * b.lines.size)
    const limit = this.tests.reduce((sum, t) => sum + t.seconds, 0) / 10
    let spent = 0
    const quick = (t) => t.lines !== null && (spent += t.seconds) <= limit
    return [...units, ...this.tests.filter((t) => !t.lines)].map((t) => ({ ...t, quick: quick(t) }))
  }

  // Makes a mutant's library. Answers its folder; null if it does not compile or is the same code.
  make (file, text) {
    const folder = path.join(this.work, 'mutant')
    const object = path.join(folder, 'mutant.o')
    if (this.compile(object, file, { text }) !== null) return null
    const hash = (name) => createHash('md5').update(readFileSync(name)).digest('hex')
    if (hash(object) === hash(this.objects.get(file))) return null
    const objects = [...this.objects].map(([name, good]) => name === file ? object : good)
    return this.shared(path.join(folder, 'libtuffet.so'), objects) === null ? folder : null
  }

  tidy () {
    const tmp = path.join(this.work, 'tmp')
    for (const name of readdirSync(tmp)) rmSync(path.join(tmp, name), { recursive: true, force: true })
  }
}

// What was measured once holds as long as the sources do.
export function remember (programs, file) {
  writeFileSync(file, JSON.stringify(programs.tests.map((t) => ({
    ...t, lines: t.lines && [...t.lines].map(([name, lines]) => [name, [...lines]])
  }))))
}
export function recall (programs, file) {
  if (!existsSync(file) || statSync(file).mtimeMs < programs.newest()) return false
  programs.tests = JSON.parse(readFileSync(file)).map((t) => ({
    ...t, lines: t.lines && new Map(t.lines.map(([name, lines]) => [name, new Set(lines)]))
  }))
  return true
}
