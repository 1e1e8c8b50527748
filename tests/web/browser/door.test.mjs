// The playground with the refresh token in a cookie, in Indonesian, and with a thief.
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
before(async () => {
  const rotation = ['--rotation', '--rotation-window=1s', '--clock-skew=0s'];
  server = await startServer('--browser-door', ...rotation);
});

async function logIn(context, place) {
  const page = await browser.open(`${server}/playground`, context);
  await page.getByLabel('Place of the refresh token').selectOption(place);
  await press(page, 'Log in');
  await happened(page, 'Logged in');
  return page;
}

test('with a cookie no script sees the refresh token, and a reload stays logged in', async () => {
  const context = await browser.context(looks.light);
  const page = await logIn(context, 'cookie');
  await page.getByText('Not even this page knows it').waitFor();
  await press(page, 'Open the dashboard');
  await happened(page, 'Refreshed');
  const [cookie] = await context.cookies(`${server}/api/v1/browser/refresh`);
  const { name, secure, httpOnly, sameSite, path } = cookie;
  assert.deepEqual([name, secure], ['refresh', false], 'works without TLS in every browser');
  assert.deepEqual([httpOnly, sameSite, path], [true, 'Strict', '/api/v1/browser']);
  const seen = await page.evaluate(() => document.cookie + JSON.stringify({ ...localStorage }));
  assert.ok(!seen.includes(cookie.value.slice(0, 20)) && !seen.includes('eyJ'), seen);
  await assertAccessible(page);
  await page.reload();
  await happened(page, 'Refreshed');
  await press(page, 'Call the API');
  await happened(page, 'The API accepts the access token');
  await press(page, 'Steal the refresh token');
  await happened(page, 'The thief finds no refresh token');
  await press(page, 'Revoke the refresh token');
  await page.getByRole('status').getByText('422').waitFor();
  assert.deepEqual(await context.cookies(`${server}/api/v1/browser/refresh`), []);
  assert.deepEqual(page.errors, []);
});

test('with a cookie two tabs refresh at once, and both hear of a logout', async () => {
  const context = await browser.context(looks.light);
  const page = await logIn(context, 'cookie');
  const second = await browser.open(`${server}/playground`, context);
  await happened(second, 'Refreshed');
  await press(page, 'Refresh in all tabs at once');
  for (const tab of [page, second]) await happened(tab, 'This tab has the new token');
  await press(page, 'Log out');
  await second.getByRole('status').getByText('logged out in another tab').waitFor();
  await happened(page, '/api/v1/browser/logout: 204');
  assert.deepEqual(await context.cookies(`${server}/api/v1/browser/refresh`), []);
});

test('an expired cookie leads to the login, and the page says where it went', async () => {
  const page = await logIn(looks.phone, 'cookie');
  await press(page, 'Expire the refresh token');
  await happened(page, 'The browser has removed the expired cookie');
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  assert.equal(await requests(page, 'Back to the login'), 1);
});

test('a login as another user in another tab is noticed', async () => {
  const context = await browser.context(looks.light);
  const page = await logIn(context, 'cookie');
  await press(page, 'Call the API');
  await happened(page, 'The API accepts');
  const second = await browser.open(`${server}/playground`, context);
  await happened(second, 'Refreshed');
  await press(second, 'Log out');
  await second.getByRole('heading', { name: 'Log in' }).waitFor();
  await second.getByLabel('E-mail').fill('ben@example.com');
  await press(second, 'Log in');
  await happened(second, 'Logged in');
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  await page.reload();
  await page.locator('#access-claims', { hasText: 'ben@example.com' }).waitFor();
});

test('the rotation ends the session of a thief, and the page says why', async () => {
  const page = await logIn(looks.phone, 'storage');
  await press(page, 'Steal the refresh token');
  await happened(page, 'The server has noticed that a used token came again');
  await page.getByRole('status').getByText('422').waitFor();
  assert.equal(await requests(page, 'Back to the login'), 1);
  await shot(page, 'playground-thief');
});

test('a browser that prefers Indonesian gets all texts in it', async () => {
  const context = await browser.context({ ...looks.phone, locale: 'id-ID' });
  const page = await browser.open(`${server}/playground`, context);
  await press(page, 'Login');
  await happened(page, 'Login berhasil');
  await press(page, 'Panggil API');
  await happened(page, 'API menerima access token');
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'id');
  const english = await page.locator('main').evaluate((main) => {
    const words = /\b(the|and|is|your|page|server refreshes|token has)\b/i;
    const walker = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
    const found = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const skipped = node.parentElement.closest('pre, code, noscript');
      if (!skipped && words.test(node.data)) found.push(node.data.trim());
    }
    return found;
  });
  assert.deepEqual(english, []);
  await page.getByRole('progressbar', { name: 'Sisa umur' }).waitFor();
  const manual = page.getByRole('link', { name: 'Panduan' });
  assert.equal(await manual.getAttribute('href'), '/docs/id/README.md');
  await fits(page);
  await assertAccessible(page);
  await shot(page, 'playground-indonesian');
  await press(page, 'Logout');
  await page.getByText('Anda sudah logout.').waitFor();
});
