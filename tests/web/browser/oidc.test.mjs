// oidc-client-ts in a real browser, on another origin than the server, which loses answers, delays
// them, and is unavailable. The server is the fake: the real handlers, with plans for requests that
// are to fail.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { before, test } from 'node:test';
import { build } from 'esbuild';
import { cleanup, useBrowser } from './browser.mjs';
import { aMinuteLater, eventually, fakeLogin, plan, requests, startFake } from './fake.mjs';

const browser = useBrowser();
let origin; // of the page
const servers = {};

before(async () => {
  const bundle = await build({
    entryPoints: [new URL('oidc-app.mjs', import.meta.url).pathname],
    bundle: true,
    format: 'iife',
    globalName: 'app',
    write: false,
  });
  const script = bundle.outputFiles[0].text;
  const site = createServer((request, response) => {
    const js = request.url === '/app.js';
    response.setHeader('Content-Type', js ? 'text/javascript' : 'text/html');
    response.end(js ? script : '<!doctype html><title>app</title><script src="/app.js"></script>');
  });
  await new Promise((done) => site.listen(0, '127.0.0.1', done));
  cleanup(() => (site.closeAllConnections(), site.close()));
  origin = `http://127.0.0.1:${site.address().port}`;
  servers.rotation = await startFake('--rotation');
  servers['no rotation'] = await startFake();
});

/** Opens a tab. Its tokens are those of the context, which has localStorage. */
async function openTab(context, server, settings = {}) {
  const page = await browser.open(origin, context);
  await page.evaluate(([s, more]) => void (window.page = app.start(s, more)), [
    server,
    { pause: 20, ...settings },
  ]);
  return page;
}

/** A context that is closed after the test, because its tabs would go on renewing. */
async function newContext(t) {
  const context = await browser.context();
  t.after(() => context.close());
  return context;
}

/** A context with one tab that is logged in. */
async function loggedIn(t, server, identity, { settings, ...more } = {}) {
  const context = await newContext(t);
  const tab = await openTab(context, server, settings);
  const tokens = await fakeLogin(server, identity, more);
  await tab.evaluate(([t, sub]) => window.page.login(t, sub), [tokens, identity]);
  return { context, tab, refreshToken: tokens.refresh_token };
}

const renew = (tab) => tab.evaluate(() => window.page.renew());
const counts = (tab) => tab.evaluate(() => window.page.counts);
async function assertCounts(tab, renewals, failures, logins, last) {
  assert.deepEqual(await counts(tab), { renewals, failures, logins, last });
}
const stored = (tab) => tab.evaluate(async () => (await window.page.manager.getUser()) ?? null);
const reached = (tab, name, n) =>
  tab.waitForFunction(([key, least]) => window.page.counts[key] >= least, [name, n]);

