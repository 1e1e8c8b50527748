// The session keeper in a real browser with a server that rotates refresh tokens. If a page lost or
// overwrote a token, the session would end.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { happened, looks, press, requests, startServer, useBrowser } from './browser.mjs';

const windowSeconds = 1;
const browser = useBrowser();
let server;
before(
  async () => (server = await startServer('--rotation', `--rotation-window=${windowSeconds}s`, '--clock-skew=0s')),
);

const refreshToken = (page) => page.locator('#refresh-raw').textContent();
const windowOver = () => new Promise((done) => setTimeout(done, 1000 * windowSeconds + 500));

async function loggedIn(context) {
  const page = await browser.open(`${server}/playground`, context);
  await press(page, 'Log in');
  await happened(page, 'Logged in');
  return page;
}

test('two tabs that refresh at once stay logged in and share the next refresh token', async () => {
  const context = await browser.context(looks.light);
  const page = await loggedIn(context);
  const second = await browser.open(`${server}/playground`, context);
  await second.getByRole('heading', { name: 'Access token' }).waitFor();
  for (let round = 0; round < 5; round++) {
    await windowOver();
    for (const tab of [page, second]) await press(tab, 'Clear');
    const old = await refreshToken(page);
    await press(page, 'Refresh in all tabs at once');
    await happened(page, 'This tab has the new token');
    await happened(second, 'This tab has the new token');
    assert.notEqual(await refreshToken(page), old);
    assert.equal(await refreshToken(page), await refreshToken(second));
  }
});

test('after a lost answer the session continues, even if the retry is late', async () => {
  const page = await loggedIn(looks.light);
  const old = await refreshToken(page);
  await press(page, 'Lose an answer');
  await happened(page, 'the answer is lost');
  await happened(page, 'Refreshed');
  assert.notEqual(await refreshToken(page), old);
  for (let round = 0; round < 2; round++) {
    await windowOver();
    await press(page, 'Clear');
    await press(page, 'Open the dashboard');
    await happened(page, 'Refreshed');
  }
  assert.equal(await requests(page, 'Back to the login'), 0);
});

test('eight requests at once with one refresh token get the same next token', async () => {
  const context = await browser.context(looks.light);
  const page = await loggedIn(context);
  const answers = await page.evaluate(async () => {
    const { createSession } = await import('/session.js');
    const { refresh_token } = createSession().tokens;
    const ask = () =>
      fetch('/api/v1/refresh', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ refresh_token }),
      });
    const all = await Promise.all(Array.from({ length: 8 }, ask));
    return Promise.all(all.map(async (a) => [a.status, (await a.json()).refresh_token]));
  });
  assert.deepEqual([...new Set(answers.map(([status]) => status))], [200]);
  assert.equal(new Set(answers.map(([, next]) => next)).size, 1);
});
