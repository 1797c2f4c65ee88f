// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: a tuffetd on a loopback address of its own, which can be killed and started again.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'

const AUTH = 'Basic ' + Buffer.from('admin:secret').toString('base64')
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
// A port that nobody listens on now, below those that the kernel gives to connections: they are taken again
// while a server is being killed and started.
export async function freePort (address) {
  for (;;) {
    const port = 10000 + Math.floor(Math.random() * 5000)
    const free = await new Promise((resolve) => {
      const probe = net.createServer().on('error', () => resolve(false))
      probe.listen(port, address, () => probe.close(() => resolve(true)))
    })
    if (free) return port
  }
}

const config = `[admins]
admin = secret
[chttpd_auth]
iterations = 10
[replicator]
interval = 500
startup_jitter = 100
min_backoff_penalty_sec = 1
max_backoff_penalty_sec = 2
connection_timeout = 2000
retries_per_request = 1
checkpoint_interval = 1000
`

export class Node {
  constructor (build, number) {
    this.build = build
    this.number = number
    this.address = `127.0.0.${number + 2}`
    this.dir = mkdtempSync(path.join(os.tmpdir(), 'tuffet-peer-'))
    writeFileSync(path.join(this.dir, 'ini'), config)
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 4 })
  }

  async start () {
    this.port ??= await freePort(this.address)
    this.child = spawn(path.join(this.build, 'tuffetd'), ['--data-dir', path.join(this.dir, 'data'), '--listen',
      `${this.address}:${this.port}`, '--config', path.join(this.dir, 'ini'), '--log-level', 'none'], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.exited = new Promise((resolve) => this.child.on('exit', resolve))
    await new Promise((resolve, reject) => {
      this.child.stdout.on('data', (data) => { if (String(data).includes('ready')) resolve() })
      this.exited.then((code) => reject(new Error(`server ${this.number} ended with ${code}`)))
    })
    await new Promise((resolve) => setImmediate(resolve)) // connections that ended with the server before are told of, too
    this.up = true
  }

  async kill (signal) {
    this.up = false
    this.child.kill(signal)
    return this.exited
  }

  ask (method, target, body, type = 'application/json') {
    return new Promise((resolve, reject) => {
      const req = http.request({ host: this.address, port: this.port, method, path: target, agent: this.agent, timeout: 60000,
        headers: { authorization: AUTH, 'content-type': type } }, (res) => {
        const parts = []
        res.on('data', (part) => parts.push(part))
        res.on('end', () => {
          try {
            resolve({ status: res.statusCode, body: JSON.parse(Buffer.concat(parts).toString()) })
          } catch (error) { reject(error) }
        })
        res.on('error', reject)
      })
      req.on('timeout', () => req.destroy(new Error('timeout')))
      req.on('error', reject)
      req.end(body)
    })
  }

  remove () { rmSync(this.dir, { recursive: true, force: true }) }
}
