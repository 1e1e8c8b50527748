// The browser operations against pages of other origins and other sites, in a real browser. All
// hosts are below localhost, which Chromium treats as secure: app.localhost is one site, and
// foreign.localhost another.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { before, test } from 'node:test';
import { cleanup, operations as operationsOf, startServer, useBrowser } from './browser.mjs';

const browser = useBrowser();
const secret = ['--secret', 'a secret of at least thirty-two bytes', '--playground'];
let pages; // the port of a server that answers a blank page at every host
before(async () => {
  const server = createServer((request, response) =>
    response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>Blank</title>'),
  );
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  cleanup(() => server.close());
  pages = server.address().port;
});

const types = ['application/json', 'text/plain', 'application/x-www-form-urlencoded', undefined];
const operations = ['login', 'refresh', 'logout'];

/** Returns every way in which a page may send a request to an operation. */
function* attempts() {
  for (const operation of operations) {
    for (const method of ['POST', 'PUT', 'GET']) {
      for (const type of types) {
        for (const mode of ['cors', 'no-cors']) {
          for (const credentials of ['include', 'same-origin']) {
            if (method !== 'POST' && (type || credentials !== 'include')) continue;
            yield { way: 'fetch', operation, method, type, mode, credentials };
          }
        }
      }
    }
    for (const type of types.slice(0, 3)) yield { way: 'beacon', operation, method: 'POST', type };
    for (const type of types.slice(1, 3)) {
      yield { way: 'form', operation, method: 'POST', type };
      yield { way: 'framed form', operation, method: 'POST', type };
    }
    yield { way: 'image', operation, method: 'GET' };
    yield { way: 'frame', operation, method: 'GET' };
  }
}

/** Sends a request from within a page. */
async function send({ way, operation, method, type, mode, credentials, target, token }) {
  const url = `${target}/api/v1/browser/${operation}`;
  const body = operation === 'login' ? JSON.stringify({ refresh_token: token }) : '{}';
  const loaded = (element) => new Promise((done) => (element.onload = element.onerror = done));
  const add = (name, values) => {
    const element = Object.assign(document.createElement(name), values);
    document.body.append(element);
    return element;
  };
  switch (way) {
    case 'fetch': {
      const headers = type && { 'Content-Type': type };
      const sent = method === 'GET' ? undefined : new Blob([body]); // it has no type of its own
      await fetch(url, { method, mode, credentials, headers, body: sent }).catch(() => {});
      return;
    }
    case 'beacon': {
      const sent = performance.getEntriesByName(url).length;
      try {
        if (!navigator.sendBeacon(url, new Blob([body], { type }))) return;
      } catch {
        return;
      }
      for (let i = 0; i < 50 && performance.getEntriesByName(url).length === sent; i++) {
        await new Promise((done) => setTimeout(done, 10));
      }
      return;
    }
    case 'image':
      return void (await loaded(add('img', { src: url })));
    case 'frame':
      return void (await loaded(add('iframe', { src: url })));
    default: {
      const enctype = type;
      const form = add('form', { action: url, method, enctype });
      const [name, value] = body.split(/(?<=:)/); // text/plain joins both with =
      form.append(Object.assign(document.createElement('input'), { name, value }));
      if (way === 'form') return void form.submit();
      const sink = add('iframe', { name: `sink${Math.random()}` });
      form.target = sink.name;
      form.submit(); // a frame does not say when it was answered 204
    }
  }
}

/** Returns whether the attempt may have an effect for the user, by the documentation. */
function permitted(from, { way, operation, method, type, mode, credentials }) {
  if (!from.listed || !from.sameSite || method !== 'POST') return false;
  const cookie = way !== 'fetch' || credentials === 'include' || Boolean(from.own);
  if (operation === 'logout') return cookie;
  const json = type === 'application/json' && mode !== 'no-cors'; // which sends no such type
  return json && cookie;
}

