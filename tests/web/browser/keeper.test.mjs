// The session keeper in a real browser: wrong clocks, no network, and a 421, after which browsers
// may repeat the request.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
  happened,
  looks,
  press,
  requests,
  startServer,
  temporary,
  useBrowser,
} from './browser.mjs';

const browser = useBrowser();
let server;
before(async () => (server = await startServer()));

async function loggedIn(context, { address = server, access = '60' } = {}) {
  const page = await browser.open(`${address}/playground`, context);
  await page.getByLabel('Lifetime of the first access token').selectOption(access);
  await press(page, 'Log in');
  await happened(page, 'Logged in');
  return page;
}

/** Runs in the page. It sets the page's clock wrong by `error` milliseconds; timers stay right. */
function wrongClock(error) {
  const Right = Date;
  globalThis.Date = class extends Right {
    constructor(...args) {
      super(...(args.length ? args : [Right.now() + error]));
    }
    static now() {
      return Right.now() + error;
    }
  };
}

for (const [name, error] of [
  ['ahead', 3_600_000],
  ['behind', -3_600_000],
]) {
  test(`a machine whose clock is an hour ${name} refreshes at the right time`, async () => {
    const context = await browser.context(looks.light);
    await context.addInitScript(wrongClock, error);
    const page = await loggedIn(context, { access: '20' });
    await press(page, 'Call the API');
    await happened(page, 'The API accepts the access token');
    assert.equal(await requests(page, '/api/v1/refresh'), 0, 'too early');
    await page.reload();
    assert.match(await page.locator('#left').textContent(), /^00:1\d$/, 'after a reload');
    await page.locator('#left', { hasText: 'expired' }).waitFor({ timeout: 60_000 });
    await press(page, 'Call the API');
    await happened(page, 'The API accepts the access token');
    assert.equal(await requests(page, '/playground/hello: 401'), 0, 'too late');
    assert.equal(await requests(page, '/api/v1/refresh: 200'), 1);
  });
}

test('the user stays logged in while the machine is offline', async () => {
  const context = await browser.context(looks.light);
  const page = await loggedIn(context);
  const old = await page.locator('#access-raw').textContent();
  await context.setOffline(true);
  await press(page, 'Open the dashboard');
  await happened(page, 'stays logged in');
  await page.locator('[data-do=open]:not([aria-busy])').waitFor();
  assert.equal(await requests(page, 'Back to the login'), 0);
  await context.setOffline(false);
  await press(page, 'Open the dashboard');
  await happened(page, 'Refreshed');
  assert.notEqual(await page.locator('#access-raw').textContent(), old);
});

test('tabs that find the token expired at once send one request', async () => {
  const context = await browser.context(looks.light);
  let refreshes = 0;
  await context.route('**/api/v1/refresh', async (route) => {
    refreshes++;
    await new Promise((done) => setTimeout(done, 500));
    await route.continue();
  });
  const pages = [await loggedIn(context)];
  for (let i = 0; i < 3; i++) pages.push(await browser.open(`${server}/playground`, context));
  const ask = async () => {
    const { createSession } = await import('/session.js');
    const session = createSession();
    globalThis.keeper = session;
    const { refresh_token } = session.tokens;
    return { refresh_token };
  };
  const [{ refresh_token }] = await Promise.all(pages.map((page) => page.evaluate(ask)));
  await pages[0].evaluate((r) => globalThis.keeper.login({ refresh_token: r }), refresh_token);
  for (const page of pages)
    await page.waitForFunction(() => globalThis.keeper.tokens.access_token === '');
  const tokens = await Promise.all(
    pages.map((page) => page.evaluate(() => globalThis.keeper.token())),
  );
  assert.equal(new Set(tokens).size, 1);
  assert.equal(refreshes, 1);
});

/** Starts the server with TLS, so that browsers use HTTP/2. */
async function startTLS() {
  const goroot = execFileSync('go', ['env', 'GOROOT'], { encoding: 'utf8' }).trim();
  const generate = join(goroot, 'src/crypto/tls/generate_cert.go');
  execFileSync('go', ['run', generate, '--host', '127.0.0.1', '--ecdsa-curve', 'P256'], {
    cwd: temporary,
    stdio: 'pipe',
  });
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(temporary, name));
  return startServer(`--tls-cert=${cert}`, `--tls-key=${key}`);
}

test('421 over HTTP/2, where a browser may repeat the request, ends the session once', async () => {
  const address = await startTLS();
  const context = await browser.context({ ...looks.light, ignoreHTTPSErrors: true });
  const page = await loggedIn(context, { address });
  await press(page, 'Expire the refresh token');
  await page.getByRole('status').getByText('421').waitFor();
  await page.waitForTimeout(1000); // a second logout would show by now
  assert.equal(await requests(page, 'Back to the login'), 1);
  assert.equal(await requests(page, '/api/v1/refresh: 421'), 1);
  const protocols = await page.evaluate(() =>
    performance
      .getEntriesByType('resource')
      .filter(({ name }) => name.endsWith('/api/v1/refresh'))
      .map(({ nextHopProtocol }) => nextHopProtocol),
  );
  assert.ok(protocols.length >= 1 && protocols.every((one) => one === 'h2'), protocols.join());
  await press(page, 'Log in');
  await press(page, 'Open the dashboard');
  await happened(page, 'Refreshed');
});
