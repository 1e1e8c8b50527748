import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World, base, hour, loggedIn } from './world.mjs';

for (const [status, reason] of [
  [421, 'expired'],
  [422, 'refused'],
]) {
  test(`${status} ends the session once, in every tab`, async () => {
    const { world, tab } = loggedIn();
    const other = world.tab();
    world.server = () => world.error(status);
    await world.pass(hour);
    const calls = [tab.fetch('/a'), tab.token(), tab.refreshOnOpen(), other.token()].map((p) =>
      world.outcome(p),
    );
    const [first, second, opened, elsewhere] = await Promise.all(calls);
    assert.deepEqual(
      [first.error.code, second.error.code, elsewhere.error.code],
      ['login', 'login', 'login'],
    );
    assert.equal(opened.value, false);
    assert.deepEqual(first.error.causes, ['because']);
    assert.equal((await world.outcome(tab.fetch('/b'))).error.code, 'login');
    assert.deepEqual(tab.told.logins, [reason]);
    assert.equal(other.told.logins.length, 1);
    assert.equal(tab.tokens, null);
    assert.equal(world.refreshes(), 1);
  });

  test(`${status} for a refresh token that was replaced does not end the session`, async () => {
    const { world, tab } = loggedIn();
    const newer = world.pair();
    world.server = () => {
      world.tab().login(newer);
      return world.error(status);
    };
    await world.pass(hour);
    assert.equal(await world.value(tab.token()), newer.access_token);
    assert.deepEqual(tab.told.logins, []);
  });

  test(`${status} of another endpoint does not end the session`, async () => {
    const { world, tab } = loggedIn();
    world.server = () => world.error(status);
    assert.equal((await world.value(tab.fetch('/things'))).status, status);
    assert.notEqual(tab.tokens, null);
  });
}

for (const status of [400, 401, 403, 404, 405, 413, 415]) {
  test(`${status} is a mistake of the caller: the session stays, without a retry`, async () => {
    const { world, tab } = loggedIn();
    world.server = () => world.error(status);
    const { error } = await world.outcome(tab.refresh());
    assert.equal(error.code, 'request');
    assert.equal(error.status, status);
    assert.equal(world.refreshes(), 1);
    assert.notEqual(tab.tokens, null);
  });
}

test('onLogin is called again if a new session ends', async () => {
  const { world, tab } = loggedIn();
  world.server = () => world.error(421);
  for (let i = 0; i < 2; i++) {
    tab.login(world.pair());
    await world.outcome(tab.refresh());
  }
  assert.deepEqual(tab.told.logins, ['expired', 'expired']);
});

test('without a session no request is sent, and onLogin is called once', async () => {
  const world = new World();
  const tab = world.tab();
  assert.equal((await world.outcome(tab.fetch('/a'))).error.code, 'login');
  assert.equal((await world.outcome(tab.refresh())).error.code, 'login');
  assert.deepEqual(tab.told.logins, ['none']);
  assert.equal(world.requests.length, 0);
});

test('logout deletes the tokens at once, revokes the session, and never fails', async () => {
  for (const server of [
    () => new Response(null, { status: 204 }),
    (w) => w.error(404),
    () => Promise.reject(new TypeError('offline')),
  ]) {
    const { world, tab } = loggedIn();
    world.server = () => server(world);
    const { refresh_token } = tab.tokens;
    const ended = tab.logout();
    assert.equal(tab.tokens, null);
    await world.value(ended);
    assert.deepEqual(
      world.requests.map((r) => r.url),
      [`${base}/api/v1/revoke`],
    );
    assert.deepEqual(await world.requests[0].json(), { refresh_token });
    assert.deepEqual(tab.told.logins, ['logout']);
  }
});

test('a logout in another tab is announced in this tab', async () => {
  const { world, tab } = loggedIn();
  const other = world.tab();
  void other.logout();
  for (const tell of world.listeners) tell({ key: `session@${base}/` });
  await world.pass(0);
  assert.deepEqual(tab.told.logins, ['other-tab']);
  for (const tell of world.listeners) tell({ key: null });
  await world.pass(1000);
  assert.deepEqual(tab.told.logins, ['other-tab']);
  assert.deepEqual(other.told.logins, ['logout']);
});

test('a logout during a refresh is not undone by the answer', async () => {
  const { world, tab } = loggedIn();
  world.server = () => {
    world.storage.removeItem(`session@${base}/`);
    return world.accept({ refresh: 'R-next' });
  };
  await world.pass(hour);
  assert.equal((await world.outcome(tab.token())).error.code, 'login');
  assert.equal(tab.tokens, null);
});

for (const status of [421, 422]) {
  for (const [name, answer] of [
    ['a page', () => new Response('<html>', { status, headers: { 'Content-Type': 'text/html' } })],
    ['an error of another service', () => Response.json({ error: 'x' }, { status })],
  ]) {
    test(`${status} with ${name} does not end the session`, async () => {
      const { world, tab } = loggedIn();
      world.server = answer;
      const { error } = await world.outcome(tab.refresh());
      assert.equal(error.code, 'temporary');
      assert.notEqual(tab.tokens, null);
      assert.deepEqual(tab.told.logins, []);
    });
  }
}
