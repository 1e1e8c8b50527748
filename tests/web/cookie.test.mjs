// The transport cookie: a server that keeps the refresh token in a cookie of the browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World, base, bearer } from './world.mjs';

/** A browser with a cookie, and the server of it. `user` is the one whose session the cookie is. */
class CookieWorld extends World {
  user = null;
  failing = null;
  server = async (request) => {
    const path = new URL(request.url).pathname.replace('/api/v1/browser/', '');
    if (this.failing) return this.failing(path);
    const refused = () => this.error(422);
    switch (path) {
      case 'login':
        this.user = (await request.json()).refresh_token;
        return new Response(null, { status: 204 });
      case 'logout':
        this.user = null;
        return new Response(null, { status: 204 });
      case 'refresh': {
        if (!this.user) return refused();
        const iat = this.serverNow();
        const access_token = this.jwt({ iat, exp: iat + 600, identity: this.user });
        return Response.json({ access_token, expired: iat + 600 });
      }
      default:
        return new Response(bearer(request));
    }
  };
  paths = () => this.requests.map((request) => new URL(request.url).pathname.split('/').at(-1));
  open = (options) => this.tab({ transport: 'cookie', ...options });
  /** Tells other tabs of a change of the storage, as browsers do. */
  spread = () => this.listeners.forEach((tell) => tell({ key: `session@${base}/` }));
}

async function loggedIn(identity = 'ana') {
  const world = new CookieWorld();
  const tab = world.open();
  await world.value(tab.login({ refresh_token: identity }));
  return { world, tab };
}

test('no token is stored, and requests send the cookie', async () => {
  const { world, tab } = await loggedIn();
  assert.ok(await world.value(tab.token()));
  assert.deepEqual(world.paths(), ['login', 'refresh']);
  assert.ok(world.requests.every((request) => request.credentials === 'include'));
  assert.doesNotMatch(world.storage.getItem('session@https://api.example/'), /ana|ey/);
  assert.equal(tab.tokens.refresh_token, '');
  assert.equal(tab.tokens, tab.tokens);
  await world.value(tab.refresh());
  for (const request of world.requests.slice(1)) assert.equal(await request.text(), '{}');
});

test('the access token of the login is used without a refresh', async () => {
  const world = new CookieWorld();
  const tab = world.open();
  const pair = world.pair({ refresh: 'ana' });
  await world.value(tab.login(pair));
  assert.equal(await world.value(tab.token()), pair.access_token);
  assert.deepEqual(world.paths(), ['login']);
});

test('if the back end of the login has set the cookie, the page sends no token', async () => {
  const world = new CookieWorld();
  world.user = 'ana'; // the back end has passed on Set-Cookie
  const tab = world.open();
  await world.value(tab.login({}));
  assert.deepEqual(world.paths(), []);
  assert.ok(await world.value(tab.token()));
  assert.deepEqual(world.paths(), ['refresh']);
  const other = world.open();
  assert.equal(await world.value(other.refreshOnOpen()), true);
});

test('after a reload the page refreshes', async () => {
  const { world } = await loggedIn();
  const reloaded = world.open();
  assert.equal(reloaded.tokens, null);
  assert.equal(await world.value(reloaded.refreshOnOpen()), true);
  assert.equal((await world.value(reloaded.fetch('/x'))).status, 200);
  assert.equal(reloaded.told.logins.length, 0);
});

test('without a cookie the page shows the login, once', async () => {
  const world = new CookieWorld();
  const tab = world.open();
  for (let i = 0; i < 2; i++) {
    const { error } = await world.outcome(tab.fetch('/x'));
    assert.equal(error.code, 'login');
  }
  assert.deepEqual(tab.told.logins, ['none']);
});

