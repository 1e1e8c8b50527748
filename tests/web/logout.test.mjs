import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World, loggedIn } from './world.mjs';

const unavailable = {
  'is offline': () => Promise.reject(new TypeError('Failed to fetch')),
  'answers 503': (world) => world.error(503),
  'answers with a page': () => new Response('<html>', { status: 404 }),
};
const revoked = () => new Response(null, { status: 204 });

for (const [name, server] of Object.entries(unavailable)) {
  test(`if the server ${name}, logout says so and is retried`, async () => {
    const { world, tab } = loggedIn();
    world.server = () => server(world);
    assert.equal(await world.value(tab.logout()), false);
    assert.equal(tab.tokens, null);
    assert.deepEqual(tab.told.logins, ['logout']);
    world.server = revoked;
    await world.pass(5000);
    assert.equal(world.requests.length, 2);
    await world.pass(60_000);
    assert.equal(world.requests.length, 2, 'a confirmed logout is not sent again');
  });
}

test('an unconfirmed logout is sent again at the next start', async () => {
  const { world, tab } = loggedIn({}, { refresh: 'R0' });
  world.server = () => Promise.reject(new TypeError('offline'));
  await world.value(tab.logout());
  await world.pass(60_000);
  assert.equal(world.requests.length, 4);

  world.server = revoked;
  const next = world.tab();
  next.login(world.pair({ refresh: 'R1' }));
  await world.pass(1000);
  assert.equal(world.requests.length, 5);
  assert.deepEqual(await world.requests[4].json(), { refresh_token: 'R0' });
  assert.equal(next.tokens.refresh_token, 'R1', 'the new login is not affected');
  world.tab();
  await world.pass(1000);
  assert.equal(world.requests.length, 5);
});

test('an unconfirmed logout is sent again when the machine is online', async () => {
  const { world, tab } = loggedIn();
  world.server = () => Promise.reject(new TypeError('offline'));
  await world.value(tab.logout());
  await world.pass(60_000);
  world.server = revoked;
  for (const listener of world.online) listener();
  await world.pass(1000);
  assert.equal(world.requests.length, 5);
});

test('an unconfirmed logout is sent again at the next login', async () => {
  const { world, tab } = loggedIn({}, { refresh: 'R0' });
  world.server = () => world.error(503);
  await world.value(tab.logout());
  await world.pass(60_000);
  world.server = revoked;
  world.requests = [];
  await world.value(tab.login(world.pair({ refresh: 'R1' })));
  await world.pass(1000);
  assert.deepEqual(await world.requests[0].json(), { refresh_token: 'R0' });
  assert.equal(tab.tokens.refresh_token, 'R1');
});

test('a session that the server no longer knows is logged out', async () => {
  const { world, tab } = loggedIn();
  world.server = () => world.error(422);
  assert.equal(await world.value(tab.logout()), true);
});

for (const transport of ['body', 'cookie']) {
  test(`a logout that is answered with an error is not confirmed (${transport})`, async () => {
    const world = new World();
    const tab = world.tab({ transport });
    if (transport === 'body') tab.login(world.pair());
    world.server = () => world.error(400);
    assert.equal(await world.value(tab.logout()), false);
    assert.match(tab.told.warnings[0], /the logout was answered 400/);
    await world.pass(60_000);
    const sent = world.requests.filter(({ url }) => /logout|revoke/.test(url));
    assert.equal(sent.length, 1, 'a mistake of the page does not pass by itself');
    world.server = revoked;
    world.requests = [];
    const next = world.tab({ transport });
    assert.equal((await world.outcome(next.token())).error.code, 'login');
    await world.pass(1000);
    assert.equal(world.requests.length, 1, 'the next start tries again');
  });
}

test('an unconfirmed logout is dropped when the refresh token expires', async () => {
  const { world, tab } = loggedIn();
  tab.login({ refresh_token: world.jwt({ exp: world.serverNow() + 300 }) });
  world.server = () => Promise.reject(new TypeError('offline'));
  await world.value(tab.logout());
  await world.pass(600_000);
  const sent = world.requests.length;
  world.tab();
  await world.pass(1000);
  assert.equal(world.requests.length, sent);
});
