// A session keeper for browsers, Node and React Native. It keeps the tokens of a login, refreshes
// the access token in time, and reports when the user must log in again. With `transport: 'cookie'`
// the refresh token is in a cookie that no script can read, and the access token in memory only.
// This is one ES module without dependencies.
// session.d.ts describes every option.

// Times are in milliseconds.
const TIMEOUT = 10_000; // of one request
const LOCK_WAIT = 15_000; // the longest wait for another tab; longer than any request of that tab
const LEASE = 2000; // a tab that refreshes renews its lease three times in this time
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
    const escaped = (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`;
    return JSON.parse(decodeURIComponent(bytes.replace(/[^]/g, escaped))); // the bytes are UTF-8
  } catch {
    return undefined;
  }
}

const issuedAt = (token) => Number(claims(token)?.iat ?? NaN);

/**
 * Returns the user of the tokens as text, or undefined if they do not tell. The number 42 and the
 * text "42" are one user, as on the server.
 */
function identityOf(record, claim) {
  const own = claims(record?.access_token) ?? claims(record?.refresh_token) ?? {};
  const identity = claim ? own[claim] : own.identity ?? own.sub ?? own.user_id;
  return identity === undefined ? undefined : String(identity);
}

/**
 * Makes a synchronous storage of one whose methods return promises. It is read once, and written in
 * order. `keys` are the items to keep; `first` is the promise of the first one.
 */
function mirror(storage, keys, first) {
  const items = memoryStorage();
  const written = new Set();
  const ready = Promise.all(
    keys.map(async (key, i) => {
      const text = await (i ? storage.getItem(key) : first);
      if (!written.has(key) && typeof text === 'string') items.setItem(key, text);
    }),
  ).catch(() => {}); // a storage that is blocked is like an empty one
  let last = ready;
  const store = (key, work) => {
    written.add(key);
    if (!keys.includes(key)) return;
    // A refresh token that was used must not stay in a storage that is full.
    last = last.then(work).catch(() => storage.removeItem(key)).catch(() => {});
  };
  return {
    getItem: items.getItem,
    setItem(key, value) {
      items.setItem(key, value);
      store(key, () => storage.setItem(key, value));
    },
    removeItem(key) {
      items.removeItem(key);
      store(key, () => storage.removeItem(key));
    },
    ready,
    written: () => last,
  };
}

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
    warn: (text) => g.console.warn(`session.js: ${text}`),
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

/**
 * Parses a URL. It fails on texts such as `localhost:8080`, which are URLs, but not of a server.
 */
function httpURL(option, text, page) {
  try {
    const url = new URL(text, page);
    if (/^https?:$/.test(url.protocol)) return url;
  } catch {
    // The error below names the option.
  }
  throw new TypeError(`${option} must be a URL such as https://api.example.com: ${text}`);
}

