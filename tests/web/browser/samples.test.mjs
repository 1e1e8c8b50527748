// The code that the page /docs shows for each operation works: curl in a shell, JavaScript in a
// page, and Go in a program.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { samplesOf } from '../../../impl/web/docs/samples.js';
import { startServer, temporary, useBrowser } from './browser.mjs';

const browser = useBrowser();
const secret = 'an-API-credential-of-at-least-32-characters';
let server;
let spec;
before(async () => {
  const credentials = join(temporary, 'credentials');
  writeFileSync(credentials, `shop:${secret}\n`, { mode: 0o600 });
  server = await startServer(
    '--browser-door',
    '--rotation',
    `--api-credentials=${credentials}`,
    '--issuer=https://login.example.com',
    '--public-url=https://login.example.com',
  );
  spec = await (await fetch(`${server}/openapi.json`)).json();
});

async function post(path, body) {
  const headers = { 'Content-Type': 'application/json' };
  const init = { method: 'POST', headers, body: JSON.stringify(body) };
  return (await fetch(server + path, init)).json();
}

/** Replaces the placeholders by values of a new login. */
async function filled(code) {
  const login = { identity: 'ana@example.com', is_admin: true };
  const lives = { access_seconds: 600, refresh_seconds: 3600 };
  const tokens = await post('/playground/login', { ...login, ...lives });
  const { access_token } = await post('/api/v1/refresh', { refresh_token: tokens.refresh_token });
  const { sid } = JSON.parse(atob(access_token.split('.')[1]));
  return code
    .replaceAll('REFRESH_TOKEN', tokens.refresh_token)
    .replaceAll('ACCESS_TOKEN', tokens.access_token)
    .replaceAll('CREDENTIAL', btoa(`shop:${secret}`))
    .replace(/\/ID\b/, `/${sid}`);
}

/** Returns the code of every operation in a language, those that need a cookie after the login. */
async function all(language) {
  const list = Object.values(spec.paths).flatMap(Object.values);
  const ids = list.map(({ operationId }) => operationId).filter(Boolean);
  const last = ['browserLogin', 'browserRefresh', 'browserLogout'];
  const order = [...ids.filter((id) => !last.includes(id)), ...last];
  assert.ok(order.length >= 18, `${order.length} operations`);
  const code = order.map((id) => filled(samplesOf(spec, id, server)[language]));
  return (await Promise.all(code)).map((text, i) => [order[i], text]);
}

test('in curl', async () => {
  const cwd = mkdtempSync(join(temporary, 'curl-'));
  for (const [id, code] of await all('curl')) {
    const command = `${code} -s -o answer -w '%{http_code}'`;
    const status = execFileSync('sh', ['-c', command], { cwd, encoding: 'utf8' });
    assert.match(status, /^20[04]$/, id);
  }
});

test('in JavaScript', async () => {
  const page = await browser.open(`${server}/openapi.json`);
  for (const [id, code] of await all('JavaScript')) {
    const cause = await page.evaluate(`(async () => { ${code} })()`).catch((e) => e.message);
    assert.equal(cause, undefined, id);
  }
});

test('in Go', async () => {
  const list = await all('Go');
  const functions = list.map(
    ([id, code]) =>
      `func ${id}(ctx context.Context, jar http.CookieJar, answer any) error {\n${code}\n}\n`,
  );
  const calls = list.map(([id]) => `\tif err := ${id}(ctx, jar, answer); err != nil {
\t\tfmt.Println("${id}:", err)\n\t}\n`);
  const imports = 'context encoding/json errors fmt net/http net/http/cookiejar strings'.split(' ');
  const program = `package main

import (\n${imports.map((name) => `\t"${name}"\n`).join('')})

func main() {
\tctx, answer := context.Background(), map[string]any{}
\tjar, _ := cookiejar.New(nil)
${calls.join('')}}

${functions.join('\n')}`;
  const file = join(temporary, 'samples.go');
  writeFileSync(file, program);
  assert.equal(execFileSync('go', ['run', file], { cwd: temporary, encoding: 'utf8' }), '');
});
