import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryStorage } from '../../impl/web/session.js';
import { World, base, hour, loggedIn } from './world.mjs';

test('all callers of one page cause one refresh', async () => {
  const { world, tab } = loggedIn();
  await world.pass(hour);
  const tokens = await world.value(Promise.all(Array.from({ length: 20 }, () => tab.token())));
  assert.equal(new Set(tokens).size, 1);
  assert.equal(world.refreshes(), 1);
});

test('all callers of one page share the retries of a refresh', async () => {
  const { world, tab } = loggedIn();
  world.server = () => world.error(500);
  await world.pass(hour);
  const calls = await Promise.all(Array.from({ length: 20 }, () => world.outcome(tab.token())));
  assert.deepEqual([...new Set(calls.map(({ error }) => error.code))], ['temporary']);
  assert.equal(world.refreshes(), 4);
});

for (const [name, env] of [
  ['Web Locks', {}],
  ['a storage lease', { locks: undefined }],
]) {
  test(`three tabs with ${name} send one refresh`, async () => {
    const world = new World();
    let seed = 0;
    const random = () => (seed = (seed + 0.37) % 1);
    const [a, b, c] = [1, 2, 3].map(() => world.tab({ env: { ...env, random } }));
    a.login(world.pair());
    await world.pass(hour);
    const tokens = await world.value(Promise.all([a.token(), b.token(), c.token()]));
    assert.equal(new Set(tokens).size, 1);
    assert.equal(world.refreshes(), 1);
  });
}

test('a tab sends no refresh even if it sees the tokens of another tab late', async () => {
  const world = new World();
  const views = [memoryStorage(), memoryStorage()];
  const [a, b] = views.map((own, i) => {
    const other = views[1 - i];
    const both = (act) => (act(own), world.setTimeout(() => act(other), 300));
    const storage = {
      getItem: own.getItem,
      setItem: (key, value) => both((view) => view.setItem(key, value)),
      removeItem: (key) => both((view) => view.removeItem(key)),
    };
    return world.tab({ storage });
  });
  a.login(world.pair());
  world.server = async () => (await world.sleep(500), world.accept());
  await world.pass(hour);
  const [first, second] = await world.value(Promise.all([a.token(), b.token()]));
  assert.equal(first, second);
  assert.equal(world.refreshes(), 1);
});

test('with Web Locks the lease of a closed tab delays a refresh by a second at most', async () => {
  const { world, tab } = loggedIn();
  await world.pass(hour);
  const start = world.time;
  world.storage.setItem(
    `session@${base}/#lease`,
    JSON.stringify({ owner: 'gone', until: world.epoch + world.time + 15_000 }),
  );
  await world.value(tab.token());
  assert.ok(world.time - start < 2000);
});

test('a tab that never releases its lock only delays a refresh', async () => {
  const { world, tab } = loggedIn();
  world.locks.hang(`session@${base}/`);
  await world.pass(hour);
  const start = world.time;
  await world.value(tab.token());
  assert.equal(world.refreshes(), 1);
  assert.ok(world.time - start < 20_000);
});

test('a lock request that is never answered only delays a refresh', async () => {
  const { world, tab } = loggedIn({ env: { locks: { request: () => new Promise(() => {}) } } });
  await world.pass(hour);
  await world.value(tab.token());
  assert.equal(world.refreshes(), 1);
});

test('a refresh works if the page may not use locks', async () => {
  const { world, tab } = loggedIn({
    env: { locks: { request: () => Promise.reject(new DOMException('no', 'SecurityError')) } },
  });
  await world.pass(hour);
  await world.value(tab.token());
  assert.equal(world.refreshes(), 1);
});

for (const [name, until] of [
  ['has died', 1900],
  ['wrote it before the clock was put back', hour],
]) {
  test(`a storage lease whose owner ${name} expires`, async () => {
    const { world, tab } = loggedIn({ env: { locks: undefined } });
    await world.pass(hour);
    const lease = { owner: 'gone', until: world.epoch + world.time + until };
    world.storage.setItem(`session@${base}/#lease`, JSON.stringify(lease));
    const start = world.time;
    await world.value(tab.token());
    assert.ok(world.time - start < 2500);
    assert.ok(until === hour || world.time - start > 1800, 'the tab did not wait for the lease');
    assert.equal(
      world.storage.getItem(`session@${base}/#lease`),
      null,
      'the lease was not removed',
    );
  });
}

test('a server that never answers causes retries and then an error', async () => {
  const { world, tab } = loggedIn();
  world.server = () => new Promise(() => {});
  await world.pass(hour);
  const { error } = await world.outcome(tab.token());
  assert.equal(error.code, 'temporary');
  assert.equal(world.refreshes(), 4);
  assert.notEqual(tab.tokens, null);
});

test('without Web Locks a closed tab delays a refresh by two seconds at most', async () => {
  const world = new World();
  let seed = 0;
  const env = { locks: undefined, random: () => (seed = (seed + 0.37) % 1) };
  const [closed, tab] = [world.tab({ env }), world.tab({ env })];
  closed.login(world.pair());
  await world.pass(hour);
  world.server = () => new Promise(() => {});
  closed.token().catch(() => {});
  await world.pass(500);
  assert.equal(world.refreshes(), 1);
  world.timers = []; // the closed tab does no more work
  world.server = () => world.accept();
  const start = world.time;
  await world.value(tab.token());
  assert.ok(world.time - start < 2500, `${world.time - start}`);
});

test('without Web Locks a slow refresh is not repeated by another tab', async () => {
  const world = new World();
  let seed = 0;
  const env = { locks: undefined, random: () => (seed = (seed + 0.37) % 1) };
  const [a, b] = [world.tab({ env }), world.tab({ env })];
  a.login(world.pair());
  await world.pass(hour);
  world.server = async () => {
    await world.sleep(8000);
    return world.accept();
  };
  const tokens = await world.value(Promise.all([a.token(), b.token()]));
  assert.equal(new Set(tokens).size, 1);
  assert.equal(world.refreshes(), 1);
});
