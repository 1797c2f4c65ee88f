// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: walks every route of server/routes.c with every method it has, as six kinds of clients,
// and compares who is let in with rules that are written down here a second time, in CouchDB's
// words and not in those of the table. Whoever adds a route to the table gets its cases for free.
import { readFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const routesFile = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../server/routes.c')

// What a right lets in; in the order of clients below.
const CLIENTS = ['nobody', 'outsider', 'member', 'dbadmin', 'admin', 'metrics']
const RANK = { open: 0, user: 1, member: 2, dbadmin: 3, metrics: 4, admin: 4 }

// Path by path what is needed. `segs` are those of the pattern.
function needed (method, segs) {
  const [first, second] = segs
  if (first === undefined || ['favicon.ico', '_utils', '_up', '_uuids', '_session'].includes(first)) return 'open'
  // A replication makes the server contact others: the role _replicator, or an admin.
  if (first === '_search_analyze') return 'user'
  if (first === '_node' && ['_stats', '_system', '_prometheus'].includes(segs[2])) return 'metrics'
  if (first.startsWith('_')) return 'admin'
  if (segs.length === 1) return method === 'PUT' || method === 'DELETE' ? 'admin' : 'member'
  const writes = method !== 'GET' && method !== 'HEAD'
  if (['_compact', '_view_cleanup'].includes(second)) return 'dbadmin'
  if (['_purge', '_purged_infos_limit', '_sync_shards'].includes(second)) return 'admin'
  if (second === '_auto_purge') return writes ? 'admin' : 'member'
  if (['_security', '_revs_limit', '_snapshot'].includes(second)) return writes ? 'dbadmin' : 'member'
  return 'member'
}

function readRoutes () {
  const rows = []
  const names = { GET: ['GET'], PUT: ['PUT'], POST: ['POST'], DEL: ['DELETE'], COPY: ['COPY'], ANY: ['GET', 'PUT', 'POST', 'DELETE', 'COPY'] }
  const text = readFileSync(routesFile, 'utf8')
  for (const [, pattern, methods] of text.matchAll(/^ {4}\{ "([^"]+)", ([A-Z |]+), RIGHT_/gm)) {
    for (const method of methods.split('|').flatMap((m) => names[m.trim()])) rows.push({ pattern, method })
  }
  if (rows.length < 100) throw new Error(`only ${rows.length} routes were read`)
  return rows
}

// A target that fits a pattern; {doc} stands for several kinds of documents.
function fill (pattern, db, doc) {
  return pattern.replace('{db}', db).replace('{doc}', doc).replace('{local}', '_local/l').replace('{att}', 'file.txt')
    .replace('/_config/{rest}', '/_config/test/key').replace('/_node/{any}', '/_node/_local').replace('{any}', 'x').replace('{rest}', '')
}

function send (server, user, method, target, body) {
  const headers = { 'content-type': 'application/json' }
  if (user && user !== 'nobody') headers.authorization = 'Basic ' + Buffer.from(`${user}:secret`).toString('base64')
  if (method === 'COPY') headers.destination = 'elsewhere'
  if (body !== undefined) headers['content-length'] = Buffer.byteLength(body)
  return new Promise((resolve, reject) => {
    const req = http.request({ host: '127.0.0.1', port: server.port, method, path: target, headers, agent: server.agent }, (res) => {
      let text = ''
      res.on('data', (data) => { text += data })
      res.on('end', () => resolve({ status: res.statusCode, text, headers: res.headers }))
    })
    req.on('error', reject)
    req.end(body)
  })
}

const SECURITY = JSON.stringify({ admins: { names: ['dbadmin'], roles: [] }, members: { names: ['member'], roles: [] } })

async function must (promise, status) {
  const answer = await promise
  if (answer.status !== status) throw new Error(`${answer.status} ${answer.text}, expected ${status}`)
}

async function makeUsers (server) {
  await must(send(server, 'admin', 'PUT', '/_users'), 201)
  for (const name of ['outsider', 'member', 'dbadmin', 'metrics']) {
    const doc = { name, type: 'user', roles: name === 'metrics' ? ['_metrics'] : [], password: 'secret' }
    await must(send(server, 'admin', 'PUT', `/_users/org.couchdb.user:${name}`, JSON.stringify(doc)), 201)
  }
}

// The database is made again when a case may have deleted or changed it.
async function makeDb (server) {
  await send(server, 'admin', 'DELETE', '/db')
  await must(send(server, 'admin', 'PUT', '/db'), 201)
  await must(send(server, 'admin', 'PUT', '/db/_security', SECURITY), 200)
}

function body (method, pattern) {
  if (method === 'GET' || method === 'DELETE' || method === 'COPY') return undefined
  if (pattern.includes('_config/{rest}')) return '"v"'
  if (pattern.endsWith('_security')) return SECURITY
  return pattern.includes('_limit') ? '1000' : '{}'
}

// Refused: 401 for nobody; for the others 401 or 403 by the path. Let in: neither, whatever else.
function judge (client, need, status) {
  // The role _metrics makes an outsider who may read those three paths, and nothing else.
  const letIn = client === 'metrics' ? need === 'metrics' || RANK[need] <= RANK.user : CLIENTS.indexOf(client) >= RANK[need]
  const refused = status === 401 || status === 403
  if (letIn) return refused ? `${status}, but ${client} has the right` : null
  if (!refused) return `${status}, but ${client} has no right`
  return client === 'nobody' && status !== 401 ? `${status} for nobody` : null
}

export async function walkRights (server, report) {
  server.agent = new http.Agent({ keepAlive: true })
  await makeUsers(server)
  await makeDb(server)
  for (const { pattern, method } of readRoutes()) {
    const docs = pattern.includes('{doc}') ? ['d', '_design/d'] : ['']
    for (const doc of docs) {
      for (const client of CLIENTS) {
        const target = fill(pattern, 'db', doc)
        let need = needed(method, pattern.split('/').filter(Boolean))
        if (doc.startsWith('_design') && method !== 'GET') need = 'dbadmin'
        const answer = await send(server, client, method, target, body(method, pattern))
        report(`${client}: ${method} ${target}`, judge(client, need, answer.status))
        if (method === 'DELETE' && target === '/db') await makeDb(server)
      }
    }
  }
  await walkUsersDb(server, report)
  server.agent.destroy()
}

// What is the server admins' only in _users and _replicator, and documents of others.
async function walkUsersDb (server, report) {
  await send(server, 'admin', 'PUT', '/_replicator')
  await must(send(server, 'admin', 'PUT', '/_users/_security', '{}'), 403)
  for (const client of CLIENTS) {
    for (const db of ['_users', '_replicator']) {
      for (const [method, place] of [['GET', '_all_docs'], ['POST', '_all_docs'], ['GET', '_changes'], ['POST', '_changes'],
        ['GET', '_design_docs'], ['PUT', ''], ['DELETE', '']]) {
        if (client === 'admin' && place === '') continue
        const answer = await send(server, client, method, `/${db}/${place}`, method === 'POST' ? '{}' : undefined)
        report(`${client}: ${method} /${db}/${place}`, judge(client, 'admin', answer.status))
      }
    }
    const own = await send(server, client, 'GET', '/_users/org.couchdb.user:member')
    const may = client === 'admin'
    report(`${client}: the document of a user`, may === (own.status === 200) ? null : `${own.status}`)
  }
}

// With require_valid_user everything but the login wants one; with its exception, _up does not.
export async function walkLogins (server, report, exceptUp) {
  server.agent = new http.Agent({ keepAlive: true })
  for (const { pattern, method } of readRoutes()) {
    const target = fill(pattern, 'db', 'd')
    const answer = await send(server, 'nobody', method, target, body(method, pattern))
    const open = (target === '/_session' && method === 'POST') || (exceptUp && target === '/_up')
    report(`${exceptUp ? 'but for _up' : 'a login is needed'}: ${method} ${target}`,
      (answer.status === 401) !== open ? null : `${answer.status}`)
  }
  server.agent.destroy()
}
