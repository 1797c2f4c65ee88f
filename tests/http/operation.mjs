// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: the server as its operator sees it: configuration, environment, signals, logs.
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

export async function until (what, check, timeoutMs = 120000) {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await sleep(20)) {
    if (await check()) return
  }
  assert.fail(`waited too long until ${what}`)
}

export function ask (server, method, target, body, more = {}) {
  return new Promise((resolve, reject) => {
    const { user = 'admin:secret', port = server.port, socketPath, ...headers } = more
    if (user) headers.authorization ??= 'Basic ' + Buffer.from(user).toString('base64')
    headers['content-type'] ??= 'application/json'
    const where = socketPath ? { socketPath } : { host: '127.0.0.1', port }
    const req = http.request({ ...where, method, path: target, headers, agent: false }, (res) => {
      const parts = []
      res.on('data', (part) => parts.push(part))
      res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(parts).toString() }))
    })
    req.on('error', reject)
    req.end(body)
  })
}

// A server with arguments of its own, in another directory. Resolves when it ended and all it said has
// been read, or with { child, port } when it listens on `count` places.
export function startOther (server, args, env = {}, dir = 'other', listen = ['--listen', '127.0.0.1:0'], count = 1) {
  const clean = { ...process.env, ...env }
  for (const name of Object.keys(clean)) if (/^(COUCHDB_|NODENAME)/.test(name) && !(name in env)) delete clean[name]
  return new Promise((resolve) => {
    const child = spawn(server.program, ['--data-dir', path.join(server.dir, dir), ...listen, ...args], { env: clean })
    const other = { child, text: '', port: 0 }
    other.exited = new Promise((resolve) => child.on('close', (code) => { other.code = code; resolve(code) }))
    other.stop = () => { child.kill('SIGTERM'); return other.exited }
    const take = (data) => {
      other.text += data
      const ready = [...other.text.matchAll(/ready on \S+?(?::(\d+)\/)?\n/g)]
      if (ready.length < count) return
      other.port ||= Number(ready.find((line) => line[1])?.[1] ?? 0)
      resolve(other)
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    other.exited.then(() => resolve(other))
  })
}

const file = (server, name, text) => {
  const at = path.join(server.dir, name)
  mkdirSync(path.dirname(at), { recursive: true })
  writeFileSync(at, text)
  return at
}

export const operationBehaviours = [
  {
    name: 'a command line that is wrong is told, and so is a place where nobody can listen',
    async run (server) {
      const run = (...args) => spawnSync(server.program, args, { encoding: 'utf8', timeout: 120000 })
      const data = ['--data-dir', path.join(server.dir, 'line')]
      const many = (count, ...args) => Array.from({ length: count }, () => args).flat()
      const wrong = [[], ['--loops'], ['--bad'], ['more'],
        ...['0', '65', 'x', '-1', ''].flatMap((count) => [['--loops', count], ['--workers', count]]),
        ['--log-level', 'loud'], many(17, '--listen', '127.0.0.1:0'), many(33, '--config', 'a.ini'), many(65, '--set', 'a/b=c')]
      for (const [i, args] of wrong.entries()) {
        const { status, stdout, stderr } = run(...(i === 0 ? [] : data), ...args)
        assert.equal(status, 64, JSON.stringify(args))
        assert.match(stderr, /^usage: tuffetd --data-dir DIR/m, JSON.stringify(args))
        assert.equal(stdout, '')
      }
      assert.deepEqual([run('--help').status, run('--version').status], [0, 0])
      assert.match(run('--help').stdout, /^usage: tuffetd --data-dir DIR/)
      assert.match(run('--version').stdout, /^tuffetd \d+\.\d+/)
      const long = 'x'.repeat(300)
      const unusable = [
        [['--listen', 'nocolon'], /--listen wants ADDRESS:PORT, not "nocolon"/], [['--listen', '127.0.0.1:'], /--listen wants/],
        [['--listen', '127.0.0.1:70000'], /--listen wants/], [['--listen', '127.0.0.1:http'], /--listen wants/], [['--listen', `127.0.0.1:${'0'.repeat(99)}`], /--listen wants/], [['--listen', `${long}:1`], /--listen wants/],
        [['--set', 'nothing'], /--set wants SECTION\/KEY=VALUE, not "nothing"/], [['--set', `${long}${long}/k=v`], /--set wants/],
        [['--set', 'chttpd/enable=false'], /nothing to listen on/], [['--set', 'chttpd/port=70000'], /a port from 0 to 65535/],
        [['--set', `chttpd/bind_address=${long}`], /a bind_address is too long/],
        [['--set', `chttpd/bind_address=${many(40, '127.0.0.1').join()}`], /more than \d+ addresses to listen on/],
        [['--set', `chttpd/unix_socket=/${long}`], /unix_socket is longer than \d+ bytes/],
        [['--set', 'chttpd_auth/password_scheme=rot13'], /password_scheme wants pbkdf2 or simple, not "rot13"/],
        [['--config', '/does/not/exist.ini'], /there is no configuration file \/does\/not\/exist\.ini/]
      ]
      for (const [args, text] of unusable) {
        const { status, stderr } = run(...data, '--check-config', ...args)
        assert.equal(status, 78, `${args}: ${stderr}`)
        assert.match(stderr, text)
      }
      const admin = ['--set', 'admins/a=b', '--set', 'chttpd_auth/iterations=10', '--log-level', 'none']
      const nowhere = [['no.such.host.invalid:0', 1], ['192.0.2.1:0', 1], [`127.0.0.1:${server.port}`, 1]]
      for (const [place, code] of nowhere) {
        const { status, stderr } = run(...data, ...admin, '--listen', place)
        assert.equal(status, code, `${place}: ${stderr}`)
        assert.match(stderr, /cannot listen on /)
      }
      const { status, stderr } = run('--data-dir', `${server.dir}/${'d'.repeat(5000)}`, ...admin)
      assert.equal(status, 78)
      assert.match(stderr, /the data directory's path is too long/)
      assert.match(run('--data-dir', path.join(server.dir, 'test.ini', 'x'), ...admin).stderr, /cannot make the data directory/)
    }
  },
  {
    name: "logrotate takes the package's file: the log is put aside, opened again, packed",
    async run (server) {
      const packaged = readFileSync(new URL('../../packaging/tuffet.logrotate', import.meta.url), 'utf8')
      const dir = path.join(server.dir, 'log')
      const log = path.join(dir, 'tuffet.log')
      mkdirSync(dir)
      const other = await startOther(server, ['--config', file(server, 'rotate.ini',
        `[admins]\nadmin = secret\n[chttpd_auth]\niterations = 10\n[log]\nlevel = info\nwriter = file\nfile = ${log}\n`)])
      // systemd's part: the signal, to this server. A command that is not the unit's fails the rotation.
      const asked = path.join(server.dir, 'asked')
      const systemctl = file(server, 'bin/systemctl', `#!/bin/sh\necho "$*" >>${asked}\n` +
        `[ "$*" = "kill --signal=HUP --kill-whom=main tuffetd.service" ] && kill -HUP ${other.child.pid}\n`)
      chmodSync(systemctl, 0o755)
      const config = file(server, 'rotate.conf', packaged.replace('/var/log/tuffet/*.log', path.join(dir, '*.log')))
      chmodSync(config, 0o600)
      const rotate = () => execFileSync('logrotate', ['--force', '--state', path.join(server.dir, 'rotate.state'), config],
        { stdio: 'pipe', env: { ...process.env, PATH: `${path.join(server.dir, 'bin')}:/usr/sbin:/sbin:${process.env.PATH}` } })
      const has = (name, text) => existsSync(path.join(dir, name)) && readFileSync(path.join(dir, name), 'utf8').includes(text)
      await ask(other, 'GET', '/first', undefined, { port: other.port })
      await until('the first line is written', () => has('tuffet.log', '/first'))
      rotate()
      // The file is made a moment before it is written to.
      await until('the log is opened again', () => has('tuffet.log', 'read again'))
      await ask(other, 'GET', '/second', undefined, { port: other.port })
      await until('the second line is in the new file', () => has('tuffet.log', '/second'))
      assert.ok(has('tuffet.log.1', '/first') && !has('tuffet.log.1', '/second') && !has('tuffet.log', '/first'))
      rotate()
      await until('it is opened once more', () => has('tuffet.log', 'read again'))
      await ask(other, 'GET', '/third', undefined, { port: other.port })
      await until('the third line is in the newest file', () => has('tuffet.log', '/third'))
      assert.ok(has('tuffet.log.1', '/second'))
      assert.match(gunzipSync(readFileSync(path.join(dir, 'tuffet.log.2.gz'))).toString(), /\/first/)
      assert.equal(readFileSync(asked, 'utf8'), 'kill --signal=HUP --kill-whom=main tuffetd.service\n'.repeat(2))
      assert.equal(await other.stop(), 0)
    }
  },
  {
    name: 'what is wrong with a configuration is told with file and line',
    async run (server) {
      const cases = [
        ['[chttpd]\nport = 70000\n', /bad\.ini: line 2: \[chttpd\] port wants a port/],
        ['[chttpd]\n\nrequire_valid_user = yes\n', /bad\.ini: line 3: .*true or false, not "yes"/],
        ['[httpd]\nenable_cors = 1\n', /bad\.ini: line 2: .*true or false/],
        ['[couchdb]\nmax_document_size = 8MB\n', /bad\.ini: line 2: .*a number or infinity/],
        ['[log]\nlevel = loud\n', /bad\.ini: line 2: .*debug, info/],
        ['[log\n', /bad\.ini: line 1: neither a section nor a value/]
      ]
      for (const [text, wanted] of cases) {
        for (const mode of [['--check-config'], []]) {
          const { code, text: said } = await startOther(server, ['--config', file(server, 'bad.ini', text), ...mode])
          assert.equal(code, 78, text)
          assert.match(said, wanted)
        }
      }
      const good = await startOther(server, ['--config', file(server, 'good.ini', '[a]\nb = c\n[admins]\nx = y\n'), '--check-config'])
      assert.deepEqual([good.code, good.text], [0, ''])
      const put = await ask(server, 'PUT', '/_node/_local/_config/chttpd/require_valid_user', '"yes"')
      assert.equal(put.status, 400)
    }
  },
  {
    name: 'the last of files, directory, local.ini, environment and command line counts',
    async run (server) {
      const first = file(server, 'first.ini', '[t]\na = 1\nb = 1\nc = 1\nd = 1\n[admins]\nadmin = secret\n')
      file(server, 'local.d/10.ini', '[t]\nb = 2\nc = 2\nd = 2\n')
      file(server, 'local.d/20.ini', '[t]\nc = 3\n')
      file(server, 'local.d/notes.txt', 'no ini at all')
      file(server, 'other/local.ini', '[t]\nd = 4\ne = 4\n')
      const args = ['--config', first, '--config', path.join(server.dir, 'local.d'), '--set', 't/e=5', '--log-level', 'error']
      const other = await startOther(server, args, { COUCHDB_SECRET: 'from the environment', NODENAME: 'box.example' })
      const t = JSON.parse((await ask(other, 'GET', '/_node/_local/_config/t')).body)
      assert.deepEqual(t, { a: '1', b: '2', c: '3', d: '4', e: '5' })
      assert.equal((await ask(other, 'GET', '/_node/couchdb@box.example/_config/chttpd_auth/secret')).body, '"from the environment"\n')
      assert.match((await ask(other, 'GET', '/_membership')).body, /"couchdb@box\.example"/)
      // What was set from outside the files stays, what a file says is read again.
      file(server, 'local.d/20.ini', '[t]\nc = 33\n')
      file(server, 'other/local.ini', '[t]\nd = 4\ne = 4\n[admins]\nadmin = secret\n')
      assert.equal((await ask(other, 'POST', '/_node/_local/_config/_reload')).status, 200)
      assert.deepEqual(JSON.parse((await ask(other, 'GET', '/_node/_local/_config/t')).body), { a: '1', b: '2', c: '33', d: '4', e: '5' })
      await other.stop()
    }
  },
  {
    name: 'admins, secrets and names can come from files of a container',
    async run (server) {
      const env = {
        COUCHDB_USER_FILE: file(server, 'user', 'boss\n'),
        COUCHDB_PASSWORD_FILE: file(server, 'password', 'pass word\r\n'),
        COUCHDB_SECRET_FILE: file(server, 'secret', 's3cret\n')
      }
      const other = await startOther(server, ['--log-level', 'error', '--set', 'chttpd_auth/iterations=10'], env)
      assert.equal((await ask(other, 'GET', '/_all_dbs', undefined, { user: 'boss:pass word' })).status, 200)
      assert.equal((await ask(other, 'GET', '/_node/_local/_config/chttpd_auth/secret', undefined, { user: 'boss:pass word' })).body, '"s3cret"\n')
      await other.stop()
      const missing = await startOther(server, [], { COUCHDB_USER: 'a', COUCHDB_PASSWORD_FILE: '/nonexistent' })
      assert.equal(missing.code, 1)
      assert.match(missing.text, /\/nonexistent, the file of COUCHDB_PASSWORD_FILE/)
    }
  },
  {
    name: 'the whole configuration is printed without its secrets',
    async run (server) {
      const ini = file(server, 'p.ini', '[admins]\nann = canary1\n[chttpd_auth]\nsecret = canary2\n[jwt_keys]\nhmac:x = canary3\n[replicator]\npassword = canary4\n[t]\nkey = canary5\nshown = yes\n')
      const { code, text } = await startOther(server, ['--config', ini, '--print-config'])
      assert.equal(code, 0)
      assert.match(text, /\[t\]\nkey = \*{4}\nshown = yes/)
      assert.doesNotMatch(text, /canary/)
    }
  },
  {
    name: 'SIGHUP reads the configuration again; one with a fault changes nothing',
    async run (server) {
      const ini = file(server, 'h.ini', '[admins]\nadmin = secret\n[t]\na = 1\n')
      const other = await startOther(server, ['--config', ini])
      const value = async () => (await ask(other, 'GET', '/_node/_local/_config/t/a')).body
      file(server, 'h.ini', '[admins]\nadmin = secret\n[t]\na = 2\n')
      other.child.kill('SIGHUP')
      await until('it was read', async () => await value() === '"2"\n')
      file(server, 'h.ini', '[admins]\nadmin = secret\n[t]\na = 3\n[chttpd]\nport = x\n')
      other.child.kill('SIGHUP')
      await until('the fault is told', () => /h\.ini: line 6/.test(other.text))
      assert.equal(await value(), '"2"\n')
      await other.stop()
    }
  },
  {
    name: 'a log in a file is opened again after it was renamed, and its level can change',
    async run (server) {
      const log = path.join(server.dir, 'x.log')
      const ini = file(server, 'l.ini', `[admins]\nadmin = secret\n[log]\nwriter = file\nfile = ${log}\n`)
      const other = await startOther(server, ['--config', ini])
      await ask(other, 'GET', '/_up?one')
      await until('the first line', () => /GET \/_up\?one 200 ok \d+\n/.test(readFileSync(log, 'utf8')))
      renameSync(log, log + '.1')
      other.child.kill('SIGHUP')
      await until('the new file', () => { try { return readFileSync(log, 'utf8').includes('read again') } catch { return false } })
      await ask(other, 'PUT', '/_node/_local/_config/log/level', '"error"')
      await ask(other, 'GET', '/_up?two')
      assert.doesNotMatch(readFileSync(log, 'utf8'), /two/)
      assert.equal((await ask(other, 'PUT', '/_node/_local/_config/log/file', '"/tmp/x"')).status, 403)
      await other.stop()
    }
  },
  {
    name: 'a log of JSON has one object in a line, and no secret',
    async run (server) {
      const ini = file(server, 'j.ini', '[admins]\nadmin = secret\n[log]\njson = true\n')
      const other = await startOther(server, ['--config', ini])
      other.text = ''
      await ask(other, 'GET', '/_up?a="\u0001&password=canary', undefined, { 'x-couch-request-id': 'mine' }).catch(() => {})
      await ask(other, 'GET', '/_up?password=canary&url=http://u:canary@host/x', undefined, { 'x-couch-request-id': 'mine' })
      await until('the line', () => other.text.includes('"mine"'))
      for (const line of other.text.trim().split('\n')) JSON.parse(line)
      const entry = other.text.trim().split('\n').map((l) => JSON.parse(l)).find((e) => e.id === 'mine')
      assert.deepEqual({ ...entry, time: 0, ms: 0, host: '', peer: '' }, {
        time: 0, level: 'notice', node: 'nonode@nohost', message: 'request', id: 'mine', host: '', peer: '', user: 'admin', method: 'GET',
        target: '/_up?password=****&url=http://********@host/x', status: 200, outcome: 'ok', ms: 0
      })
      assert.doesNotMatch(other.text, /canary/)
      await other.stop()
    }
  },
  {
    name: 'slow requests are told, feeds are not slow',
    async run (server) {
      const ini = file(server, 's.ini', '[admins]\nadmin = secret\n[log]\nlevel = warning\nslow_request_ms = 50\n[chttpd_auth]\niterations = 1500000\n')
      const other = await startOther(server, ['--config', ini])
      await ask(other, 'PUT', '/db')
      await ask(other, 'GET', '/db/_changes?feed=longpoll&timeout=200&since=now')
      await ask(other, 'GET', '/_all_dbs', undefined, { user: 'admin:wrong' })
      await until('the login is told', () => /\[warning\] .* slow request: .* GET \/_all_dbs 401 ok \d+/.test(other.text))
      assert.doesNotMatch(other.text, /longpoll/)
      await other.stop()
    }
  }
]
