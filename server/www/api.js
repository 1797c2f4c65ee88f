// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: the server's HTTP API, relative to this page, so that a proxy may put both under a path.
const root = new URL('..', import.meta.url);

export const name = encodeURIComponent;
// "_design/x" and "_local/x" keep their slash.
export const docPath = (id) => {
  const special = /^(_design|_local)\/(.*)$/s.exec(id);
  return special ? `${special[1]}/${name(special[2])}` : name(id);
};
export const url = (path) => new URL(path, root).href;

export class ApiError extends Error {
  constructor(status, body) {
    super(body?.reason ? `${body.reason} (${body.error}, ${status})` : `The server answered ${status}.`);
    this.status = status;
  }
}

export async function call(method, path, body, headers = {}) {
  const options = { method, headers: { Accept: 'application/json', ...headers }, credentials: 'same-origin' };
  if (body instanceof Blob) {
    options.body = body;
  } else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers['Content-Type'] = 'application/json';
  }
  let answer;
  try {
    answer = await fetch(url(path), options);
  } catch {
    throw new Error('The server cannot be reached.');
  }
  const text = await answer.text();
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (!answer.ok) throw new ApiError(answer.status, value);
  return value;
}

export const get = (path) => call('GET', path);
export const query = (options) => {
  const pairs = Object.entries(options).filter(([, value]) => value !== undefined);
  return pairs.length === 0 ? '' : `?${pairs.map(([key, value]) => `${key}=${name(value)}`).join('&')}`;
};
