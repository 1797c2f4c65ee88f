// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: accounts: second factors, rules for passwords, stronger hashes, changed secrets, public fields.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'

import { ask } from './operation.mjs'

const config = async (server, name, value) =>
  assert.equal((await ask(server, 'PUT', `/_node/_local/_config/${name}`, JSON.stringify(value))).status, 200, name)

const user = (server, name, more = {}) =>
  ask(server, 'PUT', `/_users/org.couchdb.user:${name}`, JSON.stringify({ name, type: 'user', roles: [], password: 'curds', ...more }))

const load = async (server, name) => JSON.parse((await ask(server, 'GET', `/_users/org.couchdb.user:${name}`)).body)

const logIn = (server, body) => ask(server, 'POST', '/_session', JSON.stringify(body), { user: '' })

const whoIs = async (server, cookie) =>
  JSON.parse((await ask(server, 'GET', '/_session', undefined, { user: '', cookie })).body).userCtx.name

const cookieOf = (answer) => answer.headers['set-cookie'][0].split(';')[0]

// A code is made and judged within one step of 30 s: if this process was too late for that, once more.
async function withinStep (check) {
  for (;;) {
    const step = Math.floor(Date.now() / 30000)
    const got = await check()
    if (Math.floor(Date.now() / 30000) === step) return got
  }
}

// RFC 6238, as any authenticator's program computes it.
function token (key, step, { algorithm = 'sha1', digits = 6 } = {}) {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + step))
  const mac = createHmac(algorithm, key).update(counter).digest()
  const at = mac[mac.length - 1] & 15
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 10 ** digits).padStart(digits, '0')
}

