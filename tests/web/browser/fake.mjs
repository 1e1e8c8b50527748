// refreshd fake for the tests in Chromium: the real handlers, with plans for requests that are to
// fail.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { startServer } from './browser.mjs';

/** Starts a fake that pages of other origins may call, and whose metadata the library reads. */
export async function startFake(...flags) {
  for (let attempt = 1; ; attempt++) {
    const address = await freeAddress();
    const where = [`--listen=${address}`, `--issuer=http://${address}`];
    try {
      return await startServer('fake', '--allow-origin=*', ...where, ...flags);
    } catch (error) {
      if (attempt === 3) throw error; // another process may have taken the address meanwhile
    }
  }
}

/** A loopback address that nothing listens on. */
async function freeAddress() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return `127.0.0.1:${port}`;
}

/** Sends a request to a control of the fake and returns the answer. */
async function control(server, method, path, body) {
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const answer = await fetch(server + path, { method, body: sent });
  assert.equal(answer.status, 200, `${method} ${path}`);
  return answer.json();
}

export const fakeLogin = (server, identity, more) =>
  control(server, 'POST', '/fake/login', { identity, ...more });

/** The next requests of the identity to the path have the behaviour. */
export const plan = (server, identity, path, behaviour, more) =>
  control(server, 'POST', '/fake/next', { identity, path, behaviour, ...more });

/** Moves the clock of the fake by a minute: rotations before are outside of the window then. */
export async function aMinuteLater(server) {
  const { offset_seconds } = await control(server, 'GET', '/fake');
  await control(server, 'PUT', '/fake/clock', { offset_seconds: offset_seconds + 60 });
}

/** The requests that had a token of the identity. */
export async function requests(server, identity) {
  return (await control(server, 'GET', `/fake/requests?identity=${identity}`)).requests;
}

/** Waits until `happened` returns true. */
export async function eventually(happened) {
  for (const end = Date.now() + 20_000; !(await happened()); ) {
    assert.ok(Date.now() < end, 'it did not happen');
    await new Promise((done) => setTimeout(done, 5));
  }
}
