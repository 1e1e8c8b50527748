import assert from 'node:assert/strict';
import { test } from 'node:test';
import { base, bearer, hour, loggedIn, route } from './world.mjs';

test('fetch adds the access token and changes nothing else', async () => {
  const { world, tab } = loggedIn();
  await world.value(
    tab.fetch('/things?a=1', { method: 'PUT', body: 'x', headers: { 'X-Mine': 'y' } }),
  );
  const [request] = world.requests;
  assert.equal(request.url, `${base}/things?a=1`);
  assert.equal(bearer(request), tab.tokens.access_token);
  assert.deepEqual(
    [request.method, request.headers.get('X-Mine'), await request.text()],
    ['PUT', 'y', 'x'],
  );
});

test('the access token is sent to no other origin unless origins names it', async () => {
  const { world, tab } = loggedIn({ origins: ['https://friend.example/x'] });
  const targets = {
    [`${base}/a`]: true,
    'https://friend.example/b': true,
    'https://api.example.evil.example/': false,
    'http://api.example/': false,
    'https://api.example:8443/': false,
    'https://user@evil.example/': false,
    '//evil.example/': false,
  };
  for (const [url, sent] of Object.entries(targets)) {
    if (url.includes('user@')) continue; // fetch itself refuses it
    await world.value(tab.fetch(url));
    assert.equal(bearer(world.requests.at(-1)) !== undefined, sent, url);
  }
});

test('an Authorization header of the caller is not replaced', async () => {
  const { world, tab } = loggedIn();
  world.server = () => new Response(null, { status: 401 });
  await world.value(tab.fetch('/a', { headers: { Authorization: 'Basic x' } }));
  assert.equal(world.requests.length, 1);
  assert.equal(world.requests[0].headers.get('Authorization'), 'Basic x');
});

for (const [name, request] of [
  ['a body in init', () => ['/a', { method: 'POST', body: 'hello' }]],
  ['a Request', () => [new Request(`${base}/a`, { method: 'POST', body: 'hello' })]],
]) {
  test(`after a 401 a request with ${name} is sent once more, with a new token`, async () => {
    const { world, tab } = loggedIn();
    const bodies = [];
    const first = tab.tokens.access_token;
    world.server = route({
      refresh: () => world.accept(),
      api: async (r) => (
        bodies.push(await r.clone().text()),
        new Response(null, { status: bearer(r) === first ? 401 : 200 })
      ),
    });
    assert.equal((await world.value(tab.fetch(...request()))).status, 200);
    assert.deepEqual(bodies, ['hello', 'hello']);
    assert.equal(world.refreshes(), 1);
  });
}

test('if a new token does not help, the caller gets the 401, and no refresh follows', async () => {
  const { world, tab } = loggedIn();
  world.server = route({
    refresh: () => world.accept(),
    api: () => new Response(null, { status: 401 }),
  });
  assert.equal((await world.value(tab.fetch('/a'))).status, 401);
  assert.equal((await world.value(tab.fetch('/a'))).status, 401);
  assert.equal(world.refreshes(), 1);
  assert.equal(world.requests.length, 4);
});

test('a 401 for a token that another tab has replaced causes no refresh', async () => {
  const { world, tab } = loggedIn();
  world.server = route({
    refresh: () => assert.fail('not needed'),
    api: (r) => {
      if (world.requests.length > 1) return new Response('ok');
      world.tab().login(world.pair());
      return new Response(null, { status: 401 });
    },
  });
  assert.equal((await world.value(tab.fetch('/a'))).status, 200);
  assert.equal(world.refreshes(), 0);
});

test('after a 401 a stream is not sent again, but the next request has the new token', async () => {
  const { world, tab } = loggedIn();
  const first = tab.tokens.access_token;
  world.server = route({
    refresh: () => world.accept(),
    api: async (r) => (
      await r.clone().text(),
      new Response(null, { status: bearer(r) === first ? 401 : 200 })
    ),
  });
  const stream = new Blob(['hello']).stream();
  assert.equal(
    (await world.value(tab.fetch('/a', { method: 'POST', body: stream, duplex: 'half' }))).status,
    401,
  );
  assert.equal((await world.value(tab.fetch('/a'))).status, 200);
  assert.equal(world.requests.filter((r) => r.url.endsWith('/a')).length, 2);
});

test('an aborted request does not wait for the refresh, and the refresh continues', async () => {
  const { world, tab } = loggedIn();
  await world.pass(hour);
  const stop = new AbortController();
  const rejected = assert.rejects(tab.fetch('/a', { signal: stop.signal }), { name: 'AbortError' });
  await world.pass(10);
  stop.abort();
  await rejected;
  await world.pass(1000);
  assert.equal(world.refreshes(), 1);
  assert.equal(Math.round(tab.remaining()), 599);
});

test('the refresh token is sent without cookies, and not to the target of a redirect', async () => {
  const { world, tab } = loggedIn({ baseUrl: 'https://api.example/under/here' });
  await world.value(tab.refresh());
  const [request] = world.requests;
  assert.equal(request.url, 'https://api.example/under/here/api/v1/refresh');
  assert.equal(request.headers.get('Content-Type'), 'application/json');
  assert.deepEqual(
    [request.redirect, request.credentials, request.cache],
    ['manual', 'omit', 'no-store'],
  );
});
