import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { assertAccessible, fits, looks, shot, startServer, useBrowser } from './browser.mjs';

const browser = useBrowser();
let server;
before(async () => (server = await startServer()));

for (const [look, options] of Object.entries(looks)) {
  test(`the documentation renders: ${look}`, async () => {
    const page = await browser.open(`${server}/`, options);
    await page.locator('html[data-ready]').waitFor();
    assert.equal(new URL(page.url()).pathname, '/docs');
    await page.getByText('/api/v1/refresh', { exact: false }).first().waitFor();
    await page.getByRole('heading', { name: /What a client does/ }).waitFor();
    await shot(page, `docs-${look}`);
    await fits(page);
    assert.deepEqual(page.errors, []);
  });
}

/** Sends the example of a refresh. The page fills it in some time after it is ready. */
async function tryRefresh(page) {
  const operation = page.locator('#operations-tokens-refreshToken');
  await page.waitForFunction(() =>
    /"refresh_token": "ey[^"]+"/.test(
      document.querySelector('#operations-tokens-refreshToken textarea')?.value,
    ),
  );
  await operation.getByRole('button', { name: 'Execute' }).click();
  return operation.locator('.live-responses-table');
}

for (const [look, options] of Object.entries(looks)) {
  test(`the documentation is accessible: ${look}`, async () => {
    const page = await browser.open(`${server}/docs`, options);
    await page.locator('html[data-ready]').waitFor();
    await (await tryRefresh(page)).waitFor();
    for (const operation of ['createRevocation', 'listRevocations', 'endSession']) {
      await page.locator(`#operations-sessions-${operation} .opblock-summary-control`).click();
    }
    await assertAccessible(page);
    await page.locator('.models-control').click();
    await page.getByRole('button', { name: 'ErrorEnvelope' }).click();
    for (const expand of await page.locator('.models .model-box-control').all()) {
      if ((await expand.getAttribute('aria-expanded')) === 'false') await expand.click();
    }
    await page.getByRole('button', { name: 'Authorize' }).first().click();
    await page.locator('.auth-container').first().waitFor();
    await assertAccessible(page);
  });
}

test('try it answers 200', async () => {
  const page = await browser.open(`${server}/docs`, looks.light);
  await page.locator('html[data-ready]').waitFor();
  const live = await tryRefresh(page);
  await live.getByText('200', { exact: true }).first().waitFor();
  assert.match(await live.innerText(), /"access_token": "ey/);
  await shot(page, 'docs-tried');
  assert.deepEqual(page.errors, []);
});

test('an OAuth client can be tried, and its operations are accessible', async () => {
  const page = await browser.open(`${server}/docs`, looks.light);
  await page.locator('html[data-ready]').waitFor();
  for (const operation of ['oauthToken', 'oauthRevoke', 'oauthIntrospect', 'oauthMetadata']) {
    await page.locator(`#operations-oauth-${operation} .opblock-summary-control`).click();
  }
  const operation = page.locator('#operations-oauth-oauthToken');
  const token = operation.locator('[data-property-name="refresh_token"] input').first();
  await token.waitFor();
  assert.match(await token.inputValue(), /^ey/);
  await operation.getByRole('button', { name: 'Execute' }).click();
  const live = operation.locator('.live-responses-table');
  await live.getByText('200', { exact: true }).first().waitFor();
  assert.match(await live.innerText(), /"token_type": "Bearer"/);
  await assertAccessible(page);
  assert.deepEqual(page.errors, []);
});

test('an administrator can try administration', async () => {
  const page = await browser.open(`${server}/docs`, looks.light);
  await page.locator('html[data-ready]').waitFor();
  const operation = page.locator('#operations-sessions-listRevocations');
  await operation.locator('.opblock-summary-control').click();
  await operation.getByRole('button', { name: 'Execute' }).click();
  const live = operation.locator('.live-responses-table');
  await live.getByText('200', { exact: true }).first().waitFor();
  assert.match(await live.innerText(), /"revocations": \[/);
  assert.deepEqual(page.errors, []);
});

test('the pages send no request to another server', async () => {
  const context = await browser.context();
  const foreign = [];
  context.on(
    'request',
    (r) =>
      new URL(r.url()).origin !== server && !r.url().startsWith('data:') && foreign.push(r.url()),
  );
  for (const path of ['/docs', '/playground']) {
    const page = await browser.open(server + path, context);
    await page.waitForLoadState('networkidle');
  }
  assert.deepEqual(foreign, []);
});

test('an operation is found, and has code in three languages', async () => {
  const page = await browser.open(`${server}/docs`, looks.phone);
  await page.locator('html[data-ready]').waitFor();
  await page.getByLabel('Find an operation').fill('exchange');
  await page.getByText(/^\d+ operations?$/).waitFor();
  await page.locator('#operations-sessions-listSessions').waitFor({ state: 'hidden' });
  const operation = page.locator('#operations-tokens-refreshToken');
  for (const language of ['curl', 'JavaScript', 'Go']) {
    await operation.getByText(`In ${language}`, { exact: true }).click();
  }
  const [curl, js, go] = await operation.locator('.samples pre').allTextContents();
  assert.match(curl, /^curl 'http:.*\/api\/v1\/refresh' \\\n/);
  assert.match(go, /http.NewRequestWithContext\(ctx, "POST", "http/);
  assert.match(js, /await fetch\('http.*\/api\/v1\/refresh', \{\n  method: 'POST'/);
  await operation.locator('.responses-table').first().waitFor({ state: 'hidden' });
  await operation.getByRole('button', { name: 'Show the answers' }).click();
  await operation.locator('.responses-table').first().waitFor();
  await fits(page);
  await assertAccessible(page);
  await shot(page, 'docs-found');
  assert.deepEqual(page.errors, []);
});

for (const path of ['README.md', 'browser.md', 'id/refresh-token.md', 'settings.md']) {
  test(`the manual is readable and accessible: ${path}`, async () => {
    const page = await browser.open(`${server}/docs/${path}`, looks.phone);
    await page.getByRole('heading', { level: 1 }).first().waitFor();
    await fits(page);
    await assertAccessible(page);
    await shot(page, `manual-${path.replace(/\W/g, '-')}`);
    assert.deepEqual(page.errors, []);
  });
}
