// A session keeper for browsers. It stores the tokens of a login, refreshes the access token in
// time, and reports when the user must log in again. This is one ES module without dependencies.
// session.d.ts describes every option.

// Times are in milliseconds.
const TIMEOUT = 10_000; // of one request
const LOCK_WAIT = 15_000; // the longest wait for another tab; longer than any request of that tab
const STORAGE_LAG = 1000; // the time after which every tab sees a change of the storage
const RETRIES = 3;
const MAX_WAIT = 30_000; // if Retry-After is longer, the caller gets an error at once
const MARGIN = 60_000; // a refresh begins this long before the access token expires
const CLOCK_STEP = 5_000; // smaller backward steps of the local clock are ignored

/**
 * `code` says what to do: 'login': show the login; 'temporary': try again later; 'request': fix the
 * calling code.
 */
export class SessionError extends Error {
  constructor(code, message, { status, retryAfter, causes = [], cause } = {}) {
    super(message, { cause });
    Object.assign(this, { name: 'SessionError', code, status, retryAfter, causes });
  }
}

/** A storage that lasts as long as the page. */
export function memoryStorage() {
  const items = new Map();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}

/**
 * Returns the claims of a token, or undefined if it is not a JWT. It does not verify the token: do
 * not trust the claims.
 */
export function claims(token) {
  try {
    const bytes = atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/'));
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (c) => c.charCodeAt(0))));
  } catch {
    return undefined;
  }
}

const issuedAt = (token) => Number(claims(token)?.iat ?? NaN);

function browser() {
  const g = globalThis;
  return {
    fetch: (...args) => g.fetch(...args),
    locks: g.navigator?.locks,
    now: () => Date.now(),
    monotonic: () => g.performance.now(),
    setTimeout: (...args) => g.setTimeout(...args),
    clearTimeout: (id) => g.clearTimeout(id),
    random: () => Math.random(),
    later: (run) => g.queueMicrotask(run),
    events: g.addEventListener && g,
  };
}

function browserStorage() {
  try {
    return globalThis.localStorage ?? memoryStorage(); // throws if the user has blocked storage
  } catch {
    return memoryStorage();
  }
}

