import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryStorage } from '../../impl/web/session.js';
import { World, base, loggedIn } from './world.mjs';

test('a rotated refresh token is stored and used for the next refresh', async () => {
  const { world, tab } = loggedIn({ limit: 10 }, { refresh: 'R0' });
  let n = 0;
  const sent = [];
  world.server = async (request) => {
    sent.push(await request.clone().json());
    return world.accept({ refresh: `R${++n}` });
  };
  await world.value(tab.refresh());
  await world.value(tab.refresh());
  assert.deepEqual(sent, [
    { refresh_token: 'R0', limit: 10 },
    { refresh_token: 'R1', limit: 10 },
  ]);
  assert.equal(tab.tokens.refresh_token, 'R2');
});

test('a late answer does not replace newer tokens', async () => {
  const { world, tab } = loggedIn({}, { refresh: 'R0' });
  const newest = world.pair({ refresh: 'R2' });
  world.server = () => {
    world.tab().login(newest);
    return world.accept({ refresh: 'R1' });
  };
  await world.value(tab.refresh());
  assert.equal(tab.tokens.refresh_token, 'R2');
  assert.equal(tab.tokens.access_token, newest.access_token);
});

test('of two answers the newer access token is kept, and the rotated token always', async () => {
  const { world, tab } = loggedIn({}, { refresh: 'R0' });
  const young = world.pair({ refresh: 'R0', iat: world.serverNow() + 5 });
  world.server = () => {
    world.tab().login(young);
    return world.accept({ refresh: 'R1' });
  };
  await world.value(tab.refresh());
  assert.equal(tab.tokens.access_token, young.access_token);
  assert.equal(tab.tokens.refresh_token, 'R1');
});

test('a rotated refresh token is kept if the storage is full', async () => {
  const storage = memoryStorage();
  let full = false;
  const setItem = (key, value) => {
    if (full) throw new DOMException('full', 'QuotaExceededError');
    storage.setItem(key, value);
  };
  const { world, tab } = loggedIn({ storage: { ...storage, setItem } }, { refresh: 'R0' });
  full = true;
  world.server = () => world.accept({ refresh: 'R1' });
  await world.value(tab.refresh());
  assert.equal(tab.tokens.refresh_token, 'R1');
});

test('a listener that throws does not lose a token', async () => {
  const later = [];
  const onChange = () => {
    throw new Error('mine');
  };
  const { world, tab } = loggedIn(
    { onChange, env: { later: (run) => later.push(run) } },
    { refresh: 'R0' },
  );
  world.server = () => world.accept({ refresh: 'R1' });
  await world.value(tab.refresh());
  assert.equal(tab.tokens.refresh_token, 'R1');
  assert.equal(later.length, 2);
  for (const run of later) assert.throws(run, /mine/);
});

test('two sessions in one storage are independent', () => {
  const world = new World();
  const [a, b] = [world.tab(), world.tab({ name: 'admin' })];
  a.login(world.pair({ refresh: 'A' }));
  b.login(world.pair({ refresh: 'B' }));
  assert.deepEqual([a.tokens.refresh_token, b.tokens.refresh_token], ['A', 'B']);
});

for (const rubbish of ['', 'null', '[]', '{"refresh_token":7}', '{', '"x"']) {
  test(`an invalid record in the storage is ignored: ${rubbish}`, () => {
    const world = new World();
    world.storage.setItem(`session@${base}/`, rubbish);
    assert.equal(world.tab().tokens, null);
  });
}

/**
 * Returns a storage that, after a call of limit, saves only texts of fewer than `quota` characters.
 */
function limitedStorage(quota) {
  const { getItem, setItem, removeItem } = memoryStorage();
  return {
    quota: Infinity,
    limit() {
      this.quota = quota;
    },
    getItem,
    removeItem,
    setItem(key, value) {
      if (value.length >= this.quota) throw new DOMException('full', 'QuotaExceededError');
      setItem(key, value);
    },
  };
}

test('a full storage keeps the rotated refresh token, for other tabs and a reload', async () => {
  const storage = limitedStorage(60);
  const { world, tab } = loggedIn({ storage }, { refresh: 'R0' });
  storage.limit();
  world.server = () => world.accept({ refresh: 'R1' });
  await world.value(tab.refresh());
  assert.equal(await world.value(tab.token()), tab.tokens.access_token);
  assert.equal(world.refreshes(), 1, 'this page has the access token');

  const other = world.tab({ storage });
  assert.equal(other.tokens.refresh_token, 'R1');
  storage.quota = Infinity;
  world.server = () => world.accept({ refresh: 'R2' });
  const young = await world.value(other.token());
  assert.equal(tab.tokens.refresh_token, 'R2');
  assert.equal(tab.tokens.access_token, young);
});

test('a storage that saves nothing keeps no used refresh token', async () => {
  const storage = limitedStorage(0);
  const { world, tab } = loggedIn({ storage }, { refresh: 'R0' });
  storage.limit();
  world.server = () => world.accept({ refresh: 'R1' });
  await world.value(tab.refresh());
  assert.equal(world.tab({ storage }).tokens, null);
  assert.equal(tab.tokens.refresh_token, 'R1');
});
