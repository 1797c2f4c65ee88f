// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: read and write the multipart bodies of the replication protocol.
import { must } from './http.mjs';

// [{headers, body}] of a multipart body (Buffer), strictly by RFC 2046.
export function parts(contentType, bytes) {
  const boundary = /boundary="?([^";]+)/.exec(contentType)?.[1];
  must(boundary, `a boundary in ${contentType}`);
  const text = bytes.toString('latin1');
  const pieces = `\r\n${text}`.split(`\r\n--${boundary}`);
  must(pieces.length >= 2, 'delimiters');
  must(/^--\s*$/.test(pieces.at(-1)), `a closing delimiter, not ${pieces.at(-1).slice(0, 80)}`);
  return pieces.slice(1, -1).map((piece) => {
    must(piece.startsWith('\r\n'), 'a line end behind a delimiter');
    const gap = piece.startsWith('\r\n\r\n') ? 0 : piece.indexOf('\r\n\r\n');
    must(gap >= 0, 'an empty line behind the headers of a part');
    const headers = {};
    for (const line of piece.slice(2, gap).split('\r\n').filter(Boolean)) {
      const colon = line.indexOf(':');
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    return { headers, body: Buffer.from(piece.slice(gap + 4), 'latin1') };
  });
}

// A document with its attachments ({doc, bodies: [Buffer...]} in the order of its _attachments that
// follow) as the body of a PUT.
export function related(boundary, doc, bodies) {
  const head = `--${boundary}\r\nContent-Type: application/json\r\n\r\n${JSON.stringify(doc)}`;
  const list = [Buffer.from(head)];
  const names = Object.keys(doc._attachments ?? {}).filter((name) => doc._attachments[name].follows);
  must(names.length === bodies.length, 'as many parts as attachments that follow');
  names.forEach((name, pos) => {
    const att = doc._attachments[name];
    const encoding = att.encoding ? `Content-Encoding: ${att.encoding}\r\n` : '';
    list.push(Buffer.from(`\r\n--${boundary}\r\nContent-Disposition: attachment; filename="${name}"` +
      `\r\nContent-Type: ${att.content_type}\r\nContent-Length: ${bodies[pos].length}\r\n` +
      `${encoding}\r\n`), bodies[pos]);
  });
  list.push(Buffer.from(`\r\n--${boundary}--`));
  return Buffer.concat(list);
}
