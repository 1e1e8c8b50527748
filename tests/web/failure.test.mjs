import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hour, loggedIn, route } from './world.mjs';

const troubles = {
  429: (w) => w.error(429),
  500: (w) => w.error(500),
  502: () => new Response('<html>', { status: 502 }),
  503: (w) => w.error(503),
  'a network error': () => Promise.reject(new TypeError('Failed to fetch')),
  'a page of a captive portal': () => new Response('<html>log in to this hotel</html>'),
  'an empty object': () => Response.json({}),
};
for (const [name, answer] of Object.entries(troubles)) {
  test(`${name} is retried and does not end the session`, async () => {
    const { world, tab } = loggedIn();
    let left = 3;
    world.server = () => (left-- > 0 ? answer(world) : world.accept());
    await world.pass(hour);
    const start = world.time;
    await world.value(tab.token());
    assert.equal(world.refreshes(), 4);
    assert.ok(world.time - start >= 3500, 'the waits do not grow');
    assert.deepEqual(tab.told.logins, []);

    left = Infinity;
    const { error } = await world.outcome(tab.refresh());
    assert.equal(error.code, 'temporary');
    assert.equal(world.refreshes(), 8);
    assert.notEqual(tab.tokens, null);
  });
}

for (const [name, headers] of [
  ['seconds', () => ({ 'Retry-After': '7' })],
  ["a date, by the server's own clock", (w) => ({ 'Retry-After': date(w, 8), Date: date(w, 1) })],
]) {
  test(`Retry-After in ${name} is obeyed`, async () => {
    const { world, tab } = loggedIn();
    world.clockError = hour;
    world.server = () =>
      world.refreshes() > 1 ? world.accept() : world.error(503, headers(world));
    const start = world.time;
    await world.value(tab.refresh());
    assert.ok(world.time - start >= 7000 && world.time - start < 8000, `${world.time - start}`);
  });
}
const date = (world, seconds) => new Date((world.serverNow() + seconds) * 1000).toUTCString();

test('a long Retry-After is an error at once, and later calls obey it too', async () => {
  const { world, tab } = loggedIn();
  world.server = () =>
    world.refreshes() > 1 ? world.accept() : world.error(429, { 'Retry-After': '120' });
  const { error } = await world.outcome(tab.refresh());
  assert.deepEqual([error.code, error.status, error.retryAfter], ['temporary', 429, 120]);
  await world.pass(60_000);
  assert.equal((await world.outcome(tab.refresh())).error.code, 'temporary');
  assert.equal(world.refreshes(), 1);
  await world.pass(50_000);
  await world.value(tab.refresh());
  assert.equal(world.refreshes(), 2);
});

test('a tab that waits for a retry does not block the other tabs', async () => {
  const { world, tab } = loggedIn();
  const other = world.tab();
  world.server = () =>
    world.refreshes() > 1 ? world.accept() : world.error(503, { 'Retry-After': '20' });
  await world.pass(hour);
  const start = world.time;
  const waiting = tab.token();
  waiting.catch(() => {});
  await world.pass(1000);
  const young = await world.value(other.token());
  assert.ok(world.time - start < 5000);
  assert.equal(
    await world.value(waiting),
    young,
    'the tab does not use the tokens of the other tab',
  );
  assert.equal(world.refreshes(), 2);
});

test('a failed refresh does not delay requests while the token is valid', async () => {
  const { world, tab } = loggedIn();
  world.server = route({ refresh: () => world.error(503) });
  await world.pass(550_000);
  assert.equal((await world.value(tab.fetch('/a'))).status, 200);
  await world.pass(20_000);
  assert.deepEqual(tab.told.logins, []);
});
