// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: runs the table-driven HTTP tests. The format is in README.md. Raw sockets, no packages.
import { readFileSync, readdirSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import { behaviours } from './behaviour.mjs'
import { accountBehaviours } from './accounts.mjs'
import { compactionBehaviours } from './compaction.mjs'
import { docsBehaviours } from './docs.mjs'
import { feedBehaviours } from './feeds.mjs'
import { networkBehaviours } from './network.mjs'
import { openRevsBehaviours } from './openrevs.mjs'
import { operationBehaviours } from './operation.mjs'
import { replicationBehaviours } from './replication.mjs'
import { remotesBehaviours } from './remotes.mjs'
import { replicatorBehaviours } from './replicator.mjs'
import { weaknessBehaviours } from './weakness.mjs'
import { walkLogins, walkRights } from './rights.mjs'
import { Server } from './server.mjs'

const here = path.dirname(fileURLToPath(import.meta.url))
const ANSWER_TIMEOUT_MS = 120000
const CLOSE_TIMEOUT_MS = 12000 // less than any time-out of the server
const UNTIL_MS = 120000

// ---- reading test files -------------------------------------------------------------------

function unescape (text) {
  const out = []
  const repeat = /\\\*(\d+)\{([^}]*)\}/g
  text = text.replace(repeat, (_, count, part) => part.repeat(Number(count)))
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '\\') {
      out.push(...Buffer.from(text[i]))
      continue
    }
    const c = text[++i]
    const plain = { r: 13, n: 10, t: 9, 0: 0, '\\': 92 }[c]
    if (plain !== undefined) out.push(plain)
    else if (c === 'x') out.push(parseInt(text.slice(i + 1, (i += 2) + 1), 16))
    else throw new Error(`unknown escape \\${c}`)
  }
  return Buffer.from(out)
}

// A file is a list of items: { kind: 'directive' | 'case', ... }; a case has exchanges.
function parseFile (file) {
  const items = []
  let current = null
  let exchange = null
  let section = 'head'
  const newExchange = (line, raw) => {
    if (!current) throw new Error(`${file}:${line}: request outside a case`)
    exchange = { line, raw, parts: [], request: null, headers: [], body: null, expect: [], ends: null }
    current.exchanges.push(exchange)
    section = 'head'
  }
  readFileSync(file, 'utf8').split('\n').forEach((text, index) => {
    const line = index + 1
    if (text === '' || text.startsWith('#')) return
    if (text.startsWith('== ')) {
      current = { kind: 'case', name: text.slice(3), line, exchanges: [] }
      items.push(current)
      exchange = null
    } else if (text.startsWith('@')) {
      items.push({ kind: 'directive', line, words: text.slice(1) })
      current = exchange = null
    } else if (text.startsWith('>>')) {
      if (!exchange || !exchange.raw || exchange.expect.length > 0) newExchange(line, true)
      const later = text.startsWith('>>+')
      exchange.parts.push({ later, text: text.slice(later ? 4 : 3) })
    } else if (text.startsWith('>')) {
      if (!exchange || exchange.raw || exchange.expect.length > 0) newExchange(line, false)
      readRequestLine(exchange, text.slice(2), text)
    } else if (text.startsWith('<')) {
      if (!exchange) throw new Error(`${file}:${line}: expectation without a request`)
      section = readExpectation(exchange, text, section, `${file}:${line}`)
    } else {
      throw new Error(`${file}:${line}: cannot read this line`)
    }
  })
  return items
}

function readRequestLine (exchange, text, whole) {
  if (exchange.request === null) exchange.request = text
  else if (exchange.body !== null) exchange.body.push(text.endsWith('\\r') ? text.slice(0, -2) + '\r' : text)
  else if (whole.trim() === '>') exchange.body = []
  else exchange.headers.push(text)
}