for (const [mode, rotation] of [
  ['rotation', true],
  ['no rotation', false],
]) {
  test(`${mode}: a renewal stores the new tokens`, async (t) => {
    const server = servers[mode];
    const { tab, refreshToken } = await loggedIn(t, server, 'ok');
    let last = refreshToken;
    for (let round = 1; round <= 3; round++) {
      await aMinuteLater(server);
      await renew(tab);
      const user = await stored(tab);
      assert.equal(user.refresh_token !== last, rotation);
      assert.equal((await counts(tab)).renewals, round);
      last = user.refresh_token;
    }
    await assertCounts(tab, 3, 0, 0, '');
  });

  test(`${mode}: the user stays logged in after each failure`, async (t) => {
    const server = servers[mode];
    const { tab } = await loggedIn(t, server, 'faults');
    const kinds = {
      lose_answer: 'TypeError',
      truncate: 'TypeError',
      503: 'ErrorResponse',
      429: 'ErrorResponse',
      500: 'ErrorResponse',
      'html 502': 'Error',
      'html 401': 'Error',
      'html 400': 'Error',
    };
    for (const [planned, kind] of Object.entries(kinds)) {
      const before = await counts(tab);
      const [behaviour, status] = planned.split(' ');
      const more = { times: 3, status: Number(status ?? 0) };
      await plan(server, 'faults', '/oauth2/token', behaviour, more);
      await renew(tab);
      await reached(tab, 'renewals', before.renewals + 1);
      const { failures, logins, last } = await counts(tab);
      assert.ok(failures > before.failures, `${planned}: the plan was not carried out`);
      assert.equal(logins, 0, planned);
      assert.equal(last, kind, planned);
      await aMinuteLater(server);
    }
  });

  test(`${mode}: an answer that comes late is waited for`, async (t) => {
    const server = servers[mode];
    const { tab } = await loggedIn(t, server, 'late');
    await plan(server, 'late', '/oauth2/token', 'delay', { delay_ms: 50 });
    await renew(tab);
    await assertCounts(tab, 1, 0, 0, '');
  });

  test(`${mode}: a scope that is too wide is no reason to log in`, async (t) => {
    const server = servers[mode];
    const { tab } = await loggedIn(t, server, 'scope', { claims: { scope: 'read' } });
    const request = (scope) =>
      tab.evaluate(async (wanted) => {
        const user = await window.page.manager.getUser();
        await window.page.manager.storeUser(Object.assign(user, { scope: wanted }));
      }, scope);
    await request('read write');
    await renew(tab);
    const { logins, last } = await counts(tab);
    assert.deepEqual([logins, last], [0, 'ErrorResponse']);
    await request('read');
    await reached(tab, 'renewals', 1);
  });

  test(`${mode}: the user stays logged in if the client gives up too soon`, async (t) => {
    const server = servers[mode];
    const settings = { timeout: 1 };
    const { tab } = await loggedIn(t, server, 'delay', { settings });
    await plan(server, 'delay', '/oauth2/token', 'delay', { delay_ms: 600_000 });
    await renew(tab);
    await reached(tab, 'renewals', 1);
    const { logins, last } = await counts(tab);
    assert.deepEqual([logins, last], [0, 'ErrorTimeout']);
  });

  test(`${mode}: two tabs that renew by themselves stay logged in`, async (t) => {
    const server = servers[mode];
    // So long before the end that the library renews every second.
    const settings = { accessTokenExpiringNotificationTimeInSeconds: 4000 };
    const { context, tab } = await loggedIn(t, server, 'tabs', { settings });
    const alone = { ...settings, automaticSilentRenew: true };
    const tabs = [tab, await openTab(context, server, alone)];
    await stored(tabs[1]); // starts its timers
    for (let round = 1; round <= 3; round++) {
      await plan(server, 'tabs', '/oauth2/token', 'lose_answer', { times: round });
      for (const one of tabs) await reached(one, 'renewals', (await counts(one)).renewals + 1);
      await aMinuteLater(server);
    }
    for (const one of tabs) assert.equal((await counts(one)).logins, 0);
    assert.ok((await stored(tab)).refresh_token);
  });

  test(`${mode}: two tabs that renew at once stay logged in`, async (t) => {
    const server = servers[mode];
    const { context, tab, refreshToken } = await loggedIn(t, server, 'at-once');
    const tabs = [tab, await openTab(context, server)];
    await eventually(() => stored(tabs[1])); // it sees what the first tab has stored
    await plan(server, 'at-once', '/oauth2/token', 'together', { times: 2 });
    await Promise.all(tabs.map(renew));
    assert.equal((await stored(tab)).refresh_token !== refreshToken, rotation);
    await aMinuteLater(server);
    await Promise.all(tabs.map(renew));
    for (const one of tabs) await assertCounts(one, 2, 0, 0, '');
  });

  test(`${mode}: 32 renewals at once receive one refresh token`, async (t) => {
    const server = servers[mode];
    const { tab } = await loggedIn(t, server, 'parallel');
    // Chromium opens six connections to a server.
    await plan(server, 'parallel', '/oauth2/token', 'together', { times: 6 });
    const tokens = await tab.evaluate(async () => {
      const users = await Promise.all(
        Array.from({ length: 32 }, () => window.page.manager.signinSilent()),
      );
      return users.map((user) => user.refresh_token);
    });
    assert.equal(new Set(tokens).size, 1);
    await aMinuteLater(server);
    await renew(tab);
    await assertCounts(tab, 33, 0, 0, '');
  });

  test(`${mode}: an expired refresh token leads to the login, once`, async (t) => {
    const { tab } = await loggedIn(t, servers[mode], 'expired', { refresh_seconds: -1 });
    await renew(tab);
    await assertCounts(tab, 0, 1, 1, 'ErrorResponse');
    assert.equal(await stored(tab), null);
  });

  test(`${mode}: an expired refresh token leaves the login of another tab alone`, async (t) => {
    const server = servers[mode];
    const settings = { refresh_seconds: -1 };
    const { context, tab, refreshToken } = await loggedIn(t, server, 'anew', settings);
    await plan(server, 'anew', '/oauth2/token', 'together', { times: 2 });
    const renewal = renew(tab); // waits for the other request, so that the login comes first
    await eventually(async () => (await requests(server, 'anew')).length === 1);
    const other = await openTab(context, server);
    const tokens = await fakeLogin(server, 'anew');
    await other.evaluate((t) => window.page.login(t, 'anew'), tokens);
    await eventually(async () => (await stored(tab)).refresh_token === tokens.refresh_token);
    const form = { grant_type: 'refresh_token', refresh_token: refreshToken };
    await fetch(`${server}/oauth2/token`, { method: 'POST', body: new URLSearchParams(form) });
    await renewal;
    await assertCounts(tab, 0, 1, 0, 'ErrorResponse');
    assert.equal((await stored(tab)).refresh_token, tokens.refresh_token);
  });

  test(`${mode}: a logout holds everywhere once the server has confirmed it`, async (t) => {
    const server = servers[mode];
    const { tab, refreshToken } = await loggedIn(t, server, 'logout');
    const elsewhere = await openTab(await newContext(t), server);
    const copy = { access_token: 'old', refresh_token: refreshToken, expired: 0 };
    await elsewhere.evaluate((t) => window.page.login(t, 'logout'), copy);
    await plan(server, 'logout', '/oauth2/revoke', '503');
    await assert.rejects(tab.evaluate(() => window.page.logout()), /unavailable/);
    assert.ok((await stored(tab)).refresh_token);
    await tab.evaluate(() => window.page.logout());
    assert.equal(await stored(tab), null);
    await renew(elsewhere);
    await assertCounts(elsewhere, 0, 1, 1, 'ErrorResponse');
  });
}
