// Calls an API with fetch, and refreshes the access token at refreshd. For one page or program; if
// several tabs share the tokens, take /session.js, which lets them take turns.
//
//   const session = createSession({ server: 'https://refresh.example.com', load, save });
//   session.login(answerOfYourLogin);
//   const response = await session.fetch('https://api.example.com/things');
//
// `load` returns { access_token, refresh_token, expired } or null, and `save` stores it. Call only
// your own API: the server of the URL receives the access token.

/** The session has ended, or there is none. Show the login. */
export class LoginRequired extends Error {}

/** The server is busy or cannot be reached. The user stays logged in. */
export class TryLater extends Error {
  constructor(seconds) {
    super(`try again in ${seconds} s`);
    this.seconds = seconds;
  }
}

export function createSession({ server, load, save, limit = 10, timeout = 10 }) {
  // Both are times of performance.now(), which does not jump if the clock is set. The age of
  // tokens from an earlier start is not known: they are used until the API answers 401.
  let refreshAt = Infinity;
  let notBefore = 0;
  let running = null; // the refresh that all callers share

  function login(tokens) {
    const { iat = tokens.expired } = claims(tokens.access_token);
    // Both times are the server's, so a wrong clock of this machine does not matter.
    const lifetime = (tokens.expired - iat) * 1000;
    refreshAt = performance.now() + lifetime - Math.min(60_000, lifetime / 5);
    notBefore = 0;
    save(tokens);
  }

  async function authorizedFetch(url, options = {}) {
    const token = await accessToken();
    const response = await send(url, options, token);
    if (response.status !== 401) return response;
    return send(url, options, await accessToken(token));
  }

  function send(url, options, token) {
    const headers = new Headers(options.headers);
    headers.set('Authorization', `Bearer ${token}`);
    return fetch(url, { ...options, headers });
  }

  /** Returns an access token. It is refreshed first if it expires soon or the API rejected it. */
  async function accessToken(rejected) {
    const tokens = load();
    if (!tokens) throw new LoginRequired();
    if (tokens.access_token !== rejected && performance.now() < refreshAt)
      return tokens.access_token;
    running ??= refresh(tokens).finally(() => (running = null));
    await running;
    return load().access_token;
  }

  async function refresh(tokens) {
    const wait = notBefore - performance.now();
    if (wait > 0) throw new TryLater(Math.ceil(wait / 1000)); // the last refresh has failed
    // If the answer is lost, asking again does no harm.
    const answer = (await ask(tokens)) ?? (await ask(tokens));
    if (!answer) throw later(1);
    const { status, body } = answer;
    if (status === 200 && body.access_token) return login({ ...tokens, ...body });
    if ((status === 421 || status === 422) && body.error === 'jwt_error') {
      save(null);
      throw new LoginRequired();
    }
    if (status >= 400 && status < 500 && ![421, 422, 429].includes(status))
      throw new Error(`a mistake in this program: ${body.causes ?? status}`);
    throw later(answer.retryAfter);
  }

  async function ask({ refresh_token }) {
    try {
      const response = await fetch(`${server}/api/v1/refresh`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ refresh_token, limit }),
        signal: AbortSignal.timeout(timeout * 1000),
      });
      const text = await response.text(); // fails if the connection breaks
      const retryAfter = Number(response.headers.get('Retry-After')) || 1;
      return { status: response.status, retryAfter, body: parsed(text) };
    } catch {
      return null;
    }
  }

  function later(seconds) {
    notBefore = performance.now() + seconds * 1000;
    return new TryLater(seconds);
  }

  return { fetch: authorizedFetch, login };
}

/** Returns {} if the text is no JSON, as the pages of proxies are. */
function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

function claims(token) {
  const payload = token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
  return JSON.parse(atob(payload)); // iat is ASCII, whatever the other claims are
}
