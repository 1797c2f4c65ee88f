// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: the library as a shared object of all its symbols, so that a mutant costs one compilation and one
// link, and the tests, which are linked once and run one by one (pick.c). Of this there are flavours: as it
// is shipped, and with the sanitizers.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'

const FLAGS = ['-std=c11', '-D_GNU_SOURCE', '-g0', '-w', '-fPIC', '-fvisibility=default', '-Iinclude', '-I.']
const LIBS = ['-lsnappy', '-lz', '-lcrypto', '-lcheck', '-lsubunit', '-ljansson', '-lm', '-lrt', '-pthread']
const PICK = 'tests/mutation/pick.c'

// Seconds of processor and KiB of addresses, besides the clock for those that wait for ever.
const LIMITS = 'ulimit -c 0; ulimit -t "$1"; ulimit -v "$2"; shift 2; exec "$@"'

export const md5 = (...texts) => texts.reduce((hash, text) => hash.update(text), createHash('md5')).digest('hex')

// Ends with { status, out, expired }. input is for the standard input.
export function command (argv, { input, timeout, ...options } = {}) {
  return new Promise((resolve) => {
    const child = spawn(argv[0], argv.slice(1), { ...options, stdio: ['pipe', 'pipe', 'pipe'] })
    const out = []
    let expired = false
    const clock = timeout && setTimeout(() => { expired = true; child.kill('SIGKILL') }, timeout)
    child.stdout.on('data', (bytes) => out.push(bytes))
    child.stderr.on('data', (bytes) => options.loud && process.stderr.write(bytes))
    child.stdin.on('error', () => {})
    child.stdin.end(input ?? '')
    child.on('close', (status) => {
      clearTimeout(clock)
      resolve({ status, expired, out: Buffer.concat(out).toString() })
    })
  })
}

// jobs things at a time; work gets each thing and the number of who does it.
export async function sideBySide (jobs, things, work) {
  let next = 0
  const one = async (who) => { while (next < things.length) await work(things[next++], who) }
  await Promise.all(Array.from({ length: jobs }, (_, who) => one(who)))
}

export class Programs {
  // source: the source tree; build: a configured build tree, which is only asked for its lists; work:
  // where everything goes; flags: of the compiler; addresses: KiB a test may have
  constructor ({ source, build, work, jobs }, { name, flags, addresses }) {
    Object.assign(this, { source, build, jobs, flags, addresses, name, work: path.join(work, name) })
    this.objects = new Map() // .c file of the library: object
  }

  list (name) {
    return spawnSync('make', ['-s', `print-${name}`], { cwd: this.build }).stdout.toString().split('\n').filter(Boolean)
  }

  cc (args, options = {}) {
    return command([...(process.env.CC ?? 'gcc').split(' '), ...args], { cwd: this.source, ...options })
  }

  // A file of the library from a text: under its own name, so that __FILE__ and __LINE__ stay. Answers
  // whether it compiles.
  async compile (object, file, text, flags = this.flags, options = {}) {
    mkdirSync(path.dirname(object), { recursive: true })
    const args = [...FLAGS, ...flags, '-iquote', path.dirname(file), '-c', '-o', object, '-x', 'c', '-']
    return (await this.cc(args, { input: `#line 1 "${file}"\n${text}`, ...options })).status === 0
  }

  async shared (library, objects, flags = this.flags) {
    mkdirSync(path.dirname(library), { recursive: true })
    return (await this.cc(['-shared', '-Wl,-soname,libtuffet.so', '-o', library, ...objects, ...flags, ...LIBS])).status === 0
  }

