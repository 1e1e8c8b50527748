import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSession, claims } from '../../impl/web/session.js';
import { World, base, loggedIn } from './world.mjs';

test('refreshOnOpen refreshes even if the token is still valid', async () => {
  const { world, tab } = loggedIn();
  assert.equal(await world.value(tab.refreshOnOpen()), true);
  assert.equal(world.refreshes(), 1);
  assert.deepEqual(tab.told.changes, ['login', 'refresh']);
});

for (const limit of [9, 10081, 10.5, '10', NaN, null]) {
  test(`createSession rejects an invalid limit: ${limit}`, () => {
    assert.throws(() => createSession({ baseUrl: base, limit }), RangeError);
  });
}

test('login rejects an answer without a refresh token', () => {
  assert.throws(() => new World().tab().login({ access_token: 'x' }), TypeError);
});

test('claims reads any script, and returns undefined for other strings', () => {
  const world = new World();
  assert.equal(claims(world.jwt({ name: 'Muchlis 木' })).name, 'Muchlis 木');
  for (const bad of ['', 'a.b.c', undefined, 'x']) assert.equal(claims(bad), undefined);
});

for (const { name, identityClaim, users, want } of [
  { name: 'a number and its text are one user', users: [{ sub: 42 }, { sub: '42' }], want: [] },
  { name: 'another number is another user', users: [{ sub: 42 }, { sub: 43 }], want: ['43'] },
  {
    name: 'identityClaim names the claim of the user',
    identityClaim: 'uid',
    users: [{ sub: 'x', uid: 'ana' }, { sub: 'x', uid: 'ben' }, { sub: 'y', uid: 'ben' }],
    want: ['ben'],
  },
]) {
  test(`identity: ${name}`, async () => {
    const world = new World();
    const identities = [];
    const onChange = (event) => event.type === 'identity' && identities.push(event.identity);
    const tab = world.tab({ identityClaim, onChange });
    const iat = world.serverNow();
    for (const user of users) {
      const access_token = world.jwt({ iat, exp: iat + 600, ...user });
      await world.value(tab.login({ access_token, refresh_token: JSON.stringify(user) }));
    }
    assert.deepEqual(identities, want);
  });
}
