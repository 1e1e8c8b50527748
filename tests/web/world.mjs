// A simulated browser: tabs share virtual time, a storage and locks. The server is a function.
import { createSession, memoryStorage } from '../../impl/web/session.js';

export const base = 'https://api.example';
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

export class World {
  time = 1_000_000; // milliseconds since the start of the world
  epoch = 1_700_000_000_000; // the server's clock at the start
  clockError = 0; // milliseconds that the local clock is ahead of the server's
  storage = memoryStorage();
  listeners = []; // of the events of other tabs
  online = []; // listeners
  timers = [];
  requests = [];
  serial = 0;
  /** @type {(request: Request) => Promise<Response> | Response} */
  server = () => this.accept();

  serverNow = () => Math.floor((this.epoch + this.time) / 1000);

  jwt(claims) {
    return `${part({ alg: 'none' })}.${part({ jti: String(++this.serial), ...claims })}.sig`;
  }

  /** Returns the answer of a login. */
  pair({ life = 600, refresh = `R${++this.serial}`, iat = this.serverNow() } = {}) {
    return {
      access_token: this.jwt({ iat, exp: iat + life }),
      refresh_token: refresh,
      expired: iat + life,
    };
  }

  accept({ refresh, life = 600 } = {}) {
    const { access_token, expired } = this.pair({ life });
    return Response.json({ access_token, expired, ...(refresh && { refresh_token: refresh }) });
  }

  error(status, headers = {}) {
    const error = [421, 422].includes(status) ? 'jwt_error' : 'x';
    return Response.json(
      { status, message: 'No', error, causes: ['because'] },
      { status, headers },
    );
  }

  setTimeout = (run, ms) => {
    const timer = { run, at: this.time + Math.max(ms, 0), id: ++this.serial };
    this.timers.push(timer);
    return timer.id;
  };

  clearTimeout = (id) => (this.timers = this.timers.filter((timer) => timer.id !== id));

  sleep = (ms) => new Promise((done) => this.setTimeout(done, ms));

  /** Moves the time forward and runs the timers that are due. */
  async pass(ms) {
    for (const end = this.time + ms; ; ) {
      await settle();
      const next = this.timers
        .filter((t) => t.at <= end)
        .sort((a, b) => a.at - b.at || a.id - b.id)[0];
      if (!next) return void (this.time = end);
      this.clearTimeout(next.id);
      this.time = Math.max(this.time, next.at);
      next.run();
    }
  }

  /** Returns the value or error of a promise. It moves the time forward by an hour at most. */
  async outcome(promise) {
    let done;
    promise.then(
      (value) => (done = { value }),
      (error) => (done = { error }),
    );
    for (const end = this.time + 3_600_000; ; ) {
      await settle();
      if (done) return done;
      if (this.time > end || this.timers.length === 0)
        throw new Error('the promise does not settle');
      await this.pass(Math.min(...this.timers.map((t) => t.at)) - this.time);
    }
  }

  async value(promise) {
    const { value, error } = await this.outcome(promise);
    if (error) throw error;
    return value;
  }

  /** Web Locks. The lock whose name is passed to `hang` is never released. */
  locks = (() => {
    const tails = new Map();
    return {
      hang: (name) => tails.set(name, new Promise(() => {})),
      request: async (name, { signal }, work) => {
        const before = tails.get(name);
        let release;
        tails.set(name, new Promise((done) => (release = done)));
        try {
          await Promise.race([
            before,
            new Promise((_, no) => signal.addEventListener('abort', () => no(signal.reason))),
          ]);
          return await work();
        } finally {
          release();
        }
      },
    };
  })();

  /** Opens a tab whose timer starts at zero. `told` has the events that its page received. */
  tab(options = {}) {
    const opened = this.time;
    const told = { logins: [], changes: [], warnings: [] };
    const { env, ...rest } = options;
    const session = createSession({
      baseUrl: base,
      storage: this.storage,
      onLogin: (event) => told.logins.push(event.reason),
      onChange: (event) => told.changes.push(event.type),
      ...rest,
      env: {
        fetch: (input, init) => this.fetch(input, init),
        locks: this.locks,
        now: () => this.epoch + this.time + this.clockError,
        monotonic: () => this.time - opened,
        setTimeout: this.setTimeout,
        clearTimeout: this.clearTimeout,
        random: () => 0.5,
        warn: (text) => told.warnings.push(text),
        events: {
          addEventListener: (type, listener) =>
            (type === 'storage' ? this.listeners : this.online).push(listener),
          removeEventListener: () => {},
        },
        ...env,
      },
    });
    return Object.assign(session, { told });
  }

  async fetch(input, init) {
    const request = new Request(input, init);
    this.requests.push(request);
    await this.sleep(50);
    const answer = await Promise.race([
      Promise.resolve(this.server(request)),
      new Promise((_, no) =>
        request.signal.addEventListener('abort', () => no(request.signal.reason)),
      ),
    ]);
    await this.sleep(50);
    return answer;
  }

  refreshes = () => this.requests.filter((r) => r.url.endsWith('/api/v1/refresh')).length;
}

/** Returns a server that answers refreshes with `refresh` and other requests with `api`. */
export function route({ refresh, api = () => new Response('ok') }) {
  return (request) => (request.url.endsWith('/api/v1/refresh') ? refresh(request) : api(request));
}

async function settle() {
  for (let i = 0; i < 30; i++) await new Promise(setImmediate);
}

export const hour = 3_600_000; // milliseconds

/** Returns a world with one tab that is logged in. */
export function loggedIn(options, pair) {
  const world = new World();
  const tab = world.tab(options);
  tab.login(world.pair(pair));
  return { world, tab };
}

/** Returns the access token of a request, or undefined. */
export const bearer = (request) => request.headers.get('Authorization')?.replace('Bearer ', '');