export const accountBehaviours = [
  {
    name: 'a second factor: this step, the one before and the one after, and no Basic',
    async run (server) {
      await ask(server, 'PUT', '/_users')
      await config(server, 'chttpd_auth_lockout/threshold', '1000')
      const key = Buffer.from('12345678901234567890')
      const base32 = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
      await user(server, 'tess', { totp: { key: base32, algorithm: 'sha', length: 6 } })
      await user(server, 'long', { totp: { key: base32 + '====', algorithm: 'sha256', length: 8 } })
      await user(server, 'odd', { totp: { key: '0189', length: 6 } })
      const attempt = (name, make, password = 'curds') => withinStep(async () => (await logIn(server, { name, password, token: make?.() })).status)
      for (const step of [-1, 0, 1]) assert.equal(await attempt('tess', () => token(key, step)), 200, `step ${step}`)
      for (const step of [-4, 4]) assert.equal(await attempt('tess', () => token(key, step)), 401, `step ${step}`)
      assert.equal(await attempt('tess', undefined), 401)
      assert.equal(await attempt('tess', () => ''), 401)
      assert.equal(await attempt('tess', () => token(key, 0), 'wrong'), 401)
      assert.equal(await attempt('long', () => token(key, 0, { algorithm: 'sha256', digits: 8 })), 200)
      assert.equal(await attempt('odd', () => '000000'), 401)
      const form = await withinStep(() => ask(server, 'POST', '/_session', `name=tess&password=curds&token=${token(key, 0)}`,
        { user: '', 'content-type': 'application/x-www-form-urlencoded' }))
      assert.equal(await whoIs(server, cookieOf(form)), 'tess')
      assert.equal((await ask(server, 'GET', '/_session', undefined, { user: 'tess:curds' })).status, 401)
    }
  },
  {
    name: 'rules for passwords are told, and a rule that is none stores nothing',
    async run (server) {
      await ask(server, 'PUT', '/_users')
      await config(server, 'chttpd_auth/password_regexp', '[{".{6,}", "Six characters at least."}, "[0-9]"]')
      const short = await user(server, 'ann', { password: 'a1' })
      assert.equal(short.status, 400)
      assert.deepEqual(JSON.parse(short.body), { error: 'bad_request', reason: 'Password does not conform to requirements. Six characters at least.' })
      assert.equal(JSON.parse((await user(server, 'ann', { password: 'abcdefg' })).body).reason, 'Password does not conform to requirements.')
      assert.equal((await user(server, 'ann', { password: 'abcdef1' })).status, 201)
      for (const bad of ['[{"(", "x"}]', 'no list', '["a" "b"]', '["a"', '[{"a","b"]']) {
        await config(server, 'chttpd_auth/password_regexp', bad)
        assert.equal((await user(server, 'bob', { password: 'abcdef1' })).status, 403, bad)
      }
      await config(server, 'chttpd_auth/password_regexp', '[]')
      assert.equal((await user(server, 'bob')).status, 201)
    }
  },
  {
    name: 'a login makes a weak hash strong, by Basic or session, and sessions stay',
    async run (server) {
      await ask(server, 'PUT', '/_users')
      // As a CouchDB 1 stored it.
      const simple = { password: undefined, password_scheme: 'simple', salt: '0123456789abcdef0123456789abcdef', password_sha: '89d7344c884b0e17d7a392a9a9f23ee8e7d7af17' }
      await user(server, 'old', { ...simple, colour: 'green' })
      await user(server, 'few')
      await config(server, 'chttpd_auth/upgrade_hash_on_auth', 'false')
      assert.equal((await ask(server, 'GET', '/_session', undefined, { user: 'old:apple' })).status, 200)
      assert.equal((await load(server, 'old')).password_scheme, 'simple')
      await config(server, 'chttpd_auth/upgrade_hash_on_auth', 'true')
      const cookie = cookieOf(await logIn(server, { name: 'few', password: 'curds' }))
      await config(server, 'chttpd_auth/iterations', '20')
      await config(server, 'chttpd_auth/pbkdf2_prf', 'sha512')
      assert.equal((await ask(server, 'PUT', '/_node/_local/_config/chttpd_auth/pbkdf2_prf', '"md5"')).status, 400)
      // What was verified before is cached by its hash: other passwords are not.
      await ask(server, 'GET', '/_session', undefined, { user: 'old:wrong' })
      await user(server, 'third', { ...simple, salt: undefined, password_sha: undefined, password_scheme: undefined, password: 'x' })
      await config(server, 'chttpd_auth/iterations', '30')
      assert.equal((await logIn(server, { name: 'third', password: 'x' })).status, 200)
      const third = await load(server, 'third')
      assert.deepEqual([third.iterations, third.pbkdf2_prf, third.derived_key.length], [30, 'sha512', 128])
      await server.stop()
      await server.start()
      assert.equal((await ask(server, 'GET', '/_session', undefined, { user: 'old:apple' })).status, 200)
      const old = await load(server, 'old')
      assert.deepEqual([old.password_scheme, old.iterations, old.salt, old.colour, old.password_sha, old.preserve_salt],
        ['pbkdf2', 30, simple.salt, 'green', undefined, undefined])
      assert.equal((await logIn(server, { name: 'few', password: 'curds' })).status, 200)
      assert.equal((await load(server, 'few')).iterations, 30)
      assert.equal(await whoIs(server, cookie), 'few')
      assert.equal((await ask(server, 'GET', '/_session', undefined, { user: 'old:apple' })).status, 200)
      assert.equal((await load(server, 'old'))._rev, old._rev)
    }
  },
  {
    name: 'a changed secret leaves sessions as long as they last, and signs new ones',
    async run (server) {
      const first = cookieOf(await logIn(server, { name: 'admin', password: 'secret' }))
      await config(server, 'chttpd_auth/secret', 'another')
      assert.equal(await whoIs(server, first), 'admin')
      const second = cookieOf(await logIn(server, { name: 'admin', password: 'secret' }))
      assert.notEqual(first, second)
      await config(server, 'chttpd_auth/timeout', '1')
      await config(server, 'chttpd_auth/secret', 'a third')
      await new Promise((resolve) => setTimeout(resolve, 1100))
      await config(server, 'chttpd_auth/timeout', '600')
      assert.equal(await whoIs(server, second), null)
      // The first secret is kept for the 600 seconds that counted when it was replaced.
      assert.equal(await whoIs(server, first), 'admin')
      await server.stop()
      await server.start()
      assert.equal(await whoIs(server, first), null)
    }
  },
  {
    name: 'public fields of users, one by one and as a list',
    async run (server) {
      await ask(server, 'PUT', '/_users')
      await user(server, 'ann', { nick: 'A', city: 'Ulm' })
      await user(server, 'bob', { nick: 'B' })
      await config(server, 'couchdb/users_db_security_editable', 'true')
      await ask(server, 'PUT', '/_users/_security', '{"members":{"roles":[],"names":["bob"]}}')
      const get = (path, more = {}) => ask(server, 'GET', `/_users/${path}`, undefined, { user: 'bob:curds', accept: 'application/json', ...more })
      assert.equal((await get('org.couchdb.user:ann')).status, 404)
      await config(server, 'chttpd_auth/public_fields', 'name, nick')
      const { _rev, ...shown } = JSON.parse((await get('org.couchdb.user:ann')).body)
      assert.deepEqual(shown, { _id: 'org.couchdb.user:ann', name: 'ann', nick: 'A' })
      assert.equal(JSON.parse((await get('org.couchdb.user:bob')).body).iterations, 10)
      const open = JSON.parse((await get('org.couchdb.user:ann?open_revs=all')).body)
      assert.deepEqual(Object.keys(open[0].ok), ['_id', '_rev', 'name', 'nick'])
      assert.equal((await get('org.couchdb.user:nobody')).status, 404)
      assert.equal((await get('org.couchdb.user:ann/picture')).status, 404)
      assert.equal((await ask(server, 'PUT', '/_users/org.couchdb.user:ann', '{}', { user: 'bob:curds' })).status, 404)
      assert.equal((await get('_all_docs')).status, 401)
      await config(server, 'chttpd_auth/public_fields', 'nothing')
      assert.equal((await get('org.couchdb.user:ann')).status, 404)
      await config(server, 'chttpd_auth/public_fields', 'nick')
      await config(server, 'chttpd_auth/users_db_public', 'true')
      assert.equal((await get('_changes')).status, 401)
      const list = await get('_all_docs?include_docs=true&attachments=true')
      assert.equal(list.status, 200)
      assert.deepEqual(JSON.parse(list.body).rows.map(({ doc }) => Object.keys(doc).length > 3), [false, true])
      assert.doesNotMatch(JSON.stringify(JSON.parse(list.body).rows[0]), /derived_key|salt|Ulm/)
    }
  },
  {
    name: 'only what is listed can be set over HTTP, if there is a list',
    ini: [{ section: 'chttpd', setting: 'config_whitelist = [{log, level}, {"cors","origins"}]' }],
    async run (server) {
      const put = async (name) => (await ask(server, 'PUT', `/_node/_local/_config/${name}`, '"error"'))
      assert.equal((await put('log/level')).status, 200)
      assert.equal((await put('cors/origins')).status, 200)
      const refused = await put('cors/credentials')
      assert.deepEqual([refused.status, JSON.parse(refused.body).error], [400, 'modification_not_allowed'])
      assert.equal((await put('chttpd/config_whitelist')).status, 400)
      assert.equal((await ask(server, 'DELETE', '/_node/_local/_config/admins/admin')).status, 400)
      assert.equal((await ask(server, 'DELETE', '/_node/_local/_config/log/level')).status, 200)
    }
  }
]
