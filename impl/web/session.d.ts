/** The answer of a login or of a refresh. */
export interface TokenPair {
  access_token?: string;
  /**
   * Required, unless `transport` is `cookie` and the back end of the login has set the cookie. The
   * answer of a refresh has it only if the server rotates refresh tokens.
   */
  refresh_token?: string;
  /**
   * The time at which the access token expires: Unix seconds of the server's clock. Default: `exp`
   * of the token.
   */
  expired?: number;
}

/** The tokens in the storage or, with `transport: 'cookie'`, in memory. */
export interface StoredTokens {
  readonly access_token: string;
  /** Empty with `transport: 'cookie'`. */
  readonly refresh_token: string;
  /** The time at which the access token expires: Unix seconds of the server's clock. */
  readonly expired: number;
  /** The lifetime of the access token in milliseconds: `expired` minus its `iat`. */
  readonly lifetime: number;
  /** The time at which the access token arrived: milliseconds of the local clock. */
  readonly received: number;
}

/** Why the user must log in. */
export interface LoginReason {
  /**
   * - `expired`: the refresh token has expired (421);
   * - `refused`: the server rejected the refresh token (422), for example because it was revoked;
   * - `none`: the user was not logged in;
   * - `logout`: `logout()` was called;
   * - `other-tab`: the user logged out in another tab.
   */
  reason: 'expired' | 'refused' | 'none' | 'logout' | 'other-tab';
  status?: number;
  /** The causes in the answer of the server, for people. */
  causes: string[];
}

export type SessionEvent =
  | { type: 'login'; expired?: number }
  | { type: 'refresh'; expired: number }
  /**
   * A refresh failed and is tried again after `wait` milliseconds. `status` is 0 if there was no
   * answer.
   */
  | { type: 'retry'; status?: number; wait: number }
  | { type: 'other-tab' }
  /** The tokens belong to another user than before, such as after a login in another tab. */
  | { type: 'identity'; identity?: string }
  | { type: 'logout'; reason: LoginReason['reason']; status?: number };

export interface SessionOptions {
  /**
   * The URL of the refresh service, including a path if it has one. Default: the origin of the
   * page.
   */
  baseUrl?: string | URL;
  /**
   * `body`: the refresh token is in the storage and in the bodies of requests. `cookie`: it is in a
   * cookie that no script can read, and the access token in memory only; the server needs
   * `--browser-door`. Default: `body`.
   */
  transport?: 'body' | 'cookie';
  /**
   * The place of the tokens. Default: `localStorage`. All tabs share it, and every script of the
   * page can read it. With `transport: 'cookie'` it has no token, only the mark of a login. Its
   * methods may return promises, as on React Native; then no other tab can use the storage.
   */
  storage?: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> | PromisedStorage;
  /**
   * The lifetime of new access tokens in minutes, from 10 to 10080. Default: 10080 (seven days).
   */
  limit?: number;
  /**
   * Called once when the user must log in, because the session has ended or there is none. Show the
   * login.
   */
  onLogin?: (reason: LoginReason) => void;
  /** Called after each change of the session. */
  onChange?: (event: SessionEvent) => void;
  /**
   * Further origins to which `fetch` may send the access token, such as `https://api.example.com`.
   * It always sends it to the origin of `baseUrl`.
   */
  origins?: (string | URL)[];
  /**
   * The claim of the identity, if the server has `--identity-claim`. Default: `identity`, `sub` or
   * `user_id`.
   */
  identityClaim?: string;
  /** The name of this session, if several use one storage. Default: `session`. */
  name?: string;
  /** Replaces functions of the browser in tests. */
  env?: Partial<SessionEnvironment>;
}

/** A storage such as AsyncStorage or SecureStore of React Native. */
export interface PromisedStorage {
  getItem(key: string): Promise<string | null | undefined>;
  setItem(key: string, value: string): Promise<unknown>;
  removeItem(key: string): Promise<unknown>;
}