function readExpectation (exchange, text, section, where) {
  const rest = text.slice(2)
  const last = exchange.expect.at(-1)
  if (text.startsWith('<~ ')) last.matches.push(text.slice(3))
  else if (text.startsWith('<!~ ')) last.avoids.push(text.slice(4))
  else if (text.startsWith('<= ')) last.keeps.push(text.slice(3))
  else if (rest === 'closed' || rest === 'open') exchange.ends = rest
  else if (/^\d{3}$/.test(rest) && !(section === 'body')) {
    exchange.expect.push({ status: Number(rest), headers: [], body: null, matches: [], avoids: [], keeps: [] })
    return 'head'
  } else if (!last) throw new Error(`${where}: expectation without a status`)
  else if (section === 'body') last.body.push(rest)
  else if (text.trim() === '<') {
    last.body = []
    return exchange.raw ? 'body-raw' : 'body'
  } else if (section === 'body-raw') {
    if (/^\d{3}$/.test(rest)) throw new Error(`${where}: ambiguous`)
    last.body.push(rest)
  } else last.headers.push(rest)
  return section
}

// ---- answers ------------------------------------------------------------------------------

// Takes one answer off the bytes: { status, headers, body, rest }, or null if it is incomplete.
function takeAnswer (bytes, ended, isHead) {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return null
  const lines = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const status = Number(lines[0].split(' ')[1])
  const headers = lines.slice(1)
  const find = (name) => headers.find((h) => h.toLowerCase().startsWith(name + ':'))?.slice(name.length + 1).trim()
  const rest = bytes.subarray(end + 4)
  const done = (body, left) => ({ status, headers, body, rest: left, complete: true })
  if (status === 100) return done(Buffer.alloc(0), rest)
  if (isHead || status === 304 || status === 204) return done(Buffer.alloc(0), rest)
  const length = find('content-length')
  if (length !== undefined) {
    if (rest.length < Number(length)) return ended ? { ...done(rest, Buffer.alloc(0)), complete: false } : null
    return done(rest.subarray(0, Number(length)), rest.subarray(Number(length)))
  }
  if (find('transfer-encoding') === 'chunked') return takeChunks(done, rest, ended)
  return ended ? done(rest, Buffer.alloc(0)) : null
}

function takeChunks (done, bytes, ended) {
  const parts = []
  for (;;) {
    const eol = bytes.indexOf('\r\n')
    const size = eol < 0 ? NaN : parseInt(bytes.subarray(0, eol).toString('latin1'), 16)
    if (Number.isNaN(size) || bytes.length < eol + 2 + size + 2) {
      return ended ? { ...done(Buffer.concat(parts), Buffer.alloc(0)), complete: false } : null
    }
    if (size === 0) return done(Buffer.concat(parts), bytes.subarray(eol + 4))
    parts.push(bytes.subarray(eol + 2, eol + 2 + size))
    bytes = bytes.subarray(eol + 2 + size + 2)
  }
}

// Sends parts and collects `count` answers; then waits a moment for more or for the end.
function talk (port, parts, count, isHead, watchEnd) {
  return new Promise((resolve) => {
    let bytes = Buffer.alloc(0)
    let ended = false
    const answers = []
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    let timer = setTimeout(() => finish('no answer in time'), ANSWER_TIMEOUT_MS)
    function finish (problem) {
      clearTimeout(timer)
      socket.destroy()
      resolve({ answers, ended, left: bytes, problem })
    }
    function settle () {
      if (ended) return finish()
      clearTimeout(timer)
      timer = setTimeout(() => finish(), watchEnd === 'closed' ? CLOSE_TIMEOUT_MS : 300)
    }
    function look () {
      for (;;) {
        const answer = takeAnswer(bytes, ended, isHead)
        if (!answer) break
        bytes = answer.rest
        answers.push(answer)
      }
      if (ended) finish()
      else if (answers.length >= count && watchEnd) settle()
      else if (answers.length >= count) finish()
    }
    socket.on('data', (data) => { bytes = Buffer.concat([bytes, data]); look() })
    socket.on('end', () => { ended = true; look() })
    socket.on('error', () => { ended = true; look() })
    socket.on('connect', async () => {
      for (const part of parts) {
        if (part.later) await new Promise((r) => setTimeout(r, 100))
        if (!socket.destroyed) socket.write(part.bytes)
      }
    })
  })
}

