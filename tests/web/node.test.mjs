// session.js on Node with Node's own fetch, which repeats a request after a 421.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import { createSession, memoryStorage } from '../../impl/web/session.js';

const servers = [];
after(() => servers.forEach((server) => server.close()));

/** Starts a server that answers with `answer` and returns its URL. */
async function serve(answer) {
  const server = createServer(answer);
  servers.push(server);
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${server.address().port}`;
}

function loggedIn(baseUrl) {
  const logins = [];
  const onLogin = ({ reason }) => logins.push(reason);
  const session = createSession({ baseUrl, storage: memoryStorage(), onLogin });
  session.login({ refresh_token: 'R' });
  return { session, logins };
}

const expired = JSON.stringify({
  status: 421,
  message: 'Token expired',
  error: 'jwt_error',
  causes: ['token has expired'],
});

test('an expired refresh token leads to the login', async () => {
  const url = await serve((request, response) => {
    response.writeHead(421, { 'Content-Type': 'application/json' }).end(expired);
  });
  const { session, logins } = loggedIn(url);
  await assert.rejects(session.refresh(), { code: 'login', status: 421 });
  assert.deepEqual(logins, ['expired']);
  assert.equal(session.tokens, null);
});

test('the refresh token is not sent to the target of a redirect', async () => {
  let visits = 0;
  const other = await serve((request, response) => response.end(String(++visits)));
  const url = await serve((request, response) => {
    response.writeHead(307, { Location: other, 'Retry-After': '60' }).end();
  });
  const { session } = loggedIn(url);
  await assert.rejects(session.refresh(), { code: 'temporary', status: 307 });
  assert.equal(visits, 0);
});
