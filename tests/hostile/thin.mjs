// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: a disk that is smaller than it says: writes are taken, and fail when they are synced.
//     node tests/hostile/thin.mjs --server PATH/tuffetd [--rounds 3] [--fs ext4|xfs]
// The data is on a file system whose image is a sparse file on a small tmpfs. The file system believes to have
// room; its writes to the image fail with EIO or ENOSPC, which a process hears from fdatasync, or from
// nobody: what thin provisioning and overbooked storage do. Eight writers go on until they are refused. Then the
// tmpfs grows, the file system is mounted again and the server started, and everything that was
// acknowledged must be there, whole, and nothing that was never sent.
// Needs root; says SKIPPED where that is not allowed. Ends with name=value lines and "N passed, N failed".
import { createHash } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { Server } from '../http/server.mjs'

const options = { server: null, rounds: 3, fs: 'ext4' }
for (let i = 2; i < process.argv.length; i += 2) options[process.argv[i].slice(2)] = process.argv[i + 1]
const AUTH = 'Basic ' + Buffer.from('admin:secret').toString('base64')
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const md5 = (bytes) => createHash('md5').update(bytes).digest('base64')
const shell = (command, ...args) => {
  const done = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  return done.status === 0 ? null : `${command}: ${done.stderr ?? done.error}`
}
const tally = { rounds: 0, acks: 0, refused: 0, reads: 0, lost: 0, partial: 0, phantom: 0 }

function ask (server, method, target, body, type = 'application/json') {
  return new Promise((resolve, reject) => {
    const headers = { authorization: AUTH, 'content-type': type }
    const req = http.request({ host: '127.0.0.1', port: server.port, method, path: target, headers }, (res) => {
      const parts = []
      res.on('data', (part) => parts.push(part))
      res.on('end', () => resolve({ status: res.statusCode, bytes: Buffer.concat(parts) }))
      res.on('error', reject)
    })
    req.on('error', reject)
    req.end(body)
  })
}

class Thin {
  constructor () {
    this.server = new Server(options.server, [])
    this.small = path.join(this.server.dir, 'small')
    this.image = path.join(this.small, 'image')
    this.data = path.join(this.server.dir, 'data')
  }

  // xfs wants 300 MiB at least, and a log of 64 MiB.
  prepare () {
    const xfs = options.fs === 'xfs'
    const make = xfs ? ['mkfs.xfs', '-q', '-K'] : ['mkfs.ext4', '-q', '-J', 'size=4', '-E', 'nodiscard']
    return shell('mkdir', '-p', this.small, this.data) ??
      shell('mount', '-t', 'tmpfs', '-o', `size=${xfs ? 100 : 40}m`, 'tmpfs', this.small) ??
      shell('truncate', '-s', xfs ? '400M' : '256M', this.image) ?? shell(...make, this.image) ?? this.mount()
  }

  // Requests of one page: Linux 6.18 tells of a larger one of which the tmpfs took a part that it was
  // written, which no file system and no database can know.
  mount () {
    // Two that look for a free device at the same time may find the same one.
    let made
    for (let i = 0; i < 10 && made?.status !== 0; i++) made = spawnSync('losetup', ['-f', '--show', this.image], { encoding: 'utf8' })
    if (made.status !== 0) return `losetup: ${made.stderr ?? made.error}`
    this.device = made.stdout.trim()
    writeFileSync(`/sys/block/${path.basename(this.device)}/queue/max_sectors_kb`, '4')
    return shell('mount', ...(options.fs === 'xfs' ? [] : ['-o', 'noinit_itable']), this.device, this.data)
  }

  detach () {
    if (this.device) shell('losetup', '-d', this.device)
    this.device = null
  }

  // The file system that failed goes; what reached the image is what a repaired machine finds.
  async grow () {
    for (let i = 0, problem; (problem = shell('umount', this.data)); i++) {
      if (i === 600) throw new Error(problem)
      await sleep(100)
    }
    this.detach()
    const problem = shell('mount', '-o', 'remount,size=600m', this.small) ?? this.mount()
    if (problem) throw new Error(problem)
  }

  remove () {
    this.server.child?.kill('SIGKILL')
    shell('umount', '-l', this.data)
    this.detach()
    shell('umount', '-l', this.small)
    this.server.remove()
  }
}

function fault (kind, text) {
  if (tally[kind]++ < 5) console.log(`${kind.toUpperCase()} in round ${tally.rounds}: ${text}`)
}

async function write (thin, ledger, name) {
  let refused = 0
  for (let n = 0; refused < 5 && n < 5000; n++) {
    const id = `${name}-${n}`
    const bytes = Buffer.alloc(1000 + (n * 7919) % 60000, `${tally.rounds}${id}`)
    for (let i = 0; i < bytes.length; i += 7) bytes[i] = Math.random() * 256
    ledger.set(id, { digest: md5(bytes), sure: false })
    const { status } = await ask(thin.server, 'PUT', `/db/${id}/a.bin`, bytes, 'image/png')
    if (status === 201) {
      ledger.get(id).sure = true
      tally.acks++
    } else {
      if (status < 500) throw new Error(`${id} was answered ${status}`)
      refused++
      tally.refused++
    }
  }
  return refused
}

async function round () {
  const thin = new Thin()
  const ledger = new Map()
  tally.rounds++
  try {
    const problem = thin.prepare()
    if (problem) return problem
    await thin.server.start()
    await ask(thin.server, 'PUT', '/db')
    const refused = await Promise.all(Array.from({ length: 8 }, (_, n) => write(thin, ledger, `w${n}`)))
    if (refused.every((count) => count === 0)) throw new Error('the disk took everything')
    // It lives and answers; what is in memory can still be read.
    for (const [id, state] of [...ledger].filter(([, state]) => state.sure).slice(-20)) {
      const { status, bytes } = await ask(thin.server, 'GET', `/db/${id}/a.bin`)
      if (status === 200 && md5(bytes) !== state.digest) fault('partial', `${id} while the disk is full`)
      tally.reads += status === 200
    }
    if ((await ask(thin.server, 'GET', '/_up')).status !== 200) throw new Error('/_up')
    await thin.server.stop()
    await thin.grow()
    await thin.server.start()
    const { bytes } = await ask(thin.server, 'GET', '/db/_all_docs')
    const found = new Set(JSON.parse(bytes).rows.map((row) => row.id))
    for (const id of found) if (!ledger.has(id)) fault('phantom', id)
    for (const [id, state] of ledger) {
      if (state.sure && !found.has(id)) fault('lost', id)
      if (!found.has(id)) continue
      const answer = await ask(thin.server, 'GET', `/db/${id}/a.bin`)
      if (answer.status !== 200 || md5(answer.bytes) !== state.digest) fault('partial', `${id}: ${answer.status}`)
    }
    if ((await ask(thin.server, 'PUT', '/db/after', '{}')).status !== 201) throw new Error('no write afterwards')
    if (await thin.server.stop() !== 0) throw new Error(thin.server.errors)
    return null
  } finally {
    thin.remove()
  }
}

let problem = null
for (let i = 0; i < Number(options.rounds) && !problem; i++) problem = await round()
if (problem) {
  console.log(`SKIPPED: this machine does not allow it: ${problem.trim()}`)
  console.log('0 passed, 0 failed')
  process.exit(0)
}
for (const [name, value] of Object.entries(tally)) console.log(`thin_${options.fs}_${name}=${value}`)
const good = tally.lost + tally.partial + tally.phantom === 0 && tally.acks > 0 && tally.refused > 0
console.log(good ? '1 passed, 0 failed' : '0 passed, 1 failed')
process.exitCode = good ? 0 : 1