// ---- comparing ----------------------------------------------------------------------------

function pattern (text) {
  return text.split('%*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('[\\s\\S]*?')
}

function compareHeader (answer, wanted) {
  if (wanted.startsWith('!')) {
    const found = answer.headers.find((h) => h.toLowerCase().startsWith(wanted.slice(1).toLowerCase() + ':'))
    return found ? `header that must not be there: ${found}` : null
  }
  const name = wanted.slice(0, wanted.indexOf(':')).toLowerCase()
  const value = new RegExp('^' + pattern(wanted.slice(name.length + 1).trim()) + '$')
  const fits = answer.headers.some((h) => {
    const colon = h.indexOf(':')
    return h.slice(0, colon).toLowerCase() === name && value.test(h.slice(colon + 1).trim())
  })
  return fits ? null : `no header "${wanted}" in ${JSON.stringify(answer.headers)}`
}

function compare (answer, wanted, variables) {
  const fill = (text) => fillIn(text, variables)
  const body = answer.body.toString('utf8').replaceAll('\r\n', '\n').replace(/\n$/, '')
  const problems = []
  if (answer.status !== wanted.status) problems.push(`status ${answer.status}, expected ${wanted.status}; body ${body.slice(0, 300)}`)
  for (const header of wanted.headers) {
    const problem = compareHeader(answer, fill(header))
    if (problem) problems.push(problem)
  }
  if (!answer.complete) problems.push('the answer was cut')
  if (wanted.body !== null) {
    const text = fill(wanted.body.join('\n')).replace(/\n$/, '')
    if (!new RegExp('^' + pattern(text) + '$').test(body)) problems.push(`body ${JSON.stringify(body.slice(0, 2000))}\n      expected ${JSON.stringify(text)}`)
  }
  for (const regex of wanted.matches) {
    if (!new RegExp(fill(regex)).test(body)) problems.push(`body does not match ${regex}: ${JSON.stringify(body.slice(0, 1000))}`)
  }
  for (const regex of wanted.avoids) {
    if (new RegExp(fill(regex)).test(body)) problems.push(`body matches ${regex}: ${JSON.stringify(body.slice(0, 1000))}`)
  }
  for (const keep of wanted.keeps) {
    const space = keep.indexOf(' ')
    const found = new RegExp(keep.slice(space + 1)).exec(answer.headers.join('\n') + '\n\n' + body)
    if (found) variables.set(keep.slice(0, space), found[1])
    else problems.push(`nothing to keep as ${keep}: ${body.slice(0, 300)}`)
  }
  return problems
}

function fillIn (text, variables) {
  return text.replace(/\$\(([A-Za-z0-9_]+)\)/g, (whole, name) => variables.get(name) ?? whole)
}

// ---- running ------------------------------------------------------------------------------

function buildRequest (exchange, state) {
  const fill = (text) => fillIn(text, state.variables)
  const given = exchange.headers.map(fill)
  const has = (name) => given.some((h) => h.toLowerCase().startsWith(name + ':'))
  const body = exchange.body === null ? null : Buffer.from(fill(exchange.body.join('\n')))
  const lines = [fill(exchange.request) + ' HTTP/1.1']
  if (!has('host')) lines.push(`Host: 127.0.0.1:${state.server.port}`)
  if (!has('connection')) lines.push('Connection: close')
  if (state.user && !has('authorization') && !has('cookie')) {
    lines.push('Authorization: Basic ' + Buffer.from(state.user).toString('base64'))
  }
  lines.push(...given.filter((h) => !/^authorization:\s*-$/i.test(h)))
  if (body !== null && !has('content-length') && !has('transfer-encoding')) lines.push(`Content-Length: ${body.length}`)
  return Buffer.concat([Buffer.from(lines.join('\r\n') + '\r\n\r\n'), body ?? Buffer.alloc(0)])
}

async function runExchange (exchange, state) {
  let parts
  if (exchange.raw) {
    parts = exchange.parts.map((p) => ({ later: p.later, bytes: unescape(fillIn(p.text, state.variables)) }))
  } else {
    parts = [{ later: false, bytes: buildRequest(exchange, state) }]
  }
  const isHead = exchange.raw ? /^HEAD /.test(exchange.parts[0].text) : exchange.request.startsWith('HEAD ')
  const watch = exchange.raw ? exchange.ends ?? 'any' : null
  const result = await talk(state.server.port, parts, exchange.expect.length, isHead, watch)
  const problems = []
  if (result.problem) problems.push(result.problem)
  exchange.expect.forEach((wanted, index) => {
    const answer = result.answers[index]
    if (!answer) problems.push(`answer ${index + 1} is missing; left ${JSON.stringify(result.left.toString('latin1').slice(0, 200))}`)
    else problems.push(...compare(answer, wanted, state.variables))
  })
  if (exchange.raw && result.answers.length > exchange.expect.length) problems.push(`${result.answers.length} answers, expected ${exchange.expect.length}`)
  if (exchange.ends === 'closed' && !result.ended) problems.push('the connection is still open')
  if (exchange.ends === 'open' && result.ended) problems.push('the connection was closed')
  return problems.map((p) => `line ${exchange.line}: ${p}`)
}

// After @until a question is asked again while it is answered otherwise.
async function runUntil (exchange, state) {
  const asks = state.until && /^(GET|HEAD) /.test(exchange.request ?? '')
  for (const end = Date.now() + UNTIL_MS; ;) {
    const problems = await runExchange(exchange, state)
    if (problems.length === 0 || !asks || Date.now() > end) return problems
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function runDirective (item, state) {
  const [word, ...rest] = item.words.split(' ')
  if (word === 'user') state.user = rest[0] === '-' ? null : rest.join(' ')
  else if (word === 'until') state.until = true
  else if (word === 'wait') await new Promise((resolve) => setTimeout(resolve, Number(rest[0])))
  else if (word === 'restart') {
    const code = await state.server.stop()
    if (code !== 0) throw new Error(`the server exited with ${code} on SIGTERM: ${state.server.errors}`)
    await state.server.start()
  } else if (word !== 'ini') throw new Error(`unknown directive @${word}`)
}

function iniOf (items) {
  return items.filter((i) => i.kind === 'directive' && i.words.startsWith('ini ')).map((i) => {
    const [, section, setting] = /^ini \[([^\]]+)\] (.*)$/.exec(i.words)
    return { section, setting }
  })
}

async function runFile (file, options, totals) {
  const items = parseFile(file)
  const state = { server: new Server(options.server, iniOf(items)), user: 'admin:secret', until: false, variables: new Map() }
  const report = (name, problems) => {
    totals[problems.length === 0 ? 'passed' : 'failed']++
    if (problems.length > 0) console.log(`FAIL ${path.basename(file)}: ${name}\n    ${problems.join('\n    ')}`)
    else if (options.verbose) console.log(`ok   ${path.basename(file)}: ${name}`)
  }
  try {
    await state.server.start()
    for (const item of items) {
      if (item.kind === 'directive') {
        await runDirective(item, state)
        continue
      }
      const problems = []
      for (const exchange of item.exchanges) problems.push(...await runUntil(exchange, state))
      state.until = false
      report(`${item.name} (line ${item.line})`, problems)
    }
    const code = await state.server.stop()
    report('the server stops cleanly', code === 0 ? [] : [`exit ${code}: ${state.server.errors}`])
  } catch (error) {
    report('the file runs to its end', [String(error), state.server.errors.slice(-3000)])
    state.server.child?.kill('SIGKILL')
  } finally {
    state.server.remove()
  }
}

async function runBehaviours (options, totals) {
  const sets = { 'behaviour.mjs': behaviours, 'feeds.mjs': feedBehaviours, 'replication.mjs': replicationBehaviours, 'openrevs.mjs': openRevsBehaviours, 'remotes.mjs': remotesBehaviours, 'replicator.mjs': replicatorBehaviours, 'operation.mjs': operationBehaviours, 'network.mjs': networkBehaviours, 'weakness.mjs': weaknessBehaviours, 'compaction.mjs': compactionBehaviours, 'accounts.mjs': accountBehaviours, 'docs.mjs': docsBehaviours }
  const wanted = Object.entries(sets).filter(([name]) => all || options.files.some((f) => f.endsWith(name)))
  for (const { name, ini, run } of wanted.flatMap(([, list]) => list)) {
    if (!name.includes(options.match)) continue
    const server = new Server(options.server, ini ?? [])
    let problem = null
    try {
      await server.start()
      await run(server)
      const code = server.child.exitCode ?? await server.stop()
      if (code !== 0) problem = `exit ${code}`
    } catch (error) {
      problem = error.stack
      server.child?.kill('SIGKILL')
    } finally {
      server.remove()
    }
    totals[problem ? 'failed' : 'passed']++
    if (problem) console.log(`FAIL behaviour: ${name}\n    ${problem}\n    ${server.errors.slice(-3000)}`)
    else if (options.verbose) console.log(`ok   behaviour: ${name}`)
  }
}

// Walks of the route table: every request is a case.
async function runWalks (options, totals) {
  const walks = [
    { ini: [], walk: (server, report) => walkRights(server, report) },
    { ini: [{ section: 'chttpd', setting: 'require_valid_user = true' }], walk: (server, report) => walkLogins(server, report, false) },
    { ini: [{ section: 'chttpd', setting: 'require_valid_user_except_for_up = true' }], walk: (server, report) => walkLogins(server, report, true) }
  ]
  for (const { ini, walk } of walks) {
    const server = new Server(options.server, ini)
    const report = (name, problem) => {
      totals[problem ? 'failed' : 'passed']++
      if (problem) console.log(`FAIL rights: ${name}: ${problem}`)
      else if (options.verbose) console.log(`ok   rights: ${name}`)
    }
    try {
      await server.start()
      await walk(server, report)
      const code = await server.stop()
      report('the server stops cleanly', code === 0 ? null : `exit ${code}: ${server.errors}`)
    } catch (error) {
      report('the walk comes to its end', `${error.stack}\n${server.errors.slice(-3000)}`)
      server.child?.kill('SIGKILL')
    } finally {
      server.remove()
    }
  }
}

const options = { server: null, verbose: false, match: '', files: [] }
for (let i = 2; i < process.argv.length; i++) {
  const arg = process.argv[i]
  if (arg === '--server') options.server = path.resolve(process.argv[++i])
  else if (arg === '--match') options.match = process.argv[++i] // of behaviours: those whose name has this
  else if (arg === '-v') options.verbose = true
  else options.files.push(arg)
}
if (!options.server) {
  console.error('usage: run.mjs --server PATH [-v] [--match TEXT] [FILE.t | behaviour.mjs ...]')
  process.exit(2)
}
const all = options.files.length === 0
if (all) {
  options.files = readdirSync(here).filter((f) => f.endsWith('.t')).sort().map((f) => path.join(here, f))
}
const totals = { passed: 0, failed: 0 }
for (const file of options.files.filter((f) => f.endsWith('.t'))) await runFile(file, options, totals)
await runBehaviours(options, totals)
if (all || options.files.some((f) => f.endsWith('rights.mjs'))) await runWalks(options, totals)
console.log(`${totals.passed} passed, ${totals.failed} failed`)
process.exit(totals.failed === 0 ? 0 : 1)
