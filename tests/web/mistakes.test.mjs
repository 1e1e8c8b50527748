// Mistakes of the page that uses session.js: each causes an error or one warning that names it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSession } from '../../impl/web/session.js';
import { World, base, loggedIn } from './world.mjs';

test('a transport that is not known is an error', () => {
  assert.throws(() => createSession({ baseUrl: base, transport: 'cookies' }), /body or cookie/);
});

for (const baseUrl of [undefined, '/api', 'localhost:8080', 'api.example.com', 'ftp://x.example']) {
  test(`outside a browser the baseUrl ${baseUrl} is an error`, () => {
    assert.throws(() => createSession({ baseUrl }), /baseUrl must be a URL such as/);
  });
}

for (const origin of ['api.example.com', 'localhost:8080', '/']) {
  test(`the origin ${origin} is an error`, () => {
    assert.throws(
      () => createSession({ baseUrl: base, origins: [origin] }),
      /origins must be a URL/,
    );
  });
}

test('expired in milliseconds is an error', () => {
  const world = new World();
  const tab = world.tab();
  const pair = world.pair();
  assert.throws(() => tab.login({ ...pair, expired: pair.expired * 1000 }), /not in milliseconds/);
  assert.equal(tab.tokens, null);
});

test('a 401 of an origin that is not in origins is one warning', async () => {
  const { world, tab } = loggedIn();
  world.server = () => new Response(null, { status: 401 });
  for (let i = 0; i < 2; i++) {
    assert.equal((await world.value(tab.fetch('https://other.example/things'))).status, 401);
  }
  assert.equal(tab.told.warnings.length, 1);
  assert.match(tab.told.warnings[0], /https:\/\/other\.example.* Add it to origins/);
});

test('a page in place of an answer is one warning that names baseUrl', async () => {
  const { world, tab } = loggedIn();
  world.server = () => new Response('<html>');
  assert.equal((await world.outcome(tab.refresh())).error.code, 'temporary');
  assert.equal(tab.told.warnings.length, 1);
  assert.match(tab.told.warnings[0], /https:\/\/api\.example\/ answered 200.* Check baseUrl/);
});

test('a failure that can pass is no warning', async () => {
  const { world, tab } = loggedIn();
  world.server = () => new Response('<html>', { status: 502 });
  await world.outcome(tab.refresh());
  assert.deepEqual(tab.told.warnings, []);
});
