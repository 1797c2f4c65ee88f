// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: a tuffetd of its own for a test: a free port, an empty directory, an admin.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const HERE = path.dirname(fileURLToPath(import.meta.url))

export class Server {
  constructor (program, ini) {
    this.program = program
    this.logLevel = 'error'
    this.listen = '127.0.0.1:0'
    this.dir = mkdtempSync(path.join(os.tmpdir(), 'tuffet-http-'))
    const lines = ['[admins]', 'admin = secret', '[chttpd_auth]', 'iterations = 10']
    for (const { section, setting } of ini) lines.push(`[${section}]`, setting.replace('%HERE%', HERE))
    writeFileSync(path.join(this.dir, 'test.ini'), lines.join('\n') + '\n')
  }

  start (more = [], prefix = []) {
    const args = ['--data-dir', path.join(this.dir, 'data'), '--listen', this.listen, '--config',
      path.join(this.dir, 'test.ini'), '--log-level', this.logLevel]
    // Servers built with sanitizers must not go on after a finding.
    const env = { UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1', TSAN_OPTIONS: 'exitcode=66', ...process.env }
    for (const name of Object.keys(env)) if (name.startsWith('COUCHDB_')) delete env[name]
    const command = [...prefix, this.program, ...args, ...more]
    this.child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], env })
    this.errors = ''
    this.child.stderr.on('data', (data) => { this.errors += data })
    // 'close' comes when all it said has been read, too; 'exit' may be earlier.
    this.exited = new Promise((resolve) => this.child.on('close', (code, signal) => resolve(signal ?? code)))
    return new Promise((resolve, reject) => {
      let text = ''
      this.child.stdout.on('data', (data) => {
        text += data
        const ready = /ready on http:\/\/\S+:(\d+)\//.exec(text)
        if (ready) { this.port = Number(ready[1]); resolve() }
      })
      this.exited.then((code) => reject(new Error(`the server ended with ${code}: ${this.errors}`)))
    })
  }

  async stop () {
    this.child.kill('SIGTERM')
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 28000) // before the server's own limit of 30 s
    const code = await this.exited
    clearTimeout(timer)
    return code
  }

  remove () {
    rmSync(this.dir, { recursive: true, force: true })
  }
}