export interface SessionEnvironment {
  fetch: typeof globalThis.fetch;
  locks: Pick<LockManager, 'request'> | undefined;
  /** The local clock: milliseconds since 1970. */
  now: () => number;
  /** A timer that is never changed: milliseconds since any moment. */
  monotonic: () => number;
  setTimeout: (callback: () => void, ms: number) => unknown;
  clearTimeout: (id: any) => void;
  /** A random number from 0 up to 1. */
  random: () => number;
  /** Runs a listener of the page, outside of the keeper's own code: `queueMicrotask`. */
  later: (run: () => void) => void;
  /** Writes a warning about a mistake of the page: `console.warn`. */
  warn: (text: string) => void;
  /** The target of the events `storage` and `online`: `window`. */
  events: Pick<EventTarget, 'addEventListener' | 'removeEventListener'> | undefined;
}

export interface Session {
  /**
   * Calls `fetch` with the access token. It refreshes the token shortly before it expires. If the
   * answer is 401, it refreshes the token and sends the request once more, unless the body is a
   * stream. Relative URLs are relative to `baseUrl`. The token is sent only to the origin of
   * `baseUrl` and to `origins`. Requests to other origins, and requests that have an
   * `Authorization` header, are not changed.
   * @throws {SessionError} `login` or `temporary`; in both cases the request was not sent
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** Returns a valid access token, for WebSockets and the like. */
  token(): Promise<string>;
  /** Refreshes now. If several callers or tabs do so at once, one request is sent. */
  refresh(): Promise<void>;
  /**
   * Refreshes now, for a page that does so each time it opens. Returns whether it succeeded. Never
   * rejects.
   */
  refreshOnOpen(): Promise<boolean>;
  /**
   * Stores the answer of a login. With `transport: 'cookie'` it sends the refresh token to the
   * server, which sets the cookie.
   * @throws {SessionError} only with `transport: 'cookie'`; the user is not logged in then
   */
  login(pair: TokenPair): Promise<void>;
  /**
   * Deletes the tokens at once and asks the server to revoke the session. Returns whether the
   * server has confirmed it. If not, the request is sent again: up to three times, when the machine
   * is online again, and at the next login or start. Until then the storage has the refresh token
   * for this purpose alone. An answer such as 400 or 501 is a mistake of the page or of a setting:
   * it causes a warning, and the next login or start tries again. Never rejects.
   */
  logout(): Promise<boolean>;
  /**
   * Returns how many seconds the access token is still valid, even if the local clock is wrong. 0:
   * not at all.
   */
  remaining(): number;
  /** Resolves when a storage whose methods return promises has been read, else at once. */
  readonly ready: Promise<void>;
  /**
   * The tokens; null if the user is not logged in. It is the same object until the tokens change.
   * With `transport: 'cookie'` it is null until the first request after a reload: call
   * `refreshOnOpen()` to know.
   */
  readonly tokens: StoredTokens | null;
  /**
   * Calls the listener after each change of `tokens`, also by another tab. Returns a function that
   * cancels this. For React: `useSyncExternalStore(session.subscribe, () => session.tokens)`.
   */
  subscribe(listener: () => void): () => void;
  /** Stops listening to the other tabs and to the network. */
  close(): void;
}

export class SessionError extends Error {
  /**
   * - `login`: the user must log in;
   * - `temporary`: try again later, the user stays logged in;
   * - `request`: the calling code has a mistake.
   */
  readonly code: 'login' | 'temporary' | 'request';
  /** The HTTP status of the answer; 0 if there was none. */
  readonly status?: number;
  /** How many seconds the server asked to wait. */
  readonly retryAfter?: number;
  readonly causes: string[];
}

export function createSession(options?: SessionOptions): Session;

/** A storage that lasts as long as the page. */
export function memoryStorage(): Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/**
 * Returns the claims of a token, or undefined if it is not a JWT. It does not verify the token: do
 * not trust the claims.
 */
export function claims(token: string): Record<string, unknown> | undefined;