for (const sameSite of ['strict', 'lax']) {
  test(`only pages of the own site that are listed have an effect (SameSite=${sameSite})`, async () => {
    const near = `http://web.app.localhost:${pages}`;
    const far = `http://listed.localhost:${pages}`;
    const flags = ['--browser-door', `--cors-origin=${near},${far}`, `--cookie-same-site=${sameSite}`];
    const metrics = '--ops-listen=127.0.0.1:0';
    const started = await startServer(...secret, '--rotation', metrics, ...flags);
    const accepted = async () => {
      const answer = await fetch(`http://${operationsOf.get(started)}/metrics`);
      return (await answer.text()).match(/refreshes_total{.*"accepted"} (\d+)/)[1];
    };
    const target = `http://api.app.localhost:${new URL(started).port}`;
    const context = await browser.context();
    const own = await browser.open(`${target}/openapi.json`, context);
    const logIn = (identity, keep) =>
      own.evaluate(
        async ([identity, keep]) => {
          const post = (path, body) =>
            fetch(path, {
              method: 'POST',
              headers: { 'Content-Type': 'application/json' },
              body: JSON.stringify(body),
            });
          const login = { identity, name: '', access_seconds: 600, refresh_seconds: 86400 };
          const { refresh_token } = await (await post('/playground/login', login)).json();
          if (!keep) return refresh_token;
          const { status } = await post('/api/v1/browser/login', { refresh_token });
          if (status !== 204) throw new Error(`the login was answered ${status}`);
        },
        [identity, keep],
      );
    const cookie = async () => (await context.cookies(`${target}/api/v1/browser/x`))[0]?.value;
    const refreshes = () =>
      own.evaluate(async () => {
        const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' };
        const answer = await fetch('/api/v1/browser/refresh', init);
        return [answer.status, atob((await answer.json()).access_token?.split('.')[1] ?? '')];
      });
    const origins = [
      { url: `${target}/openapi.json`, own: true, listed: true, sameSite: true },
      { url: near, listed: true, sameSite: true },
      { url: `http://old.app.localhost:${pages}`, listed: false, sameSite: true },
      { url: far, listed: true, sameSite: false },
      { url: `http://foreign.localhost:${pages}`, listed: false, sameSite: false },
    ];
    await logIn('ana@example.com', true);
    let effects = 0;
    for (const from of origins) {
      const page = await browser.open(from.url, context);
      const every = process.env.REFRESH_SOAK ? 1 : sameSite === 'lax' ? 8 : 4;
      for (const [i, attempt] of [...attempts()].entries()) {
        if ((i + origins.indexOf(from)) % every) continue;
        const token = attempt.operation === 'login' && (await logIn('thief@example.com'));
        // Within the window of the rotation a refresh gets the same cookie again.
        const state = attempt.operation === 'refresh' ? accepted : cookie;
        const old = await state();
        const sender = attempt.way === 'form' ? await browser.open(from.url, context) : page;
        const answered =
          attempt.way.endsWith('form') && sender.waitForResponse(`${target}/api/v1/browser/*`);
        await sender.evaluate(send, { ...attempt, target, token });
        await answered;
        if (sender !== page) sender.close().catch(() => {}); // it has gone to the answer
        const had = (await state()) !== old;
        assert.equal(had, permitted(from, attempt), JSON.stringify({ from, attempt, had }));
        if (!had) continue;
        effects++;
        await logIn('ana@example.com', true);
      }
      const [status, claims] = await refreshes();
      assert.equal(status, 200, from.url);
      assert.match(claims, /ana@example.com/, from.url);
      await page.close();
    }
    assert.ok(effects > 1, `${effects} attempts had an effect`);
  });
}

test('twenty tabs whose Set-Cookie is lost at random stay logged in', async () => {
  const started = await startServer(...secret, '--rotation', '--browser-door');
  let lost = 0;
  let answers = 0;
  const proxy = createServer(async (request, response) => {
    const body = [];
    for await (const chunk of request) body.push(chunk);
    const { host, ...headers } = request.headers;
    const answer = await fetch(started + request.url, {
      method: request.method,
      headers: { ...headers, 'accept-encoding': 'identity' },
      body: body.length ? Buffer.concat(body) : undefined,
    });
    const kept = [...answer.headers].filter(([name]) => name !== 'content-length');
    const drops = request.url.endsWith('/refresh') && Math.random() < 0.4;
    if (drops) lost++;
    if (drops && Math.random() < 0.3) return response.destroy(); // the whole answer is lost
    response.writeHead(answer.status, kept.filter(([name]) => !drops || name !== 'set-cookie'));
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
  await new Promise((done) => proxy.listen(0, '127.0.0.1', done));
  cleanup(() => proxy.close());
  const context = await browser.context();
  const url = `http://localhost:${proxy.address().port}/openapi.json`;
  const first = await browser.open(url, context);
  await first.evaluate(async () => {
    const post = (path, body) =>
      fetch(path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      });
    const login = { identity: 'a@b.c', name: '', access_seconds: 600, refresh_seconds: 86400 };
    const { refresh_token } = await (await post('/playground/login', login)).json();
    await post('/api/v1/browser/login', { refresh_token });
  });
  const tabs = [first];
  while (tabs.length < 20) tabs.push(await browser.open(url, context));
  const seen = await Promise.all(
    tabs.map((tab, i) =>
      tab.evaluate(async (keeper) => {
        const { createSession } = await import('/session.js');
        const session = createSession({ transport: 'cookie' });
        const statuses = [];
        for (let i = keeper ? 3 : 0; i < 6; i++) {
          const refreshed = keeper
            ? session.refresh().then(() => ({ status: 200 }))
            : fetch('/api/v1/browser/refresh', {
                method: 'POST',
                headers: { 'Content-Type': 'application/json' },
                body: '{}',
              });
          const { status } = await refreshed.catch((error) => ({ status: error.code ?? 'lost' }));
          statuses.push(status);
        }
        return statuses;
      }, i % 2),
    ),
  );
  for (const status of seen.flat()) {
    assert.ok([200, 'lost', 'temporary'].includes(status), `a tab was answered ${status}`);
    if (status === 200) answers++;
  }
  assert.ok(lost > 10 && answers > 40, `${lost} lost, ${answers} answers`);
});