export function createSession(options = {}) {
  const { limit, onLogin, onChange, name = 'session' } = options;
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 10 && limit <= 10080)) {
    throw new RangeError('limit must be a whole number of minutes from 10 to 10080');
  }
  const env = { ...browser(), ...options.env };
  const storage = options.storage ?? browserStorage();
  const path = String(options.baseUrl ?? '/').replace(/\/*$/, '/');
  const base = new URL(path, globalThis.location?.href);
  const trusted = (options.origins ?? []).map((o) => new URL(o, base).origin);
  const origins = new Set([base.origin, ...trusted]);
  const key = `${name}@${base.href}`;

  let unsaved; // the record, if the storage failed to save it; undefined if the storage has it
  let measured = {}; // an access token, and its age at a time of the page's timer
  let running = null; // the promise of the refresh that is running in this page
  let announced = false; // whether the page has been told that the user must log in
  let rejected; // an access token that an API rejected although it was new
  let retryAt = 0; // the time of the page's timer before which the server wants no refresh

  // ---- The record in the storage, a StoredTokens of session.d.ts.

  function read() {
    let record = unsaved;
    if (record === undefined) {
      try {
        record = JSON.parse(storage.getItem(key));
      } catch {
        record = null;
      }
    }
    if (typeof record?.refresh_token !== 'string') return null;
    announced = false;
    return record;
  }

  function write(record) {
    measured = { token: record?.access_token, age: 0, at: env.monotonic() };
    unsaved = undefined;
    try {
      if (record) storage.setItem(key, JSON.stringify(record));
      else storage.removeItem(key);
    } catch {
      unsaved = record; // the storage is full or blocked: the page must not lose a rotated token
    }
  }

  function toRecord(answer, refreshToken) {
    const access = answer.access_token ?? '';
    const received = env.now();
    const expired = Number.isFinite(answer.expired)
      ? answer.expired
      : Number(claims(access)?.exp ?? 0);
    // Both times are of the server's clock, so their difference is right even if the local clock is
    // wrong.
    const seconds = expired - issuedAt(access);
    const lifetime = seconds > 0 ? seconds * 1000 : Math.max(expired * 1000 - received, 0);
    return { access_token: access, refresh_token: refreshToken, expired, lifetime, received };
  }

  /**
   * Returns how many milliseconds the access token is still valid. The page's timer stops while the
   * machine sleeps, and the local clock can be changed. The one that advanced further decides: at
   * worst the page refreshes too early.
   */
  function remaining(held = read()) {
    if (!held) return 0;
    const age = env.now() - held.received;
    if (measured.token !== held.access_token) {
      // Another tab received the token, or this page before a reload.
      const known = age < -CLOCK_STEP ? Infinity : Math.max(age, 0);
      measured = { token: held.access_token, age: known, at: env.monotonic() };
    }
    const elapsed = Math.max(measured.age + env.monotonic() - measured.at, age);
    return Math.max(held.lifetime - elapsed, 0);
  }

  // ---- Calls of listeners. Each runs in a microtask, so that its exceptions harm no session.

  const tell = (listener, event) => listener && env.later(() => listener(event));
  const change = (event) => tell(onChange, event);

  function loginNeeded(reason, answer = {}) {
    if (!announced) {
      announced = true;
      change({ type: 'logout', reason, status: answer.status });
      tell(onLogin, { reason, status: answer.status, causes: answer.causes ?? [] });
    }
    return new SessionError('login', 'the user must log in', answer);
  }

  // ---- Waiting.

  const sleep = (ms) => (ms > 0 ? new Promise((done) => env.setTimeout(done, ms)) : undefined);

  function abortIn(ms) {
    const controller = new AbortController();
    const { signal } = controller;
    const timer = env.setTimeout(() => controller.abort(), ms);
    const passed = new Promise((done) => signal.addEventListener('abort', done));
    return { signal, passed, clear: () => env.clearTimeout(timer) };
  }

  /**
   * Runs work while no other tab runs it. After LOCK_WAIT it runs in any case: two refreshes at
   * once do no harm, but a tab that hangs must not stop the others.
   */
  async function exclusive(work) {
    if (!env.locks) return leased(work, LOCK_WAIT);
    const limit = abortIn(LOCK_WAIT);
    let running;
    const start = () => {
      limit.clear();
      return (running ??= leased(work, STORAGE_LAG));
    };
    const granted = env.locks.request(key, { signal: limit.signal }, () => start().catch(() => {}));
    await Promise.race([granted, limit.passed]).catch(() => {}); // fails if locks are forbidden
    return start();
  }

  /**
   * Holds a lease in the storage while work runs. A lease expires by itself. If the browser has no
   * Web Locks (on pages without TLS), the lease is the lock. If it has, the lease keeps the order:
   * this tab may get the lock of another tab before it sees the tokens that the other tab has
   * stored, but it sees the end of the lease after them.
   */
  async function leased(work, patience) {
    const lease = `${key}#lease`;
    const owner = String(env.random());
    const get = () => {
      try {
        return JSON.parse(storage.getItem(lease)) ?? {};
      } catch {
        return {};
      }
    };
    const pause = patience / 100;
    const end = env.monotonic() + patience;
    for (; env.monotonic() < end; await sleep(pause + pause * env.random())) {
      const left = get().until - env.now();
      if (left > 0 && left <= LOCK_WAIT) continue; // if it is longer, the clock was put back
      try {
        storage.setItem(lease, JSON.stringify({ owner, until: env.now() + LOCK_WAIT }));
      } catch {
        break;
      }
      if (env.locks) break;
      await sleep(20 + 20 * env.random()); // if two tabs write a lease at once, the last one wins
      if (get().owner === owner) break;
    }
    try {
      return await work();
    } finally {
      if (get().owner === owner) storage.removeItem(lease);
    }
  }

  // ---- Requests to the refresh service.

  async function post(path, body, more) {
    const limit = abortIn(TIMEOUT);
    try {
      const response = await env.fetch(new URL(path, base).href, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
        body: JSON.stringify(body),
        signal: limit.signal,
        credentials: 'omit',
        cache: 'no-store',
        redirect: 'error', // the refresh token is sent to no other server
        referrerPolicy: 'no-referrer',
        ...more,
      });
      const answer = await response.json().catch((cause) => {
        if (limit.signal.aborted) throw cause;
      });
      return { ...answer, status: response.status, retryAfter: retryAfter(response) };
    } catch (cause) {
      return { status: 0, cause };
    } finally {
      limit.clear();
    }
  }

  /**
   * Returns Retry-After in seconds, or undefined. A server of another origin may hide the headers.
   */
  function retryAfter({ headers }) {
    const value = headers.get('Retry-After');
    if (!value) return undefined;
    const now = Date.parse(headers.get('Date')) || env.now();
    const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - now) / 1000;
    return Number.isFinite(seconds) ? Math.max(seconds, 0) : undefined;
  }

  // ---- Refreshing.

  /** Stores the answer to the refresh token `sent`, unless the storage has newer tokens. */
  function accept(sent, answer) {
    const held = read();
    if (!held) return; // the user has logged out meanwhile
    const next = answer.refresh_token || sent;
    // Another tab has refreshed again, or the user has logged in again.
    if (held.refresh_token !== sent && held.refresh_token !== next) return;
    const older = issuedAt(held.access_token) > issuedAt(answer.access_token);
    write(older ? { ...held, refresh_token: next } : toRecord(answer, next));
    change({ type: 'refresh', expired: read().expired });
  }

  /**
   * Sends one request. It sends none if another tab has replaced the access token `old` meanwhile.
   */
  async function refreshOnce(old) {
    const held = read();
    if (!held) throw loginNeeded('none');
    if (held.access_token !== old) return;
    const answer = await post('api/v1/refresh', { refresh_token: held.refresh_token, limit });
    const { status } = answer;
    const accepted = status === 200 && typeof answer.access_token === 'string';
    if (accepted) return accept(held.refresh_token, answer);
    if (status === 421 || status === 422) return end(held, answer);
    const passing = status < 400 || status >= 500 || [408, 425, 429].includes(status);
    const reason = answer.message ?? (status || 'no answer');
    throw new SessionError(passing ? 'temporary' : 'request', `refresh failed: ${reason}`, answer);
  }

  /** Deletes the tokens after a final answer, unless the storage has a newer refresh token. */
  function end(held, answer) {
    const now = read();
    if (now && now.refresh_token !== held.refresh_token) return;
    if (now) write(null);
    throw loginNeeded(answer.status === 421 ? 'expired' : 'refused', answer);
  }

  async function refreshWithRetries() {
    const old = read()?.access_token;
    for (let tries = 0; ; tries++) {
      const left = retryAt - env.monotonic();
      if (left > MAX_WAIT) {
        throw new SessionError('temporary', 'the server asked to wait', {
          retryAfter: left / 1000,
        });
      }
      await sleep(left);
      try {
        return await exclusive(() => refreshOnce(old));
      } catch (error) {
        if (error.retryAfter) retryAt = env.monotonic() + error.retryAfter * 1000;
        const backoff = 500 * 2 ** tries * (0.5 + env.random());
        const wait = Math.max((error.retryAfter ?? 0) * 1000, backoff);
        if (error.code !== 'temporary' || tries >= RETRIES || wait > MAX_WAIT) throw error;
        change({ type: 'retry', status: error.status, wait });
        await sleep(wait);
      }
    }
  }

  function refresh() {
    running ??= refreshWithRetries().finally(() => (running = null));
    return running;
  }

  // ---- The methods of the session.

  async function token() {
    const held = read();
    if (!held) throw loginNeeded('none');
    const margin = Math.min(MARGIN, held.lifetime / 5);
    const left = remaining(held);
    if (left > margin) return held.access_token;
    const renewed = refresh();
    // While the token is still valid the caller does not wait.
    if (left > margin / 4) renewed.catch(() => {});
    else await renewed;
    const now = read();
    if (!now) throw loginNeeded('none');
    return now.access_token;
  }

  async function fetchWithToken(input, init) {
    const target = input instanceof Request ? input : new URL(input, base).href;
    const copy = input instanceof Request ? input.clone() : target;
    const request = new Request(target, init);
    const known = origins.has(new URL(request.url).origin);
    if (!known || request.headers.has('Authorization')) return env.fetch(request);
    const send = (message, bearer) => {
      message.headers.set('Authorization', `Bearer ${bearer}`);
      return env.fetch(message);
    };
    const first = await unlessAborted(token(), request.signal);
    const response = await send(request, first);
    if (response.status !== 401 || first === rejected) return response;
    if (read()?.access_token === first) await unlessAborted(refresh(), request.signal);
    const second = await unlessAborted(token(), request.signal);
    if (isStream(init?.body)) return response; // a stream cannot be sent again
    response.body?.cancel();
    const again = await send(new Request(copy, init), second);
    if (again.status === 401) rejected = second;
    return again;
  }

  async function refreshOnOpen() {
    try {
      await refresh();
      return true;
    } catch {
      return false; // either onLogin has been called, or a later request tries again
    }
  }

  function login(pair) {
    if (!pair?.refresh_token) throw new TypeError('login: the refresh_token is missing');
    write(toRecord(pair, pair.refresh_token));
    rejected = undefined;
    change({ type: 'login', expired: pair.expired });
  }

  async function logout() {
    const held = read();
    write(null);
    loginNeeded('logout');
    if (!held) return;
    await post('api/v1/revoke', { refresh_token: held.refresh_token }, { keepalive: true });
  }

  function onStorage(event) {
    if (event.key !== key && event.key !== null) return;
    if (read()) change({ type: 'other-tab' });
    else loginNeeded('other-tab');
  }
  env.events?.addEventListener('storage', onStorage);

  return {
    fetch: fetchWithToken,
    token,
    refresh,
    refreshOnOpen,
    login,
    logout,
    remaining: () => remaining() / 1000,
    get tokens() {
      return read();
    },
    close: () => env.events?.removeEventListener('storage', onStorage),
  };
}

const isStream = (body) =>
  typeof body?.getReader === 'function' || typeof body?.[Symbol.asyncIterator] === 'function';

function unlessAborted(promise, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) reject(signal.reason);
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
}
