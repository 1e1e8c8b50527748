// Runs a recipe in JavaScript for the tests. Arguments: the name of the recipe, the address of
// refreshd, and a URL of the API. It reads a command a line, as JSON, and answers each with a line
// of JSON.
import { createInterface } from 'node:readline';

const [name, server, apiURL] = process.argv.slice(2);
const recipes = { fetch: withFetch, axios: withAxios, express: withExpress, react };
const recipe = await recipes[name]();

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let answer = {};
  if (command.do === 'login') await recipe.login(command.tokens);
  if (command.do === 'call') {
    for (const result of await calls(command.times))
      answer[result] = (answer[result] ?? 0) + 1;
  }
  if (command.do === 'stored') answer = { refresh_token: (await recipe.stored()) ?? '' };
  console.log(JSON.stringify(answer));
}
process.exit();

/** Calls the API n times at once and returns the results. */
function calls(n) {
  return recipe.calls?.(n) ?? Promise.all(Array.from({ length: n }, recipe.call));
}

async function react() {
  const { withReact } = await import('./react.mjs');
  return withReact(server, apiURL, 'testdata/react-page.mjs');
}

async function withFetch() {
  const recipe = await import('../../../docs/recipes/fetch.mjs');
  const { createSession, LoginRequired, TryLater } = recipe;
  let stored = null;
  const session = createSession({
    server,
    load: () => stored,
    save: (tokens) => (stored = tokens),
  });
  async function call() {
    try {
      return (await session.fetch(apiURL)).status;
    } catch (error) {
      if (error instanceof LoginRequired) return 'login';
      if (error instanceof TryLater) return 'later';
      throw error;
    }
  }
  return { login: session.login, call, stored: () => stored?.refresh_token };
}

async function keeper() {
  const { createSession, memoryStorage } = await import('../../../impl/web/session.js');
  return createSession({ baseUrl: server, storage: memoryStorage(), limit: 10 });
}

async function withAxios() {
  const { withSession } = await import('../../../docs/recipes/axios.mjs');
  const { default: axios } = await import('axios');
  const session = await keeper();
  const api = withSession(axios.create(), session);
  async function call() {
    try {
      return (await api.get(apiURL)).status;
    } catch (error) {
      return { login: 'login', temporary: 'later' }[error.code] ?? String(error);
    }
  }
  const login = (tokens) => session.login(tokens);
  return { login, call, stored: () => session.tokens?.refresh_token };
}

async function withExpress() {
  const { createApp } = await import('../../../docs/recipes/express.mjs');
  const app = createApp({
    refresh: server,
    api: new URL('.', apiURL).href,
    login: (body) => body,
    secure: false, // the driver speaks plain HTTP
  });
  const listener = app.listen(0, '127.0.0.1');
  await new Promise((done) => listener.once('listening', done));
  const base = `http://127.0.0.1:${listener.address().port}`;
  let cookie;
  async function login(tokens) {
    const response = await fetch(`${base}/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(tokens),
    });
    cookie = response.headers.get('Set-Cookie').split(';')[0];
  }
  async function call() {
    const path = new URL(apiURL).pathname.split('/').at(-1);
    const { status } = await fetch(`${base}/api/${path}`, { headers: { Cookie: cookie } });
    return { 401: 'login', 503: 'later' }[status] ?? status;
  }
  const stored = () => app.locals.sessions.get(cookie.split('=')[1])?.tokens?.refresh_token;
  return { login, call, stored };
}
