import assert from 'node:assert/strict';
import { test } from 'node:test';
import { base, loggedIn } from './world.mjs';

test('tokens is the same object until the tokens change', async () => {
  const { world, tab } = loggedIn();
  const first = tab.tokens;
  assert.equal(tab.tokens, first);
  await world.value(tab.refresh());
  assert.notEqual(tab.tokens, first);
  assert.equal(tab.tokens, tab.tokens);
  assert.ok(Object.isFrozen(tab.tokens));
});

test('subscribe reports each change, until it is cancelled', async () => {
  const { world, tab } = loggedIn();
  await world.pass(0);
  let changes = 0;
  const { subscribe } = tab; // as React calls it
  const unsubscribe = subscribe(() => changes++);
  await world.value(tab.refresh());
  assert.equal(changes, 1);
  world.tab().login(world.pair());
  for (const tell of world.listeners) tell({ key: `session@${base}/` });
  await world.pass(0);
  assert.equal(changes, 2);
  await world.value(tab.logout());
  assert.equal(changes, 3);
  assert.equal(tab.tokens, null);
  unsubscribe();
  tab.login(world.pair());
  await world.pass(0);
  assert.equal(changes, 3);
});
