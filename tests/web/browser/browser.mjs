// Shared by the tests in Chromium: the real server, a browser, and the errors of its pages.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { after, before } from 'node:test';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** A folder for the tests of one file. It is removed after them. */
const folder = mkdtempSync(join(tmpdir(), 'refresh-browser-'));
const cleanups = [];
after(async () => {
  for (const stop of cleanups.reverse()) await stop();
  rmSync(folder, { recursive: true, force: true });
});
export const cleanup = (stop) => cleanups.push(stop);
export const temporary = folder;

let built;
function binary() {
  if (!built) {
    built = process.env.REFRESHD || join(folder, 'refreshd');
    if (!process.env.REFRESHD)
      execFileSync('go', ['build', '-o', built, './cmd/refreshd'], { cwd: root, stdio: 'inherit' });
  }
  return built;
}

/** The addresses for operations of servers that have one, by their URLs. */
export const operations = new Map();

/** Starts refreshd on a free port and returns its address. */
export async function startServer(...flags) {
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    REFRESH_LISTEN: '127.0.0.1:0',
    REFRESH_OPS_LISTEN: '',
    REFRESH_LOG_LEVEL: 'info',
  };
  const server = spawn(binary(), flags, {
    cwd: mkdtempSync(join(folder, 'server-')),
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise((done) => server.once('exit', done));
  cleanup(() => (server.kill('SIGTERM'), ended));
  const seen = [];
  for await (const line of createInterface({ input: server.stderr })) {
    seen.push(line);
    const address = line.match(/listening.*?(127\.0\.0\.1:\d+)/)?.[1];
    if (address) {
      server.stderr.resume();
      const scheme = flags.some((flag) => flag.startsWith('--tls-cert')) ? 'https' : 'http';
      const url = `${scheme}://${address}`;
      operations.set(url, line.match(/operations=(\S+)/)?.[1]);
      return url;
    }
  }
  throw new Error(`refreshd did not start:\n${seen.join('\n')}`);
}

/**
 * Starts a browser for the tests of one file. `open` opens a page; `page.errors` has its errors.
 */
export function useBrowser(...more) {
  const tool = {};
  before(async () => {
    const args = [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...more,
    ];
    tool.browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      headless: true,
      args,
    });
    cleanup(() => tool.browser.close());
  });
  tool.context = async (options) => {
    const context = await tool.browser.newContext(options);
    context.setDefaultTimeout(20_000);
    cleanup(() => context.close());
    return context;
  };
  tool.open = async (url, options) => {
    const context = options?.newPage ? options : await tool.context(options);
    const page = await context.newPage();
    page.errors = [];
    page.on(
      'console',
      (m) =>
        m.type() === 'error' &&
        !/Failed to load resource/.test(m.text()) &&
        page.errors.push(m.text()),
    );
    page.on('pageerror', (error) => page.errors.push(String(error)));
    await page.goto(url);
    return page;
  };
  return tool;
}

/** Saves a screenshot in the folder SHOTS, if that variable is set. */
export async function shot(page, name) {
  if (process.env.SHOTS)
    await page.screenshot({ path: join(process.env.SHOTS, `${name}.png`), fullPage: true });
}

export const looks = {
  light: { colorScheme: 'light', viewport: { width: 1280, height: 900 } },
  dark: { colorScheme: 'dark', viewport: { width: 1280, height: 900 } },
  phone: {
    colorScheme: 'light',
    viewport: { width: 390, height: 844 },
    isMobile: true,
    hasTouch: true,
  },
};

/** Asserts that the page is not wider than the screen. */
export async function fits(page) {
  const wide = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  assert.ok(wide <= 1, `the page is ${wide} pixels too wide`);
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Asserts that axe finds nothing serious or critical in the page as it is now. */
export async function assertAccessible(page) {
  await page.evaluate(() => new Promise(requestAnimationFrame)); // the last changes are shown
  const { violations } = await page.evaluate(
    `(() => { ${axe}; return axe.run({ resultTypes: ['violations'] }); })()`,
  );
  const found = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
  const places = found.map(({ id, nodes }) => [id, nodes.length, nodes[0].html]);
  assert.deepEqual(places, []);
}

/**
 * Helpers for the playground: press a button, wait for an entry of the time line, count entries.
 */
export const press = (page, name) => page.getByRole('button', { name, exact: true }).click();
export const happened = (page, text) => page.locator('#line').getByText(text).first().waitFor();
export const requests = (page, text) => page.locator('#line li', { hasText: text }).count();
