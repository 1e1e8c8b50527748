import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World, hour, loggedIn } from './world.mjs';

for (const [name, wrong] of [
  ['right', 0],
  ['an hour ahead', hour],
  ['an hour behind', -hour],
]) {
  test(`a local clock that is ${name} does not change the time of a refresh`, async () => {
    const world = new World();
    world.clockError = wrong;
    const tab = world.tab();
    tab.login(world.pair({ life: 600 }));
    assert.equal(Math.round(tab.remaining()), 600);
    await world.pass(530_000);
    await world.value(tab.token());
    assert.equal(world.refreshes(), 0, 'too early');
    await world.pass(20_000);
    await world.value(tab.token());
    await world.pass(1000);
    assert.equal(world.refreshes(), 1, 'under a minute is left');
    assert.equal(tab.remaining() > 590, true);
  });

  test(`after a reload with a clock that is ${name}, the age of the token is known`, async () => {
    const world = new World();
    world.clockError = wrong;
    world.tab().login(world.pair({ life: 600 }));
    await world.pass(300_000);
    assert.equal(Math.round(world.tab().remaining()), 300);
  });
}

test('a clock put back while the page was closed causes one early refresh', async () => {
  const { world } = loggedIn();
  world.clockError = -hour;
  const tab = world.tab();
  assert.equal(tab.remaining(), 0);
  await world.value(tab.token());
  assert.equal(world.refreshes(), 1);
  assert.equal(Math.round(tab.remaining()), 600);
});

test('a clock put back while the page is open changes nothing', async () => {
  const { world, tab } = loggedIn();
  await world.pass(100_000);
  world.clockError = -hour;
  assert.equal(Math.round(tab.remaining()), 500);
});

test('after the machine slept, the age of the token is known', async () => {
  const { world, tab } = loggedIn({ env: { monotonic: () => 0 } });
  await world.pass(hour);
  assert.equal(tab.remaining(), 0);
});

test('if the access token has no iat, expired is compared with the local clock', async () => {
  const world = new World();
  const tab = world.tab();
  tab.login({
    access_token: world.jwt({ exp: 1 }),
    refresh_token: 'R',
    expired: world.serverNow() + 300,
  });
  assert.equal(Math.round(tab.remaining()), 300);
});

test('a login without a usable access token refreshes before the first request', async () => {
  for (const pair of [
    { refresh_token: 'R' },
    { refresh_token: 'R', access_token: 'opaque' },
    { refresh_token: 'R', access_token: 'a.b.c', expired: 5 },
  ]) {
    const world = new World();
    const tab = world.tab();
    tab.login(pair);
    await world.value(tab.token());
    assert.equal(world.refreshes(), 1);
  }
});

test('callers wait for a refresh only if the token expires within seconds', async () => {
  const { world, tab } = loggedIn();
  const old = tab.tokens.access_token;
  await world.pass(550_000);
  assert.equal(await tab.token(), old);
  await world.pass(1000);
  const young = tab.tokens.access_token;
  assert.notEqual(young, old);
  await world.pass(595_000);
  assert.notEqual(await world.value(tab.token()), young);
});

test('if the clock of the server is put back, an expired token is replaced once', async () => {
  const { world, tab } = loggedIn();
  await world.pass(hour);
  world.epoch -= 2 * hour;
  world.clockError += 2 * hour;
  const first = await world.value(tab.token());
  assert.equal(await world.value(tab.token()), first);
  assert.equal(world.refreshes(), 1);
  assert.equal(Math.round(tab.remaining()), 600);
});
