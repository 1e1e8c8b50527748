// The playground: a small front end that uses session.js. Its buttons also cause the failures that
// session.js handles.
import { createSession, SessionError } from '/session.js';
import { clearLine, find, line, notice, showCountdown, showTokens } from './show.js';

const tabs = new BroadcastChannel('playground');
let loseNext = false;
let slowNext = false;
let session = open();

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

/**
 * Calls fetch and adds the request and the answer to the time line. It loses the answer if
 * `loseNext` is set.
 */
async function loggedFetch(input, init) {
  const request = new Request(input, init);
  const body = request.method === 'GET' ? '' : await request.clone().text();
  const path = new URL(request.url).pathname;
  const sent = `${request.method} ${path}${body && `\n${body}`}`;
  let response;
  if (slowNext) await wait(2000); // so that the refreshes of all tabs overlap
  slowNext = false;
  try {
    response = await fetch(request);
  } catch (error) {
    line('bad', `${path}: no answer (${error.message})`, { request: sent, answer: 'no answer' });
    throw error;
  }
  const answer = `${response.status} ${response.statusText}\n${await response.clone().text()}`;
  if (loseNext && path.endsWith('/refresh')) {
    loseNext = false;
    line('bad', `${path}: ${response.status}, but the answer is lost`, { request: sent, answer });
    throw new TypeError('the answer was lost');
  }
  line(response.ok ? 'good' : 'bad', `${path}: ${response.status}`, { request: sent, answer });
  return response;
}

function open() {
  const limit = Number(localStorage.getItem('playground-limit')) || undefined;
  return createSession({ limit, onLogin, onChange, env: { fetch: loggedFetch } });
}

const reasons = {
  expired: 'Your refresh token has expired (421). Please log in again.',
  refused: 'The server rejected your refresh token (422). Please log in again.',
  'other-tab': 'You have logged out in another tab.',
  logout: 'You have logged out.',
  none: 'Please log in first.',
};

function onLogin({ reason, causes }) {
  notice(reasons[reason]);
  const why = causes.length ? `: ${causes.join(', ')}` : '';
  line(reason === 'logout' ? 'plain' : 'bad', `Back to the login${why}`);
  showTokens(null);
  find('login-title').focus();
}

function onChange(event) {
  const seconds = ((event.wait ?? 0) / 1000).toFixed(1);
  const texts = {
    login: 'Logged in: both tokens are stored',
    refresh: 'Refreshed: the new access token replaces the old one',
    'other-tab': 'Another tab has stored new tokens',
    retry: `The refresh failed. The page stays logged in and tries again in ${seconds} s`,
  };
  if (texts[event.type]) line(event.type === 'retry' ? 'wait' : 'plain', texts[event.type]);
  showTokens(session.tokens);
  tick();
}

async function signIn(form) {
  const response = await loggedFetch('/playground/login', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(form),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.causes.join(', ') || answer.message);
  session.login(answer);
}

const actions = {
  async call() {
    const response = await session.fetch('/playground/hello');
    line(
      'plain',
      response.ok ? 'The API accepts the access token' : 'The API rejects the access token',
    );
  },
  async open() {
    await session.refreshOnOpen();
  },
  async lose() {
    loseNext = true;
    await session.refresh();
  },
  async spoil() {
    const { access_token, refresh_token, expired } = session.tokens;
    session.login({ access_token: `${access_token.slice(0, -8)}AAAAAAAA`, refresh_token, expired });
    await actions.call();
  },
  async expire() {
    line('plain', 'Logging in with a refresh token that expires after one second …');
    await signIn({
      identity: 'demo@example.com',
      name: 'Demo',
      access_seconds: 600,
      refresh_seconds: 1,
    });
    await wait(2100);
    await session.refresh();
  },
  async revoke() {
    const response = await loggedFetch('/api/v1/revoke', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ refresh_token: session.tokens.refresh_token }),
    });
    if (!response.ok) throw new Error(`The server did not revoke the token: ${response.status}`);
    await session.refresh();
  },
  async logout() {
    const confirmed = await session.logout();
    if (!confirmed) line('wait', 'The server has not confirmed the logout. session.js tries again');
  },
  async tab() {
    window.open('/playground', '_blank', 'noopener');
  },
  async all() {
    const at = Date.now() + 200;
    tabs.postMessage(at);
    await refreshHere(at);
  },
};

async function refreshHere(at) {
  await wait(at - Date.now());
  slowNext = true;
  const before = session.tokens?.access_token;
  line('plain', 'All tabs refresh now');
  await session.refresh();
  slowNext = false;
  if (session.tokens?.access_token !== before) line('good', 'This tab has the new token');
  showTokens(session.tokens);
}

/** Runs an action and shows its error to the user. */
async function attempt(action, button) {
  notice('');
  button?.setAttribute('aria-busy', 'true');
  try {
    await action();
  } catch (error) {
    if (error instanceof SessionError && error.code === 'login') return; // onLogin has shown it
    const advice = error instanceof SessionError ? ' You stay logged in. Try again later.' : '';
    notice(`${error.message}.${advice}`);
  } finally {
    button?.removeAttribute('aria-busy');
  }
}

function tick() {
  showCountdown(session.remaining(), session.tokens);
}

find('login').addEventListener('submit', (event) => {
  event.preventDefault();
  const { limit, access_seconds, refresh_seconds, ...rest } = Object.fromEntries(
    new FormData(event.target),
  );
  localStorage.setItem('playground-limit', limit);
  session.close();
  session = open();
  const form = {
    ...rest,
    access_seconds: Number(access_seconds),
    refresh_seconds: Number(refresh_seconds),
  };
  const submit = async () => {
    await signIn(form);
    find('left-title').focus(); // the button that had the focus is hidden now
  };
  attempt(submit, event.submitter);
});

for (const button of document.querySelectorAll('[data-do]')) {
  button.addEventListener('click', () => {
    if (!button.hasAttribute('aria-busy')) attempt(actions[button.dataset.do], button);
  });
}
find('clear').addEventListener('click', clearLine);
tabs.addEventListener('message', ({ data }) => session.tokens && attempt(() => refreshHere(data)));

setInterval(tick, 250);
showTokens(session.tokens);
tick();