test('a session that was revoked leads to the login, a failure that passes does not', async () => {
  const { world, tab } = await loggedIn();
  await world.value(tab.token());
  world.failing = () => world.error(503);
  assert.equal((await world.outcome(tab.refresh())).error.code, 'temporary');
  assert.deepEqual(tab.told.logins, []);
  world.failing = null;
  world.user = null;
  assert.equal((await world.outcome(tab.refresh())).error.code, 'login');
  assert.deepEqual(tab.told.logins, ['refused']);
  assert.equal(tab.tokens, null);
});

test('the operations that are switched off are a mistake of the page', async () => {
  const world = new CookieWorld();
  const tab = world.open();
  world.failing = () => world.error(501);
  assert.equal((await world.outcome(tab.refresh())).error.code, 'request');
  assert.equal((await world.outcome(tab.login({ refresh_token: 'a' }))).error.code, 'request');
  assert.equal(world.requests.length, 2);
});

test('an unconfirmed logout is sent again, and the cookie is not used meanwhile', async () => {
  const { world, tab } = await loggedIn();
  world.failing = () => world.error(503);
  assert.equal(await world.value(tab.logout()), false);
  await world.pass(60_000);
  world.failing = null;
  const before = world.requests.length;
  const next = world.open();
  assert.equal((await world.outcome(next.token())).error.code, 'login');
  await world.pass(1000);
  assert.deepEqual(world.paths().slice(before), ['logout']);
  assert.equal(world.user, null);
});

test('a login takes the place of a logout that is not confirmed', async () => {
  const { world, tab } = await loggedIn();
  world.failing = () => world.error(503);
  assert.equal(await world.value(tab.logout()), false);
  world.failing = null;
  await world.value(tab.login({ refresh_token: 'ben' }));
  await world.pass(60_000);
  assert.equal(world.user, 'ben');
});

test('a logout in another tab is announced, and its access token is not used again', async () => {
  const { world, tab } = await loggedIn();
  const other = world.open();
  await world.value(other.token());
  await world.value(tab.logout());
  world.spread();
  await world.pass(1);
  assert.deepEqual(other.told.logins, ['other-tab']);
  assert.equal((await world.outcome(other.token())).error.code, 'login');
});

test('another user in another tab: this tab refreshes, and is told', async () => {
  const { world, tab } = await loggedIn('ana');
  const other = world.open();
  await world.value(other.token());
  await world.value(tab.login({ refresh_token: 'ben' }));
  world.spread();
  assert.equal(other.tokens, null, 'the access token of the first user is not used');
  await world.value(other.token());
  await world.pass(1);
  assert.ok(other.told.changes.includes('identity'), String(other.told.changes));
});

test('a refresh that is answered after a logout does not log in again', async () => {
  const { world, tab } = await loggedIn();
  const refreshing = world.outcome(tab.refresh());
  await world.pass(70);
  const loggedOut = tab.logout();
  await refreshing;
  await world.value(loggedOut);
  assert.equal(tab.tokens, null);
});

test('twenty tabs take turns, so that no Set-Cookie overtakes another', async () => {
  const { world } = await loggedIn();
  const tabs = Array.from({ length: 20 }, () => world.open());
  let running = 0;
  let most = 0;
  const answer = world.server;
  world.server = async (request) => {
    most = Math.max(most, ++running);
    const response = await answer(request);
    await world.sleep(20);
    running--;
    return response;
  };
  const all = Promise.all(tabs.map((tab) => tab.token()));
  assert.equal(new Set(await world.value(all)).size, 20);
  assert.equal(most, 1);
});

test('with tokens in the storage, another user in another tab is an event too', async () => {
  const world = new World();
  const tab = world.tab();
  const iat = world.serverNow();
  const token = (identity) => world.jwt({ iat, exp: iat + 600, identity });
  await world.value(tab.login({ access_token: token('ana'), refresh_token: 'A' }));
  const other = world.tab();
  await world.value(other.login({ access_token: token('ben'), refresh_token: 'B' }));
  for (const listener of world.listeners) listener({ key: 'session@https://api.example/' });
  await world.pass(1);
  assert.deepEqual(tab.told.changes, ['login', 'other-tab', 'identity']);
});
