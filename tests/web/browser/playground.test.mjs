import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import {
  assertAccessible,
  fits,
  happened,
  looks,
  press,
  requests,
  shot,
  startServer,
  useBrowser,
} from './browser.mjs';

const browser = useBrowser();
let server;
before(async () => (server = await startServer()));

async function playground(options = looks.light) {
  const page = await browser.open(`${server}/playground`, options);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Access token' }).waitFor();
  return page;
}

const token = (page) => page.locator('#access-raw').textContent();

for (const [look, options] of Object.entries(looks)) {
  test(`the playground is accessible: ${look}`, async () => {
    const page = await browser.open(`${server}/playground`, options);
    const check = async (state) => {
      await shot(page, `playground-${state}-${look}`);
      await fits(page);
      await assertAccessible(page);
    };
    await check('login');
    await press(page, 'Log in');
    await happened(page, 'Logged in');
    await press(page, 'Call the API');
    await happened(page, 'The API accepts the access token');
    await press(page, 'Lose an answer');
    await happened(page, 'Refreshed');
    await page.locator('#line details summary').first().click();
    await check('session');
    assert.deepEqual(page.errors, []);
  });
}

test('a call refreshes if the access token expires soon, and not before', async () => {
  const page = await browser.open(`${server}/playground`, looks.light);
  await page.getByLabel('Lifetime of the first access token').selectOption('20');
  await press(page, 'Log in');
  await happened(page, 'Logged in');
  await press(page, 'Call the API');
  await happened(page, 'The API accepts the access token');
  assert.equal(await requests(page, '/api/v1/refresh'), 0);
  const old = await token(page);
  await page.locator('#left', { hasText: 'expired' }).waitFor({ timeout: 60_000 });
  await press(page, 'Call the API');
  await happened(page, 'Refreshed');
  assert.notEqual(await token(page), old);
  await page.locator('#left', { hasText: /^(10:00|09:5\d)$/ }).waitFor();
});

test('opening the dashboard refreshes', async () => {
  const page = await playground();
  const old = await token(page);
  await press(page, 'Open the dashboard');
  await happened(page, 'Refreshed');
  assert.notEqual(await token(page), old);
});

test('a refresh whose answer is lost is sent again', async () => {
  const page = await playground();
  await press(page, 'Lose an answer');
  await happened(page, 'the answer is lost');
  await happened(page, 'stays logged in');
  await happened(page, 'Refreshed');
  assert.equal(await requests(page, '/api/v1/refresh'), 2);
});

test('a spoiled access token causes one refresh', async () => {
  const page = await playground();
  await press(page, 'Spoil the access token');
  await happened(page, '/playground/hello: 401');
  await happened(page, 'The API accepts the access token');
  assert.equal(await requests(page, '/api/v1/refresh'), 1);
});

test('an expired refresh token leads to the login, once', async () => {
  const page = await playground();
  await press(page, 'Expire the refresh token');
  await page.getByRole('status').getByText('421').waitFor();
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  assert.equal(await requests(page, 'Back to the login'), 1);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'login-title');
  await shot(page, 'playground-expired');
  await press(page, 'Log in');
  await happened(page, 'Logged in');
});

test('a revoked refresh token leads to the login, once', async () => {
  const page = await playground();
  await press(page, 'Revoke the refresh token');
  await page.getByRole('status').getByText('422').waitFor();
  await happened(page, 'token is revoked');
  assert.equal(await requests(page, 'Back to the login'), 1);
});

test('after a login the focus is on the access token, and the time line is announced', async () => {
  const page = await playground();
  await happened(page, 'Logged in');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'left-title');
  const log = page.getByRole('log', { name: 'Time line' });
  await log.getByText('Logged in').waitFor();
});

test('on a phone the effect of a button is in sight', async () => {
  const page = await playground(looks.phone);
  await press(page, 'Refresh in all tabs at once');
  await page.locator('#latest', { hasText: 'This tab has the new token' }).waitFor();
  const { y, height } = await page.locator('#latest').boundingBox();
  assert.ok(y > 0 && y + height <= looks.phone.viewport.height, `${y} ${height}`);
  const button = page.getByRole('button', { name: 'Refresh in all tabs at once' });
  const box = await button.boundingBox();
  assert.ok(box.y + box.height <= y, 'the entry covers the button');
});

test('the playground works with the keyboard alone', async () => {
  const page = await browser.open(`${server}/playground`, looks.light);
  await page.keyboard.press('Tab');
  assert.equal(
    await page.evaluate(() => document.activeElement.textContent),
    'Skip to the playground',
  );
  await page.getByLabel('E-mail').focus();
  await page.keyboard.press('Enter');
  await happened(page, 'Logged in');
  await page.getByRole('button', { name: 'Open the dashboard' }).focus();
  await page.keyboard.press('Space');
  await happened(page, 'Refreshed');
});

test('a logout is announced in the other tab', async () => {
  const context = await browser.context(looks.light);
  const page = await playground(context);
  const second = await browser.open(`${server}/playground`, context);
  await second.getByRole('heading', { name: 'Access token' }).waitFor();
  await press(page, 'Log out');
  await second.getByRole('status').getByText('logged out in another tab').waitFor();
  assert.equal(await requests(second, 'Back to the login'), 1);
});

test('two tabs that refresh at once send one request and stay logged in', async () => {
  const context = await browser.context(looks.light);
  const page = await playground(context);
  const second = await browser.open(`${server}/playground`, context);
  await second.getByRole('heading', { name: 'Access token' }).waitFor();
  for (let round = 0; round < 5; round++) {
    for (const tab of [page, second]) await press(tab, 'Clear');
    const old = await token(page);
    await press(page, 'Refresh in all tabs at once');
    await happened(page, 'This tab has the new token');
    await happened(second, 'This tab has the new token');
    assert.notEqual(await token(page), old);
    assert.equal(await token(page), await token(second));
    const lines = (
      await Promise.all([page, second].map((tab) => tab.locator('#line li').allInnerTexts()))
    ).flat();
    assert.equal(
      lines.filter((line) => line.includes('/api/v1/refresh: 200')).length,
      1,
      lines.join('; '),
    );
  }
});

test('without a development key the page says how to switch the playground on', async () => {
  const closed = await startServer('--secret', 'a secret of at least thirty-two bytes');
  const page = await browser.open(`${closed}/playground`, looks.light);
  await page.getByText('--playground').waitFor();
  await shot(page, 'playground-off');
  const open = await startServer(
    '--secret',
    'a secret of at least thirty-two bytes',
    '--playground',
  );
  const playing = await browser.open(`${open}/playground`, looks.light);
  await playing.getByRole('button', { name: 'Log in' }).waitFor();
});
