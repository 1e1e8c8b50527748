// Storages whose methods return promises, as on React Native.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claims, memoryStorage } from '../../impl/web/session.js';
import { World } from './world.mjs';

/** A storage as on React Native. `fails` makes it full. */
function promised() {
  const items = memoryStorage();
  const storage = { items, fails: false };
  for (const method of ['getItem', 'setItem', 'removeItem']) {
    storage[method] = async (...args) => {
      if (storage.fails && method === 'setItem') throw new Error('full');
      await null;
      return items[method](...args);
    };
  }
  return storage;
}

test('a storage whose methods return promises keeps the tokens between two starts', async () => {
  const world = new World();
  const storage = promised();
  const first = world.tab({ storage });
  await world.value(first.login(world.pair({ refresh: 'R0' })));
  world.server = () => world.accept({ refresh: 'R1' });
  await world.value(first.refresh());
  await world.pass(1);
  const second = world.tab({ storage });
  assert.equal(second.tokens, null);
  await world.value(second.ready);
  assert.equal(second.tokens.refresh_token, 'R1');
  assert.equal(await world.value(world.tab({ storage }).token()), second.tokens.access_token);
});

test('a storage with promises that is full keeps no refresh token that was used', async () => {
  const world = new World();
  const storage = promised();
  const tab = world.tab({ storage });
  await world.value(tab.login(world.pair({ refresh: 'R0' })));
  storage.fails = true;
  world.server = () => world.accept({ refresh: 'R1' });
  await world.value(tab.refresh());
  await world.pass(1);
  assert.equal(tab.tokens.refresh_token, 'R1');
  assert.equal(storage.items.getItem('session@https://api.example/'), null);
});

test('a storage with promises that fails is like an empty one', async () => {
  const world = new World();
  const fails = () => Promise.reject(new Error('blocked'));
  const tab = world.tab({ storage: { getItem: fails, setItem: fails, removeItem: fails } });
  await world.value(tab.login(world.pair()));
  assert.ok(await world.value(tab.token()));
  world.server = () => new Response(null, { status: 204 });
  assert.equal(await world.value(tab.logout()), true);
});

test('a logout that was not confirmed survives in a storage with promises', async () => {
  const world = new World();
  const storage = promised();
  const tab = world.tab({ storage });
  await world.value(tab.login(world.pair({ refresh: 'R0' })));
  world.server = () => world.error(503);
  assert.equal(await world.value(tab.logout()), false);
  await world.pass(60_000);
  const sent = world.requests.length;
  world.server = () => new Response(null, { status: 204 });
  world.tab({ storage });
  await world.pass(1000);
  assert.equal(world.requests.length, sent + 1);
  assert.deepEqual(await world.requests[sent].json(), { refresh_token: 'R0' });
});

test('React Native has no TextDecoder, URL.canParse, localStorage and events', async () => {
  const missing = { TextDecoder: globalThis.TextDecoder, canParse: URL.canParse };
  delete globalThis.TextDecoder;
  delete URL.canParse;
  try {
    const world = new World();
    const env = { locks: undefined, events: undefined };
    const tab = world.tab({ storage: promised(), env });
    const iat = world.serverNow();
    const access_token = world.jwt({ iat, exp: iat + 600, name: 'Muchlis 木' });
    await world.value(tab.login({ access_token, refresh_token: 'R0' }));
    await world.value(tab.refresh());
    assert.notEqual(await world.value(tab.token()), access_token);
    assert.equal(claims(access_token).name, 'Muchlis 木');
  } finally {
    globalThis.TextDecoder = missing.TextDecoder;
    URL.canParse = missing.canParse;
  }
});
