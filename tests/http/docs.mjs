// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: runs the commands of docs/migrating-from-couchdb.md, scaling.md and raspberry-pi.md as they stand
// there, but for names of machines. A second tuffetd stands for the CouchDB of the examples.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { ask, startOther } from './operation.mjs'

const docs = path.join(import.meta.dirname, '../../docs')
const page = (name) => readFileSync(path.join(docs, name), 'utf8')

// Blocks of indented lines that have this text.
const blocks = (name, text) => page(name).split(/\n\n(?! {4})/).flatMap((part) => part.split(/\n(?=\S)/))
  .flatMap((part) => part.match(/(?:^ {4}.*\n?|^\n)+/gm) ?? []).filter((block) => block.includes(text))
  .map((block) => block.replace(/^ {4}/gm, '').trim())

const block = (name, text) => {
  const [found] = blocks(name, text)
  assert.ok(found, `${name} has ${text}`)
  return found
}

const until = async (what, check) => {
  for (const end = Date.now() + 120000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 100))) {
    if (await check()) return
  }
  assert.fail(`waited too long until ${what}`)
}

async function startCouch (server) {
  const ini = path.join(server.dir, 'couch.ini')
  writeFileSync(ini, '[admins]\nadmin = PASSWORD\n[chttpd_auth]\niterations = 10\n')
  const couch = await startOther(server, ['--config', ini], {}, 'couch')
  const at = (method, target, body) => ask(couch, method, target, body && JSON.stringify(body), { user: 'admin:PASSWORD' })
  await at('PUT', '/_users')
  await at('PUT', '/_users/org.couchdb.user:ann', { name: 'ann', type: 'user', roles: [], password: 'curds' })
  for (const db of ['notes', 'recipes']) {
    await at('PUT', `/${db}`)
    await at('PUT', `/${db}/one`, { of: db })
    await at('PUT', `/${db}/_security`, { admins: { names: ['ann'], roles: [] }, members: { names: ['ann'], roles: [] } })
  }
  return { couch, at }
}

// A command line with the machines of this test; `sh` must end with 0.
function run (server, couch, text) {
  const there = `http://admin:PASSWORD@127.0.0.1:${couch.port}`
  const script = text.replace(/https:\/\/\w+:PASSWORD@[a-z]+\.example:6984/g, there)
    .replaceAll('admin:SECRET@', 'admin:secret@').replaceAll('localhost:5984', `127.0.0.1:${server.port}`).replace('-u admin ', '-u admin:secret ').replace('/DB/', '/notes/')
  return execFileSync('sh', ['-ec', `COUCH=${there} TUFFET=http://admin:secret@127.0.0.1:${server.port}\n${script}`], { stdio: ['ignore', 'pipe', 'pipe'] }).toString()
}

export const docsBehaviours = [
  {
    name: 'docs/migrating-from-couchdb.md: its commands move a server',
    async run (server) {
      const name = 'migrating-from-couchdb.md'
      const { couch } = await startCouch(server)
      assert.match(run(server, couch, block(name, '/_all_dbs')), /"notes","recipes"[^]*"rows":\[/)
      const ini = path.join(server.dir, 'local.d')
      mkdirSync(ini)
      writeFileSync(path.join(ini, '10.ini'), '[admins]\nold = -pbkdf2-016eadbcc1f08986d340431dad8d25ee574e0707,0123456789abcdef0123456789abcdef,10\n')
      for (const line of block(name, '--check-config').split('\n')) {
        const args = line.split(' ').slice(1).map((word) => word.replace('/etc/tuffet/local.d', ini).replace('/var/lib/tuffet', server.dir))
        const { status, stdout } = spawnSync(server.program, args)
        assert.equal(status, 0, line)
        if (line.includes('print')) assert.match(String(stdout), /old = \*{4}/)
      }
      assert.match(run(server, couch, block(name, '/_users\n')), /"docs_written":1/)
      assert.equal((await ask(server, 'GET', '/_session', undefined, { user: 'ann:curds' })).status, 200)
      assert.equal(run(server, couch, block(name, 'for db in')).match(/"docs_written":1/g).length, 2)
      for (const db of ['notes', 'recipes']) {
        assert.equal((await ask(server, 'GET', `/${db}/one`, undefined, { user: 'ann:curds' })).status, 200)
      }
      await couch.stop()
    }
  },
  {
    name: 'docs/scaling.md: its replication goes on, its proxy is understood, its metrics are there',
    async run (server) {
      const { couch, at } = await startCouch(server)
      await ask(server, 'PUT', '/_replicator')
      await ask(server, 'PUT', '/notes')
      await ask(server, 'PUT', '/notes/local', '{}')
      const command = block('scaling.md', 'notes-to-cluster')
      run(server, couch, command)
      await until('it is there', async () => (await at('GET', '/notes/local')).status === 200)
      const config = [...blocks('scaling.md', 'frontend notes'), ...blocks('scaling.md', 'backend primary'), ...blocks('scaling.md', 'backend copies')]
      const text = [...new Set(config)].join('\n').replace(/ ssl crt \S+/, '')
      const file = path.join(server.dir, 'haproxy.cfg')
      writeFileSync(file, `defaults\n    mode http\n    timeout client 90s\n    timeout connect 5s\n    timeout server 90s\n${text}\n`)
      const { status, stderr } = spawnSync('/usr/sbin/haproxy', ['-c', '-f', file])
      assert.equal(status, 0, String(stderr))
      const metrics = (await ask(server, 'GET', '/_node/_local/_prometheus')).body
      for (const [, metric] of page('scaling.md').matchAll(/`((?:tuffet|couchdb)_[a-z_]+)`/g)) assert.ok(metrics.includes(metric), metric)
      await couch.stop()
    }
  },
  {
    name: 'docs/raspberry-pi.md: its configuration is one, its copy is made, its dump works',
    async run (server) {
      const { couch, at } = await startCouch(server)
      const keys = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=x']
      execFileSync('openssl', ['req', ...keys, '-keyout', path.join(server.dir, 'key.pem'), '-out', path.join(server.dir, 'cert.pem')], { stdio: 'ignore' })
      const ini = path.join(server.dir, 'board.ini')
      writeFileSync(ini, block('raspberry-pi.md', '[chttpd]').replaceAll('/etc/tuffet', server.dir))
      assert.equal(spawnSync(server.program, ['--data-dir', server.dir, '--config', ini, '--loops', '1', '--workers', '2', '--check-config']).status, 0)
      await ask(server, 'PUT', '/_replicator')
      await ask(server, 'PUT', '/notes')
      await ask(server, 'PUT', '/notes/mine', '{}')
      const command = block('raspberry-pi.md', '_replicator/away')
      run(server, couch, command)
      await until('it is there', async () => (await at('GET', '/notes/mine')).status === 200)
      // The build for the thread sanitizer has no command of its own.
      const dir = path.dirname(server.program)
      const tuffet = [path.join(dir, 'tuffet'), path.join(dir, '../plain/tuffet')].find(existsSync)
      const dump = execFileSync(tuffet, ['dump', path.join(server.dir, 'data/notes.tuf')])
      assert.match(String(dump), /"mine"/)
      await couch.stop()
    }
  }
]