export function createSession(options = {}) {
  const { limit, onLogin, onChange, name = 'session', transport = 'body' } = options;
  const cookie = transport === 'cookie';
  if (!cookie && transport !== 'body') throw new TypeError('transport must be body or cookie');
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 10 && limit <= 10080)) {
    throw new RangeError('limit must be a whole number of minutes from 10 to 10080');
  }
  const env = { ...browser(), ...options.env };
  let storage = options.storage ?? browserStorage();
  const path = String(options.baseUrl ?? '/').replace(/\/*$/, '/');
  const base = httpURL('baseUrl', path, globalThis.location?.href);
  const trusted = (options.origins ?? []).map((o) => httpURL('origins', o).origin);
  const origins = new Set([base.origin, ...trusted]);
  const key = `${name}@${base.href}`;
  const first = load(key);
  if (typeof first?.then === 'function') storage = mirror(storage, [key, `${key}#logout`], first);
  const operation = (name) => `api/v1/${cookie ? 'browser/' : ''}${name}`;

  const listeners = new Set([onChange].filter(Boolean));
  const warned = new Set();
  let stored = {}; // the text in the storage, and the record that was parsed from it
  let unsaved; // the record, if the storage failed to save it; undefined if the storage has it
  let stale; // the text that was in the storage when it failed to save
  let measured = {}; // an access token, and its age at a time of the page's timer
  let running = null; // the promise of the refresh that is running in this page
  let announced = false; // whether the page has been told that the user must log in
  let rejected; // an access token that an API rejected although it was new
  let retryAt = 0; // the time of the page's timer before which the server wants no refresh
  let pending = []; // what pendingLogouts returns if the storage is blocked
  let confirming = Promise.resolve(); // the running revokePending
  let live = null; // with a cookie: the record, which is in memory only
  let user; // the identity of the last tokens

  // ---- The record in the storage, a StoredTokens of session.d.ts.

  function load(item) {
    try {
      return storage.getItem(item);
    } catch {
      return undefined;
    }
  }

  /** Stores a value, or removes it if it is null. Returns whether that worked. */
  function save(item, value) {
    try {
      if (value) storage.setItem(item, JSON.stringify(value));
      else storage.removeItem(item);
      return true;
    } catch {
      return false;
    }
  }

  function parse(text) {
    try {
      const record = JSON.parse(text);
      if (cookie) return record;
      if (typeof record.refresh_token !== 'string') return null;
      return Object.freeze({ access_token: '', expired: 0, lifetime: 0, received: 0, ...record });
    } catch {
      return null;
    }
  }

  /** Returns the record, or null. As long as nothing changes, it returns the same object. */
  function read() {
    const text = load(key);
    if (cookie) {
      // The storage only has the mark of the login. Another tab has logged in or out since.
      if (text !== stored.text) live = null;
      stored.text = text;
      return live;
    }
    if (text !== stored.text) stored = { text, record: parse(text) };
    if (text !== stale) unsaved = undefined; // another tab has written since
    const record = unsaved === undefined ? stored.record : unsaved;
    if (record) announced = false;
    return record;
  }

  /** Stores a record whose access token has just arrived. */
  function received(record) {
    measured = { token: record.access_token, age: 0, at: env.monotonic() };
    write(record);
    noteUser();
  }

  /** Tells the page if the tokens belong to another user than the last ones. */
  function noteUser() {
    const before = user;
    user = identityOf(read(), options.identityClaim) ?? user;
    if (before !== undefined && user !== before) change({ type: 'identity', identity: user });
  }

  /** With a cookie: keeps the record in memory, and the mark of the login in the storage. */
  function keep(record, mark) {
    live = record && Object.freeze(record);
    if (record) announced = false;
    if (mark !== undefined || !record) save(key, record && mark);
    stored.text = load(key);
  }

  const newMark = () => ({ login: env.random(), at: env.now() });

  function write(record) {
    if (cookie) return keep(record);
    unsaved = undefined;
    if (save(key, record)) return;
    // The storage is full or blocked, so this page keeps the record. The old refresh token must not
    // stay in the storage: if another tab used it again, the server would revoke the session.
    unsaved = record && Object.freeze(record);
    if (record) save(key, { refresh_token: record.refresh_token }) || save(key, null);
    stale = load(key);
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

  const tell = (listener, event) => env.later(() => listener(event));
  const change = (event) => listeners.forEach((listener) => tell(listener, event));

  function warn(text) {
    if (!warned.has(text)) env.warn(text);
    warned.add(text);
  }

  function loginNeeded(reason, answer = {}) {
    if (!announced) {
      announced = true;
      change({ type: 'logout', reason, status: answer.status });
      if (onLogin) tell(onLogin, { reason, status: answer.status, causes: answer.causes ?? [] });
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
        return JSON.parse(load(lease)) ?? {};
      } catch {
        return {};
      }
    };
    const hold = () => save(lease, { owner, until: env.now() + LEASE });
    const renew = () => {
      if (get().owner === owner) hold();
      timer = env.setTimeout(renew, LEASE / 3);
    };
    let timer;
    const pause = patience / 100;
    const end = env.monotonic() + patience;
    for (; env.monotonic() < end; await sleep(pause + pause * env.random())) {
      const left = get().until - env.now();
      if (left > 0 && left <= LEASE) continue; // if it is longer, the clock was put back
      if (!hold() || env.locks) break;
      await sleep(20 + 20 * env.random()); // if two tabs write a lease at once, the last one wins
      if (get().owner === owner) break;
    }
    timer = env.setTimeout(renew, LEASE / 3);
    try {
      return await work();
    } finally {
      env.clearTimeout(timer);
      if (get().owner === owner) save(lease, null);
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
        credentials: cookie ? 'include' : 'omit',
        cache: 'no-store',
        redirect: 'manual', // the refresh token is sent to no other server
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

  /**
   * Returns whether a failure with this status can pass. 421 and 422 are answers of a proxy here.
   */
  function passes(status) {
    if (status === 501) return false; // the operation is switched off
    return status < 400 || status >= 500 || [408, 421, 422, 425, 429].includes(status);
  }

  const backoff = (tries) => 500 * 2 ** tries * (0.5 + env.random());

  // ---- Refreshing.

  /** Stores the answer to the refresh token `sent`, unless the storage has newer tokens. */
  function accept(sent, answer) {
    const held = read();
    if (!held) return; // the user has logged out meanwhile
    const next = answer.refresh_token || sent;
    // Another tab has refreshed again, or the user has logged in again.
    if (held.refresh_token !== sent && held.refresh_token !== next) return;
    // If the token in the storage expires soon, it is replaced in any case: the clock of the server
    // may have been put back.
    const newer = issuedAt(held.access_token) > issuedAt(answer.access_token);
    if (newer && remaining(held) > margin(held)) write({ ...held, refresh_token: next });
    else received(toRecord(answer, next));
    change({ type: 'refresh', expired: read().expired });
  }

  /**
   * Sends one request. It sends none if another tab has replaced the access token `old` meanwhile.
   */
  async function refreshOnce(old) {
    const held = read();
    if (cookie ? pendingLogouts().length : !held) throw loginNeeded('none');
    if (held?.access_token !== old) return;
    const mark = stored.text;
    const body = cookie ? { limit } : { refresh_token: held.refresh_token, limit };
    const answer = await post(operation('refresh'), body);
    const { status } = answer;
    const accepted = status === 200 && typeof answer.access_token === 'string';
    if (accepted) return cookie ? acceptLive(mark, answer) : accept(held.refresh_token, answer);
    // A proxy may answer 421 or 422 too. Only the refresh service can end the session.
    const final = (status === 421 || status === 422) && answer.error === 'jwt_error';
    if (final) return end(held, answer);
    if (status && status < 500 && !answer.error) {
      warn(`${base.href} answered ${status}, but not as a refresh service does. Check baseUrl.`);
    }
    const reason = answer.message ?? (status || 'no answer');
    throw new SessionError(
      passes(status) ? 'temporary' : 'request',
      `refresh failed: ${reason}`,
      answer,
    );
  }

  /** With a cookie: keeps the answer, unless the user has logged in or out since then. */
  function acceptLive(mark, answer) {
    read();
    if (stored.text !== mark || pendingLogouts().length) return;
    received(toRecord(answer, ''));
    if (!mark) keep(live, newMark()); // tells other tabs of a later logout
    change({ type: 'refresh', expired: live.expired });
  }

  /** Deletes the tokens after a final answer, unless the storage has a newer refresh token. */
  function end(held, answer) {
    const now = read();
    if (cookie) {
      const known = stored.text;
      write(null);
      throw loginNeeded(answer.status === 421 ? 'expired' : known ? 'refused' : 'none', answer);
    }
    if (now && now.refresh_token !== held.refresh_token) return;
    if (now) write(null);
    throw loginNeeded(answer.status === 421 ? 'expired' : 'refused', answer);
  }

  async function refreshWithRetries() {
    if (storage.ready) await storage.ready;
    const old = read()?.access_token;
    await withRetries(() => refreshOnce(old));
  }

  async function withRetries(work) {
    for (let tries = 0; ; tries++) {
      const left = retryAt - env.monotonic();
      if (left > MAX_WAIT) {
        throw new SessionError('temporary', 'the server asked to wait', {
          retryAfter: left / 1000,
        });
      }
      await sleep(left);
      try {
        return await exclusive(work);
      } catch (error) {
        if (error.retryAfter) retryAt = env.monotonic() + error.retryAfter * 1000;
        const wait = Math.max((error.retryAfter ?? 0) * 1000, backoff(tries));
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

  // ---- Logging out.

  /**
   * Returns the refresh tokens of the sessions that the server must still revoke. With a cookie it
   * is one text in place of the token.
   */
  function pendingLogouts() {
    let tokens;
    try {
      tokens = JSON.parse(load(`${key}#logout`));
    } catch {
      // The storage is blocked, or the text is not JSON.
    }
    tokens = Array.isArray(tokens) ? tokens : pending;
    return tokens.filter((token) => !(claims(token)?.exp * 1000 < env.now()));
  }

  function setPendingLogouts(tokens) {
    pending = tokens;
    save(`${key}#logout`, tokens.length ? tokens : null);
  }

  /**
   * Asks the server to revoke the sessions. Returns whether it has confirmed all. A session that it
   * has not confirmed stays pending.
   */
  async function revokePending(tries) {
    let confirmed = true;
    let wait = 0;
    if (storage.ready) await storage.ready;
    for (const refresh_token of pendingLogouts()) {
      const path = cookie ? operation('logout') : 'api/v1/revoke';
      const answer = await post(path, cookie ? {} : { refresh_token }, { keepalive: true });
      const { status, error, message, retryAfter = 0 } = answer;
      // If the server does not accept the token (jwt_error), there is nothing to revoke.
      if (status === 204 || error === 'jwt_error') {
        setPendingLogouts(pendingLogouts().filter((token) => token !== refresh_token));
        continue;
      }
      confirmed = false;
      const mistake = error && !passes(status);
      if (mistake) warn(`the logout was answered ${status} (${message}). Check the settings.`);
      else wait = Math.max(wait, retryAfter * 1000, backoff(tries));
    }
    if (wait && tries < RETRIES) env.setTimeout(() => confirmLogouts(tries + 1), wait);
    return confirmed;
  }

  /** Runs revokePending, one call at a time. */
  function confirmLogouts(tries = 0) {
    return (confirming = confirming.then(() => revokePending(tries)));
  }

  // ---- The methods of the session.

  const margin = (held) => Math.min(MARGIN, held.lifetime / 5);

  async function token() {
    if (storage.ready) await storage.ready;
    const held = read();
    if (!held && !cookie) throw loginNeeded('none');
    const left = remaining(held);
    if (held && left > margin(held)) return held.access_token;
    const renewed = refresh();
    // While the token is still valid the caller does not wait.
    if (held && left > margin(held) / 4) renewed.catch(() => {});
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
    if (request.headers.has('Authorization')) return env.fetch(request);
    if (!known) {
      const answer = await env.fetch(request);
      const { origin } = new URL(request.url);
      if (answer.status === 401) {
        warn(`fetch sent no access token to ${origin}, which answered 401. Add it to origins.`);
      }
      return answer;
    }
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
    if (!pair?.refresh_token && !cookie) throw new TypeError('login: the refresh_token is missing');
    const record = toRecord(pair, pair.refresh_token);
    if (record.expired > 1e11) {
      throw new RangeError('login: expired must be in Unix seconds, not in milliseconds');
    }
    if (cookie) return withRetries(() => loginByCookie(pair));
    if (pendingLogouts().length) confirmLogouts();
    received(record);
    rejected = undefined;
    change({ type: 'login', expired: pair.expired });
    return Promise.resolve(storage.written?.());
  }

  /** Sends the refresh token, unless the back end of the login has set the cookie already. */
  async function loginByCookie({ refresh_token, ...pair }) {
    const sent = refresh_token && post(operation('login'), { refresh_token });
    const answer = (await sent) || { status: 204 };
    const { status, message = status || 'no answer' } = answer;
    if (status !== 204) {
      const final = (status === 421 || status === 422) && answer.error === 'jwt_error';
      const code = final ? 'login' : passes(status) ? 'temporary' : 'request';
      throw new SessionError(code, `login failed: ${message}`, answer);
    }
    setPendingLogouts([]); // the server has revoked the session of the old cookie
    const record = toRecord(pair, '');
    keep(record, newMark());
    if (pair.access_token) received(record);
    else live = null; // the first request refreshes
    rejected = undefined;
    change({ type: 'login', expired: pair.expired });
  }

  async function logout() {
    if (storage.ready) await storage.ready;
    const held = read();
    write(null);
    loginNeeded('logout');
    user = undefined;
    if (cookie) setPendingLogouts(['cookie']);
    else if (held) setPendingLogouts([...pendingLogouts(), held.refresh_token]);
    const confirmed = await confirmLogouts();
    if (storage.written) await storage.written();
    return confirmed;
  }

  function onStorage(event) {
    if (event.key !== key && event.key !== null) return;
    if (read() || (cookie && stored.text)) {
      announced = false;
      change({ type: 'other-tab' });
      noteUser();
    } else loginNeeded('other-tab');
  }
  const onOnline = () => confirmLogouts();
  env.events?.addEventListener('storage', onStorage);
  env.events?.addEventListener('online', onOnline);
  if (storage.ready || pendingLogouts().length) confirmLogouts();
  Promise.resolve(storage.ready).then(noteUser);

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
    ready: Promise.resolve(storage.ready).then(() => {}),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      env.events?.removeEventListener('storage', onStorage);
      env.events?.removeEventListener('online', onOnline);
    },
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
