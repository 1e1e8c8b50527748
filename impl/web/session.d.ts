/** The answer of a login or a refresh, as the server sends it. */
export interface TokenPair {
  access_token?: string;
  /** From the login: required. From a refresh: only where the server rotates refresh tokens. */
  refresh_token: string;
  /** When the access token expires, Unix seconds by the server's clock. Without it the token's own `exp` counts. */
  expired?: number;
}

/** What the keeper has stored. */
export interface StoredTokens {
  readonly access_token: string;
  readonly refresh_token: string;
  /** Unix seconds, by the server's clock. */
  readonly expired: number;
  /** Milliseconds that the access token lives: `expired` minus its `iat`. */
  readonly lifetime: number;
  /** When it was received, milliseconds by the local clock. */
  readonly received: number;
}

/** Why the user must log in. */
export interface LoginReason {
  /**
   * - `expired`: the refresh token has expired (421);
   * - `refused`: the refresh token was not accepted (422), for example because it was revoked;
   * - `none`: there was no session when one was needed;
   * - `logout`: `logout()` was called;
   * - `other-tab`: the user logged out in another tab.
   */
  reason: 'expired' | 'refused' | 'none' | 'logout' | 'other-tab';
  status?: number;
  /** The server's own words. */
  causes: string[];
}

export type SessionEvent =
  | { type: 'login'; expired?: number }
  | { type: 'refresh'; expired: number }
  /** A refresh failed for now and is tried again after `wait` milliseconds. Status 0: no answer came. */
  | { type: 'retry'; status?: number; wait: number }
  | { type: 'other-tab' }
  | { type: 'logout'; reason: LoginReason['reason']; status?: number };

export interface SessionOptions {
  /** Where the refresh service is, with its path if it has one. Default: the page's own origin. */
  baseUrl?: string | URL;
  /** Where the tokens are kept. Default: `localStorage`, which all tabs share and any script of the page can read. */
  storage?: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  /** Minutes that new access tokens live, 10 to 10080. Default: the server's, seven days. */
  limit?: number;
  /** Called once for each session that ends, and once where a session is needed and there is none. Show the login. */
  onLogin?: (reason: LoginReason) => void;
  /** Called after each change of the session. */
  onChange?: (event: SessionEvent) => void;
  /** Other origins to which `fetch` may send the access token. Default: none but that of `baseUrl`. */
  origins?: (string | URL)[];
  /** Tells two sessions in one storage apart. Default: `session`. */
  name?: string;
  /** What the keeper takes from the browser, replaceable in tests. */
  env?: Partial<SessionEnvironment>;
}

export interface SessionEnvironment {
  fetch: typeof globalThis.fetch;
  locks: Pick<LockManager, 'request'> | undefined;
  /** The local clock, milliseconds since 1970. */
  now: () => number;
  /** A timer that never jumps, milliseconds. */
  monotonic: () => number;
  setTimeout: (callback: () => void, ms: number) => unknown;
  clearTimeout: (id: any) => void;
  /** From 0 up to 1. */
  random: () => number;
  /** Runs the page's own listeners, apart from the keeper's work: `queueMicrotask`. */
  later: (run: () => void) => void;
  /** Where `storage` events of other tabs arrive. */
  events: Pick<EventTarget, 'addEventListener' | 'removeEventListener'> | undefined;
}

export interface Session {
  /**
   * `fetch` with the access token: refreshed shortly before it expires, and once after a 401, when the request is sent again
   * unless its body was a stream. Relative addresses start at `baseUrl`. The token goes to the origin of
   * `baseUrl` and to `origins`; requests to others, and those with an `Authorization` of their own, pass untouched.
   * @throws {SessionError} `login` or `temporary`, before anything was sent
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** A valid access token, for WebSockets and the like. */
  token(): Promise<string>;
  /** Refreshes now. However many callers and tabs ask at once, one request is made. */
  refresh(): Promise<void>;
  /** For a page that prolongs the login whenever it opens. True if it did; never rejects. */
  refreshOnOpen(): Promise<boolean>;
  /** Stores the answer of a login. */
  login(pair: TokenPair): void;
  /** Forgets the tokens and, as far as it can be reached, tells the server. Never rejects. */
  logout(): Promise<void>;
  /** Seconds that the access token still lives, whatever the local clock says; 0 if it has expired or there is none. */
  remaining(): number;
  /** What is stored now; null if nobody is logged in. */
  readonly tokens: StoredTokens | null;
  /** Stops listening to other tabs. */
  close(): void;
}

export class SessionError extends Error {
  /** `login`: the user must log in. `temporary`: try later, the user stays logged in. `request`: the caller has a mistake. */
  readonly code: 'login' | 'temporary' | 'request';
  /** HTTP status of the refused refresh; 0 if no answer came. */
  readonly status?: number;
  /** Seconds. */
  readonly retryAfter?: number;
  readonly causes: string[];
}

export function createSession(options?: SessionOptions): Session;

/** A storage that forgets everything with the page. */
export function memoryStorage(): Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** The claims of a token, unverified: for showing and for timing, never for deciding. Undefined if it is no JWT. */
export function claims(token: string): Record<string, unknown> | undefined;
