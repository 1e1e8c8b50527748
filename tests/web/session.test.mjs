import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSession, memoryStorage, claims } from '../../impl/web/session.js';
import { World, base, route } from './world.mjs';

const hour = 3_600_000;

/** A world with one tab that is logged in. */
function loggedIn(options, pair) {
  const world = new World();
  const tab = world.tab(options);
  tab.login(world.pair(pair));
  return { world, tab };
}

const bearer = (request) => request.headers.get('Authorization')?.replace('Bearer ', '');

// ---- Timing

for (const [name, wrong] of [['right', 0], ['an hour ahead', hour], ['an hour behind', -hour]]) {
  test(`a local clock that is ${name} neither delays nor hurries a refresh`, async () => {
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

test('a clock put back while the page was closed costs one early refresh', async () => {
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

test('a page that slept, its timer standing still, sees that the token is old', async () => {
  const { world, tab } = loggedIn({ env: { monotonic: () => 0 } });
  await world.pass(hour);
  assert.equal(tab.remaining(), 0);
});

test('a login token without iat lives to its expired by the local clock', async () => {
  const world = new World();
  const tab = world.tab();
  tab.login({ access_token: world.jwt({ exp: 1 }), refresh_token: 'R', expired: world.serverNow() + 300 });
  assert.equal(Math.round(tab.remaining()), 300);
});

test('a login without a usable access token refreshes at the first need', async () => {
  for (const pair of [{ refresh_token: 'R' }, { refresh_token: 'R', access_token: 'opaque' }, { refresh_token: 'R', access_token: 'a.b.c', expired: 5 }]) {
    const world = new World();
    const tab = world.tab();
    tab.login(pair);
    await world.value(tab.token());
    assert.equal(world.refreshes(), 1);
  }
});

test('nobody waits for a refresh while the token still lives, and all do when it is about to die', async () => {
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

// ---- Single flight

test('in one page any number of callers make one refresh', async () => {
  const { world, tab } = loggedIn();
  await world.pass(hour);
  const tokens = await world.value(Promise.all(Array.from({ length: 20 }, () => tab.token())));
  assert.equal(new Set(tokens).size, 1);
  assert.equal(world.refreshes(), 1);
});

test('callers in one page share the tries of a refresh that fails', async () => {
  const { world, tab } = loggedIn();
  world.server = () => world.error(500);
  await world.pass(hour);
  const calls = await Promise.all(Array.from({ length: 20 }, () => world.outcome(tab.token())));
  assert.deepEqual([...new Set(calls.map(({ error }) => error.code))], ['temporary']);
  assert.equal(world.refreshes(), 4);
});

for (const [name, env] of [['Web Locks', {}], ['a storage lease', { locks: undefined }]]) {
  test(`two tabs with ${name} make one refresh`, async () => {
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

test('a tab that sees late what another has stored, as browsers may have it, makes no refresh of its own', async () => {
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

test('a tab that died at work, leaving its lease, is waited for a second', async () => {
  const { world, tab } = loggedIn();
  await world.pass(hour);
  const start = world.time;
  world.storage.setItem(`session@${base}/#lease`, JSON.stringify({ owner: 'gone', until: world.epoch + world.time + 15_000 }));
  await world.value(tab.token());
  assert.ok(world.time - start < 2000);
});

test('a lock whose holder hangs delays a refresh, it does not prevent it', async () => {
  const { world, tab } = loggedIn();
  world.locks.hang(`session@${base}/`);
  await world.pass(hour);
  const start = world.time;
  await world.value(tab.token());
  assert.equal(world.refreshes(), 1);
  assert.ok(world.time - start < 20_000);
});

test('locks that neither come nor fail delay a refresh, they do not prevent it', async () => {
  const { world, tab } = loggedIn({ env: { locks: { request: () => new Promise(() => {}) } } });
  await world.pass(hour);
  await world.value(tab.token());
  assert.equal(world.refreshes(), 1);
});

test('locks that are forbidden do not matter', async () => {
  const { world, tab } = loggedIn({ env: { locks: { request: () => Promise.reject(new DOMException('no', 'SecurityError')) } } });
  await world.pass(hour);
  await world.value(tab.token());
  assert.equal(world.refreshes(), 1);
});

for (const [name, until] of [['has died', 10_000], ['wrote it before the clock was put back', hour]]) {
  test(`a storage lease whose holder ${name} runs out`, async () => {
    const { world, tab } = loggedIn({ env: { locks: undefined } });
    await world.pass(hour);
    const lease = { owner: 'gone', until: world.epoch + world.time + until };
    world.storage.setItem(`session@${base}/#lease`, JSON.stringify(lease));
    const start = world.time;
    await world.value(tab.token());
    assert.ok(world.time - start < 20_000);
    assert.ok(until === hour || world.time - start > 10_000, 'it was not waited for');
    assert.equal(world.storage.getItem(`session@${base}/#lease`), null, 'it was not given back');
  });
}

test('a server that never answers is asked again, and given up in the end', async () => {
  const { world, tab } = loggedIn();
  world.server = () => new Promise(() => {});
  await world.pass(hour);
  const { error } = await world.outcome(tab.token());
  assert.equal(error.code, 'temporary');
  assert.equal(world.refreshes(), 4);
  assert.notEqual(tab.tokens, null);
});

// ---- The end of a session

for (const [status, reason] of [[421, 'expired'], [422, 'refused']]) {
  test(`${status} logs out, once, in every tab`, async () => {
    const { world, tab } = loggedIn();
    const other = world.tab();
    world.server = () => world.error(status);
    await world.pass(hour);
    const calls = [tab.fetch('/a'), tab.token(), tab.refreshOnOpen(), other.token()].map((p) => world.outcome(p));
    const [first, second, opened, elsewhere] = await Promise.all(calls);
    assert.deepEqual([first.error.code, second.error.code, elsewhere.error.code], ['login', 'login', 'login']);
    assert.equal(opened.value, false);
    assert.deepEqual(first.error.causes, ['because']);
    assert.equal((await world.outcome(tab.fetch('/b'))).error.code, 'login');
    assert.deepEqual(tab.told.logins, [reason]);
    assert.equal(other.told.logins.length, 1);
    assert.equal(tab.tokens, null);
    assert.equal(world.refreshes(), 1);
  });

  test(`${status} for a refresh token that storage no longer holds logs nobody out`, async () => {
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

  test(`${status} of another server than the refresh endpoint is that server's business`, async () => {
    const { world, tab } = loggedIn();
    world.server = () => world.error(status);
    assert.equal((await world.value(tab.fetch('/things'))).status, status);
    assert.notEqual(tab.tokens, null);
  });
}

for (const status of [400, 401, 403, 404, 405, 413, 415]) {
  test(`${status} is the caller's mistake: no logout, no second try`, async () => {
    const { world, tab } = loggedIn();
    world.server = () => world.error(status);
    const { error } = await world.outcome(tab.refresh());
    assert.equal(error.code, 'request');
    assert.equal(error.status, status);
    assert.equal(world.refreshes(), 1);
    assert.notEqual(tab.tokens, null);
  });
}

test('after a new login a second end is announced again', async () => {
  const { world, tab } = loggedIn();
  world.server = () => world.error(421);
  for (let i = 0; i < 2; i++) {
    tab.login(world.pair());
    await world.outcome(tab.refresh());
  }
  assert.deepEqual(tab.told.logins, ['expired', 'expired']);
});

test('without a session nothing is sent, and the login is asked for once', async () => {
  const world = new World();
  const tab = world.tab();
  assert.equal((await world.outcome(tab.fetch('/a'))).error.code, 'login');
  assert.equal((await world.outcome(tab.refresh())).error.code, 'login');
  assert.deepEqual(tab.told.logins, ['none']);
  assert.equal(world.requests.length, 0);
});

test('logout forgets at once, tells the server, and never fails', async () => {
  for (const server of [() => new Response(null, { status: 204 }), (w) => w.error(404), () => Promise.reject(new TypeError('offline'))]) {
    const { world, tab } = loggedIn();
    world.server = () => server(world);
    const { refresh_token } = tab.tokens;
    const ended = tab.logout();
    assert.equal(tab.tokens, null);
    await world.value(ended);
    assert.deepEqual(world.requests.map((r) => r.url), [`${base}/api/v1/revoke`]);
    assert.deepEqual(await world.requests[0].json(), { refresh_token });
    assert.deepEqual(tab.told.logins, ['logout']);
  }
});

test('a logout in another tab reaches this one', async () => {
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

test('a logout during a refresh stays a logout', async () => {
  const { world, tab } = loggedIn();
  world.server = () => {
    world.storage.removeItem(`session@${base}/`);
    return world.accept({ refresh: 'R-next' });
  };
  await world.pass(hour);
  assert.equal((await world.outcome(tab.token())).error.code, 'login');
  assert.equal(tab.tokens, null);
});

// ---- Trouble that passes

const troubles = {
  429: (w) => w.error(429),
  500: (w) => w.error(500),
  502: () => new Response('<html>', { status: 502 }),
  503: (w) => w.error(503),
  'a network error': () => Promise.reject(new TypeError('Failed to fetch')),
  'a page of somebody else': () => new Response('<html>log in to this hotel</html>'),
  'an empty object': () => Response.json({}),
};
for (const [name, answer] of Object.entries(troubles)) {
  test(`${name} is tried again and logs nobody out`, async () => {
    const { world, tab } = loggedIn();
    let left = 3;
    world.server = () => (left-- > 0 ? answer(world) : world.accept());
    await world.pass(hour);
    const start = world.time;
    await world.value(tab.token());
    assert.equal(world.refreshes(), 4);
    assert.ok(world.time - start >= 3500, 'it did not wait longer and longer');
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
  ['a date, by the server\'s own clock', (w) => ({ 'Retry-After': date(w, 8), Date: date(w, 1) })],
]) {
  test(`Retry-After in ${name} is honoured`, async () => {
    const { world, tab } = loggedIn();
    world.clockError = hour;
    world.server = () => (world.refreshes() > 1 ? world.accept() : world.error(503, headers(world)));
    const start = world.time;
    await world.value(tab.refresh());
    assert.ok(world.time - start >= 7000 && world.time - start < 8000, `${world.time - start}`);
  });
}
const date = (world, seconds) => new Date((world.serverNow() + seconds) * 1000).toUTCString();

test('a long Retry-After is handed to the caller, and kept by every later call', async () => {
  const { world, tab } = loggedIn();
  world.server = () => (world.refreshes() > 1 ? world.accept() : world.error(429, { 'Retry-After': '120' }));
  const { error } = await world.outcome(tab.refresh());
  assert.deepEqual([error.code, error.status, error.retryAfter], ['temporary', 429, 120]);
  await world.pass(60_000);
  assert.equal((await world.outcome(tab.refresh())).error.code, 'temporary');
  assert.equal(world.refreshes(), 1);
  await world.pass(50_000);
  await world.value(tab.refresh());
  assert.equal(world.refreshes(), 2);
});

test('waiting to try again does not keep other tabs from refreshing', async () => {
  const { world, tab } = loggedIn();
  const other = world.tab();
  world.server = () => (world.refreshes() > 1 ? world.accept() : world.error(503, { 'Retry-After': '20' }));
  await world.pass(hour);
  const start = world.time;
  const waiting = tab.token();
  waiting.catch(() => {});
  await world.pass(1000);
  const young = await world.value(other.token());
  assert.ok(world.time - start < 5000);
  assert.equal(await world.value(waiting), young, 'it did not take what the other tab had got');
  assert.equal(world.refreshes(), 2);
});

test('trouble with a refresh ahead of time does not disturb requests', async () => {
  const { world, tab } = loggedIn();
  world.server = route({ refresh: () => world.error(503) });
  await world.pass(550_000);
  assert.equal((await world.value(tab.fetch('/a'))).status, 200);
  await world.pass(20_000);
  assert.deepEqual(tab.told.logins, []);
});

// ---- Rotation

test('a rotated refresh token is stored and used next, with the limit', async () => {
  const { world, tab } = loggedIn({ limit: 10 }, { refresh: 'R0' });
  let n = 0;
  const sent = [];
  world.server = async (request) => {
    sent.push(await request.clone().json());
    return world.accept({ refresh: `R${++n}` });
  };
  await world.value(tab.refresh());
  await world.value(tab.refresh());
  assert.deepEqual(sent, [{ refresh_token: 'R0', limit: 10 }, { refresh_token: 'R1', limit: 10 }]);
  assert.equal(tab.tokens.refresh_token, 'R2');
});

test('an answer that comes late overwrites nothing newer', async () => {
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

test('of two answers to one refresh token the younger access token stays, and the rotated token in any case', async () => {
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

test('a rotated token survives a storage that is full', async () => {
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

test('listeners that throw cannot lose a token', async () => {
  const later = [];
  const onChange = () => { throw new Error('mine'); };
  const { world, tab } = loggedIn({ onChange, env: { later: (run) => later.push(run) } }, { refresh: 'R0' });
  world.server = () => world.accept({ refresh: 'R1' });
  await world.value(tab.refresh());
  assert.equal(tab.tokens.refresh_token, 'R1');
  assert.equal(later.length, 2);
  for (const run of later) assert.throws(run, /mine/);
});

test('two logins in one storage keep apart', () => {
  const world = new World();
  const [a, b] = [world.tab(), world.tab({ name: 'admin' })];
  a.login(world.pair({ refresh: 'A' }));
  b.login(world.pair({ refresh: 'B' }));
  assert.deepEqual([a.tokens.refresh_token, b.tokens.refresh_token], ['A', 'B']);
});

for (const rubbish of ['', 'null', '[]', '{"refresh_token":7}', '{', '"x"']) {
  test(`rubbish in storage is no session: ${rubbish}`, () => {
    const world = new World();
    world.storage.setItem(`session@${base}/`, rubbish);
    assert.equal(world.tab().tokens, null);
  });
}

// ---- fetch

test('fetch sends the bearer token, and everything else as it came', async () => {
  const { world, tab } = loggedIn();
  await world.value(tab.fetch('/things?a=1', { method: 'PUT', body: 'x', headers: { 'X-Mine': 'y' } }));
  const [request] = world.requests;
  assert.equal(request.url, `${base}/things?a=1`);
  assert.equal(bearer(request), tab.tokens.access_token);
  assert.deepEqual([request.method, request.headers.get('X-Mine'), await request.text()], ['PUT', 'y', 'x']);
});

test('the token goes to no other origin, unless told so', async () => {
  const { world, tab } = loggedIn({ origins: ['https://friend.example/x'] });
  const targets = {
    [`${base}/a`]: true,
    'https://friend.example/b': true,
    'https://api.example.evil.example/': false,
    'http://api.example/': false,
    'https://api.example:8443/': false,
    'https://user@evil.example/': false,
    '//evil.example/': false,
  };
  for (const [url, sent] of Object.entries(targets)) {
    if (url.includes('user@')) continue; // fetch itself refuses it
    await world.value(tab.fetch(url));
    assert.equal(bearer(world.requests.at(-1)) !== undefined, sent, url);
  }
});

test('an Authorization header of the caller stays', async () => {
  const { world, tab } = loggedIn();
  world.server = () => new Response(null, { status: 401 });
  await world.value(tab.fetch('/a', { headers: { Authorization: 'Basic x' } }));
  assert.equal(world.requests.length, 1);
  assert.equal(world.requests[0].headers.get('Authorization'), 'Basic x');
});

for (const [name, request] of [
  ['a body in init', () => ['/a', { method: 'POST', body: 'hello' }]],
  ['a Request', () => [new Request(`${base}/a`, { method: 'POST', body: 'hello' })]],
]) {
  test(`after a 401 a request with ${name} is sent again, once, with a new token`, async () => {
    const { world, tab } = loggedIn();
    const bodies = [];
    const first = tab.tokens.access_token;
    world.server = route({
      refresh: () => world.accept(),
      api: async (r) => (bodies.push(await r.clone().text()), new Response(null, { status: bearer(r) === first ? 401 : 200 })),
    });
    assert.equal((await world.value(tab.fetch(...request()))).status, 200);
    assert.deepEqual(bodies, ['hello', 'hello']);
    assert.equal(world.refreshes(), 1);
  });
}

test('a 401 that a new token does not cure reaches the caller, and costs no further refresh', async () => {
  const { world, tab } = loggedIn();
  world.server = route({ refresh: () => world.accept(), api: () => new Response(null, { status: 401 }) });
  assert.equal((await world.value(tab.fetch('/a'))).status, 401);
  assert.equal((await world.value(tab.fetch('/a'))).status, 401);
  assert.equal(world.refreshes(), 1);
  assert.equal(world.requests.length, 4);
});

test('a 401 for a token that another tab has replaced costs no refresh', async () => {
  const { world, tab } = loggedIn();
  world.server = route({
    refresh: () => assert.fail('not needed'),
    api: (r) => {
      if (world.requests.length > 1) return new Response('ok');
      world.tab().login(world.pair());
      return new Response(null, { status: 401 });
    },
  });
  assert.equal((await world.value(tab.fetch('/a'))).status, 200);
  assert.equal(world.refreshes(), 0);
});

test('a streamed body cannot be sent twice: the 401 reaches the caller, the next request has the new token', async () => {
  const { world, tab } = loggedIn();
  const first = tab.tokens.access_token;
  world.server = route({
    refresh: () => world.accept(),
    api: async (r) => (await r.clone().text(), new Response(null, { status: bearer(r) === first ? 401 : 200 })),
  });
  const stream = new Blob(['hello']).stream();
  assert.equal((await world.value(tab.fetch('/a', { method: 'POST', body: stream, duplex: 'half' }))).status, 401);
  assert.equal((await world.value(tab.fetch('/a'))).status, 200);
  assert.equal(world.requests.filter((r) => r.url.endsWith('/a')).length, 2);
});

test('an aborted request does not wait for a refresh, and the refresh goes on', async () => {
  const { world, tab } = loggedIn();
  await world.pass(hour);
  const stop = new AbortController();
  const rejected = assert.rejects(tab.fetch('/a', { signal: stop.signal }), { name: 'AbortError' });
  await world.pass(10);
  stop.abort();
  await rejected;
  await world.pass(1000);
  assert.equal(world.refreshes(), 1);
  assert.equal(Math.round(tab.remaining()), 599);
});

test('the refresh token goes to the refresh endpoint alone, without cookies and not through redirects', async () => {
  const { world, tab } = loggedIn({ baseUrl: 'https://api.example/under/here' });
  await world.value(tab.refresh());
  const [request] = world.requests;
  assert.equal(request.url, 'https://api.example/under/here/api/v1/refresh');
  assert.equal(request.headers.get('Content-Type'), 'application/json');
  assert.deepEqual([request.redirect, request.credentials, request.cache], ['error', 'omit', 'no-store']);
});

// ---- The rest

test('refreshOnOpen refreshes whatever time is left', async () => {
  const { world, tab } = loggedIn();
  assert.equal(await world.value(tab.refreshOnOpen()), true);
  assert.equal(world.refreshes(), 1);
  assert.deepEqual(tab.told.changes, ['login', 'refresh']);
});

for (const limit of [9, 10081, 10.5, '10', NaN, null]) {
  test(`a limit that no server accepts is refused at once: ${limit}`, () => {
    assert.throws(() => createSession({ baseUrl: base, limit }), RangeError);
  });
}

test('a login without a refresh token is refused', () => {
  assert.throws(() => new World().tab().login({ access_token: 'x' }), TypeError);
});

test('claims reads names in any script, and no rubbish', () => {
  const world = new World();
  assert.equal(claims(world.jwt({ name: 'Muchlis 木' })).name, 'Muchlis 木');
  for (const bad of ['', 'a.b.c', undefined, 'x']) assert.equal(claims(bad), undefined);
});
