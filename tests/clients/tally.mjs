// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: count checks and say which failed.
export class Tally {
  constructor() {
    this.passed = 0;
    this.failed = 0;
    this.part = '';
  }

  begin(part) {
    this.part = part;
  }

  ok(condition, what, detail = '') {
    if (condition) this.passed++;
    else this.failed++;
    console.log(`${condition ? 'ok  ' : 'FAIL'} ${this.part}: ${what}`);
    if (!condition && detail) console.log(String(detail).replace(/^/gm, '     '));
    return condition;
  }

  // No differences; shows the first ones.
  same(lines, what) {
    return this.ok(lines.length === 0, what, lines.join('\n'));
  }

  // The promise is rejected with an HTTP status.
  async rejects(promise, status, what) {
    try {
      await promise;
      return this.ok(false, what, 'it succeeded');
    } catch (error) {
      const got = error.statusCode ?? error.status;
      return this.ok(got === status, what, `${got} ${error.message}`);
    }
  }

  end() {
    console.log(`${this.passed} passed, ${this.failed} failed`);
    process.exit(this.failed ? 1 : 0);
  }
}
