// A session keeper for browsers: keeps the token pair of a login, refreshes the access token in time, and knows when
// the login is needed again. One ES module without dependencies; session.d.ts describes every option.

const TIMEOUT = 10_000; // ms that one request may take
const LOCK_WAIT = 15_000; // ms to wait for another tab, longer than any request that it makes meanwhile
const STORAGE_LAG = 1000; // ms that storage may take to show what another tab has stored
const MAX_WAIT = 30_000; // ms between two tries; a longer Retry-After goes to the caller instead
const RETRIES = 3;
const MARGIN = 60_000; // ms before expiry at which a refresh begins
const JITTER = 5_000; // ms that the local clock may step back unnoticed

/** What a SessionError asks for: 'login' the user must log in, 'temporary' try later, 'request' fix the caller. */
export class SessionError extends Error {
  constructor(code, message, { status, retryAfter, causes = [], cause } = {}) {
    super(message, { cause });
    Object.assign(this, { name: 'SessionError', code, status, retryAfter, causes });
  }
}

/** A Storage that forgets everything with the page. */
export function memoryStorage() {
  const items = new Map();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}

/** The claims of a token, unverified: for showing and for timing, never for deciding. Undefined if it is no JWT. */
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
    return globalThis.localStorage ?? memoryStorage(); // reading it throws where the user has forbidden it
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
  const base = new URL(String(options.baseUrl ?? '/').replace(/\/*$/, '/'), globalThis.location?.href);
  const origins = new Set([base.origin, ...(options.origins ?? []).map((o) => new URL(o, base).origin)]);
  const key = `${name}@${base.href}`;

  let unsaved; // the record while storage refuses to keep it; undefined: storage is right
  let anchor = {}; // when, on this page's own timer, the access token in storage was as old as it says
  let flight = null; // the refresh that is under way in this page
  let told = false; // whether the page knows already that there is no session
  let useless; // an access token that was refused although it was new
  let holdUntil = 0; // until when Retry-After asked for silence, on the page's timer

  // ---- The record: {access_token, refresh_token, expired, lifetime (ms), received (ms, local clock)}.

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
    told = false;
    return record;
  }

  function write(record) {
    anchor = { token: record?.access_token, age: 0, at: env.monotonic() };
    unsaved = undefined;
    try {
      if (record) storage.setItem(key, JSON.stringify(record));
      else storage.removeItem(key);
    } catch {
      unsaved = record; // storage is full or forbidden: the page keeps it rather than lose a rotated token
    }
  }

  function toRecord(answer, refreshToken) {
    const access = answer.access_token ?? '';
    const received = env.now();
    const expired = Number.isFinite(answer.expired) ? answer.expired : Number(claims(access)?.exp ?? 0);
    // Both times are the server's, so their difference holds whatever the local clock says.
    const seconds = expired - issuedAt(access);
    const lifetime = seconds > 0 ? seconds * 1000 : Math.max(expired * 1000 - received, 0);
    return { access_token: access, refresh_token: refreshToken, expired, lifetime, received };
  }

  /** Milliseconds that the access token still lives. Where two clocks disagree the shorter answer counts: it costs one refresh. */
  function remaining(held = read()) {
    if (!held) return 0;
    const age = env.now() - held.received;
    if (anchor.token !== held.access_token) { // received by another tab, or before a reload
      anchor = { token: held.access_token, age: age < -JITTER ? Infinity : Math.max(age, 0), at: env.monotonic() };
    }
    const elapsed = Math.max(anchor.age + env.monotonic() - anchor.at, age); // the timer stands still while asleep
    return Math.max(held.lifetime - elapsed, 0);
  }

  // ---- Telling the page. In a microtask, so that its mistakes cannot harm the session.

  const tell = (listener, event) => listener && env.later(() => listener(event));
  const change = (event) => tell(onChange, event);

  function loginNeeded(reason, answer = {}) {
    if (!told) {
      told = true;
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

  /** Runs work while no other tab does. After a bounded wait it runs anyway: two tabs at once are a waste, a tab that hangs is worse. */
  async function exclusive(work) {
    if (!env.locks) return leased(work, LOCK_WAIT);
    const limit = abortIn(LOCK_WAIT);
    let running;
    const start = () => {
      limit.clear();
      return (running ??= leased(work, STORAGE_LAG));
    };
    const granted = env.locks.request(key, { signal: limit.signal }, () => start().catch(() => {}));
    await Promise.race([granted, limit.passed]).catch(() => {}); // refused where the page may not use locks
    return start();
  }

  /**
   * Holds a lease in storage, which expires by itself, while work runs. Without Web Locks (pages without TLS) it is the lock. With
   * them it keeps order: what another tab has stored may arrive here after its lock does, but not after the end of its lease.
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
    for (const end = env.monotonic() + patience; env.monotonic() < end; await sleep(pause + pause * env.random())) {
      const left = get().until - env.now();
      if (left > 0 && left <= LOCK_WAIT) continue; // more than that: the clock was put back
      try {
        storage.setItem(lease, JSON.stringify({ owner, until: env.now() + LOCK_WAIT }));
      } catch {
        break;
      }
      if (env.locks) break;
      await sleep(20 + 20 * env.random()); // who writes last, wins
      if (get().owner === owner) break;
    }
    try {
      return await work();
    } finally {
      if (get().owner === owner) storage.removeItem(lease);
    }
  }

  // ---- Talking to the server.

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
        redirect: 'error', // a refresh token goes to nobody else
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

  /** Seconds, or undefined. Other origins may hide both headers. */
  function retryAfter({ headers }) {
    const value = headers.get('Retry-After');
    if (!value) return undefined;
    const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - (Date.parse(headers.get('Date')) || env.now())) / 1000;
    return Number.isFinite(seconds) ? Math.max(seconds, 0) : undefined;
  }

  // ---- Refreshing.

  /** Stores an answer to the refresh token `sent`, unless storage has moved on since. */
  function keep(sent, answer) {
    const held = read();
    if (!held) return; // logged out meanwhile: the session must not come back
    const rotated = answer.refresh_token || sent;
    if (held.refresh_token !== sent && held.refresh_token !== rotated) return; // rotated further, or another login
    const older = issuedAt(held.access_token) > issuedAt(answer.access_token);
    write(older ? { ...held, refresh_token: rotated } : toRecord(answer, rotated));
    change({ type: 'refresh', expired: read().expired });
  }

  /** One try. Done if somebody has replaced the access token `old` meanwhile. */
  async function redeem(old) {
    const held = read();
    if (!held) throw loginNeeded('none');
    if (held.access_token !== old) return;
    const answer = await post('api/v1/refresh', { refresh_token: held.refresh_token, limit });
    const { status } = answer;
    if (status === 200 && typeof answer.access_token === 'string') return keep(held.refresh_token, answer);
    if (status === 421 || status === 422) return refused(held, answer);
    const final = status >= 400 && status < 500 && status !== 408 && status !== 425 && status !== 429;
    throw new SessionError(final ? 'request' : 'temporary', `refresh failed: ${answer.message ?? (status || 'no answer')}`, answer);
  }

  function refused(held, answer) {
    const now = read();
    if (now && now.refresh_token !== held.refresh_token) return; // another tab holds a newer one: go on with that
    if (now) write(null);
    throw loginNeeded(answer.status === 421 ? 'expired' : 'refused', answer);
  }

  async function refreshing() {
    const old = read()?.access_token;
    for (let tries = 0; ; tries++) {
      const silence = holdUntil - env.monotonic();
      if (silence > MAX_WAIT) throw new SessionError('temporary', 'the server asked to wait', { retryAfter: silence / 1000 });
      await sleep(silence);
      try {
        return await exclusive(() => redeem(old));
      } catch (error) {
        if (error.retryAfter) holdUntil = env.monotonic() + error.retryAfter * 1000;
        const wait = Math.max((error.retryAfter ?? 0) * 1000, 500 * 2 ** tries * (0.5 + env.random()));
        if (error.code !== 'temporary' || tries >= RETRIES || wait > MAX_WAIT) throw error;
        change({ type: 'retry', status: error.status, wait });
        await sleep(wait);
      }
    }
  }

  function refresh() {
    flight ??= refreshing().finally(() => (flight = null));
    return flight;
  }

  // ---- What callers use.

  async function token() {
    const held = read();
    if (!held) throw loginNeeded('none');
    const margin = Math.min(MARGIN, held.lifetime / 5);
    const left = remaining(held);
    if (left > margin) return held.access_token;
    const renewed = refresh();
    if (left > margin / 4) renewed.catch(() => {}); // it still lives: nobody waits
    else await renewed;
    const now = read();
    if (!now) throw loginNeeded('none');
    return now.access_token;
  }

  async function fetchWithToken(input, init) {
    const target = input instanceof Request ? input : new URL(input, base).href;
    const spare = input instanceof Request ? input.clone() : target;
    const request = new Request(target, init);
    if (!origins.has(new URL(request.url).origin) || request.headers.has('Authorization')) return env.fetch(request);
    const send = (message, bearer) => {
      message.headers.set('Authorization', `Bearer ${bearer}`);
      return env.fetch(message);
    };
    const first = await unlessAborted(token(), request.signal);
    const response = await send(request, first);
    if (response.status !== 401 || first === useless) return response;
    if (read()?.access_token === first) await unlessAborted(refresh(), request.signal);
    const second = await unlessAborted(token(), request.signal);
    if (isStream(init?.body)) return response; // it is spent; the next call has the new token
    response.body?.cancel();
    const again = await send(new Request(spare, init), second);
    if (again.status === 401) useless = second;
    return again;
  }

  async function refreshOnOpen() {
    try {
      await refresh();
      return true;
    } catch {
      return false; // onLogin has been called, or a later request tries again
    }
  }

  function login(pair) {
    if (!pair?.refresh_token) throw new TypeError('login needs the refresh_token that the server gave');
    write(toRecord(pair, pair.refresh_token));
    useless = undefined;
    change({ type: 'login', expired: pair.expired });
  }

  async function logout() {
    const held = read();
    write(null);
    loginNeeded('logout');
    if (held) await post('api/v1/revoke', { refresh_token: held.refresh_token }, { keepalive: true });
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

const isStream = (body) => typeof body?.getReader === 'function' || typeof body?.[Symbol.asyncIterator] === 'function';

function unlessAborted(promise, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) reject(signal.reason);
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
}