  // Everything once, without any change. names: the tests' programs.
  async prepare (names) {
    const sources = this.list('libtuffet_la_SOURCES').filter((name) => name.endsWith('.c'))
    this.good = path.join(this.work, 'good')
    for (const file of sources) this.objects.set(file, path.join(this.good, file.replace(/\.c$/, '.o')))
    await sideBySide(this.jobs, sources, async (file) => {
      const text = readFileSync(path.join(this.source, file), 'utf8')
      if (this.stale(this.objects.get(file), [file])) {
        if (!await this.compile(this.objects.get(file), file, text, this.flags, { loud: true })) throw new Error(`${file} does not compile`)
      }
    })
    if (!await this.shared(path.join(this.good, 'libtuffet.so'), [...this.objects.values()])) throw new Error('it does not link')
    const uses = names.map((name) => [name, [...new Set([...this.list(`${name.replaceAll('/', '_')}_SOURCES`),
      'tests/lib/test.c', PICK])].filter((file) => file.endsWith('.c'))])
    const objectOf = (file) => path.join(this.work, file.replace(/\.c$/, '.o'))
    await sideBySide(this.jobs, [...new Set(uses.flatMap(([, files]) => files))], async (file) => {
      if (!this.stale(objectOf(file), [file])) return
      mkdirSync(path.dirname(objectOf(file)), { recursive: true })
      const done = await this.cc([...FLAGS, ...this.flags, '-c', '-o', objectOf(file), file], { loud: true })
      if (done.status !== 0) throw new Error(`${file} does not compile`)
    })
    await sideBySide(this.jobs, uses, async ([name, files]) => {
      if (!this.stale(this.program(name), files.map(objectOf))) return
      const done = await this.cc([...this.flags, '-Wl,--wrap=_tcase_add_test', '-rdynamic', '-o', this.program(name),
        ...files.map(objectOf), path.join(this.good, 'libtuffet.so'), ...LIBS], { loud: true })
      if (done.status !== 0) throw new Error(`${name} does not link`)
    })
  }

  program (name) {
    return path.join(this.work, name.replaceAll('/', '_'))
  }

  // Whether something is older than what it is made of: the file itself and all headers.
  stale (made, files) {
    if (!this.headers) {
      const { stdout } = spawnSync('git', ['ls-files', '-co', '--exclude-standard', '*.h'], { cwd: this.source })
      this.headers = Math.max(...stdout.toString().split('\n').filter(Boolean).map((file) => this.time(file)))
    }
    return !existsSync(made) || statSync(made).mtimeMs < Math.max(this.headers, ...files.map((file) => this.time(file)))
  }

  time (file) {
    return statSync(path.resolve(this.source, file)).mtimeMs
  }

  environment (folder) {
    return {
      ...process.env,
      LD_LIBRARY_PATH: folder,
      TUF_VERIFY: '1',
      TUF_SRCDIR: this.source,
      TUF_BUILDDIR: this.build,
      CK_FORK: 'no',
      ASAN_OPTIONS: 'hard_rss_limit_mb=3000'
    }
  }

  // The tests of a libcheck program: [{ name, pick }].
  async tests (name) {
    const { out } = await command([this.program(name)], { env: { ...this.environment(this.good), TUF_PICK: 'list' } })
    return out.split('\n').filter((line) => /^\w+ -?\d+ -?\d+$/.test(line)).map((pick) => ({ name, pick, args: [] }))
  }

  // Runs a test with the libtuffet.so of a folder: { ok, expired, seconds }. seconds: what it may take, ten
  // times over.
  async run ({ name, pick, args }, folder, seconds, more = {}) {
    const tmp = mkdtempSync(path.join(this.work, 'tmp-'))
    const limits = [String(Math.ceil(Math.max(3, 10 * seconds))), this.addresses]
    const start = Date.now()
    const done = await command(['sh', '-c', LIMITS, 'sh', ...limits, this.program(name), ...args], {
      cwd: tmp,
      timeout: 1000 * Math.max(60, 40 * seconds),
      env: { ...this.environment(folder), TMPDIR: tmp, ...(pick && { TUF_PICK: pick }), ...more }
    })
    rmSync(tmp, { recursive: true, force: true })
    return { ok: done.status === 0, expired: done.expired, seconds: (Date.now() - start) / 1000 }
  }

  // Makes a mutant's library in a folder: 'made', or 'refused' by the compiler, or the 'same' code.
  async make (folder, file, text) {
    const object = path.join(folder, 'mutant.o')
    if (!await this.compile(object, file, text)) return 'refused'
    if (md5(readFileSync(object)) === md5(readFileSync(this.objects.get(file)))) return 'same'
    const objects = [...this.objects].map(([name, good]) => name === file ? object : good)
    return await this.shared(path.join(folder, 'libtuffet.so'), objects) ? 'made' : 'refused'
  }
}
