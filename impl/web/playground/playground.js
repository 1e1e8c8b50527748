// The playground: a small front end that uses session.js. Its buttons also cause the failures that
// session.js handles.
import { createSession, SessionError } from '/session.js';
import { clearLine, find, line, notice, showCountdown, showTokens } from './show.js';
import { t, translate } from './texts.js';
import { playThief } from './thief.js';

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
    line('bad', t('{path}: no answer', { path }), { request: sent, answer: error.message });
    throw error;
  }
  const answer = `${response.status} ${response.statusText}\n${await response.clone().text()}`;
  if (loseNext && path.endsWith('/refresh')) {
    loseNext = false;
    const text = t('{path}: {status}, but the answer is lost', { path, status: response.status });
    line('bad', text, { request: sent, answer });
    throw new TypeError('the answer was lost');
  }
  line(response.ok ? 'good' : 'bad', `${path}: ${response.status}`, { request: sent, answer });
  return response;
}

/** Returns whether the refresh token is kept in a cookie. */
function inCookie() {
  const { door } = document.documentElement.dataset;
  return door === 'on' && localStorage.getItem('playground-place') === 'cookie';
}

function open() {
  const limit = Number(localStorage.getItem('playground-limit')) || undefined;
  const transport = inCookie() ? 'cookie' : 'body';
  return createSession({ limit, transport, onLogin, onChange, env: { fetch: loggedFetch } });
}

const reasons = {
  expired: 'Your refresh token has expired (421). Please log in again.',
  refused: 'The server rejected your refresh token (422). Please log in again.',
  'other-tab': 'You have logged out in another tab.',
  logout: 'You have logged out.',
  none: 'Please log in first.',
};

function onLogin({ reason, causes }) {
  notice(t(reasons[reason]));
  const why = causes.length ? `: ${causes.join(', ')}` : '';
  line(reason === 'logout' ? 'plain' : 'bad', `${t('Back to the login')}${why}`);
  showTokens(null);
  find('login-title').focus();
}

function onChange(event) {
  const seconds = ((event.wait ?? 0) / 1000).toFixed(1);
  const texts = {
    login: inCookie()
      ? 'Logged in: the refresh token is in the cookie'
      : 'Logged in: both tokens are stored',
    refresh: 'Refreshed: the new access token replaces the old one',
    'other-tab': 'Another tab has stored new tokens',
    identity: 'Another user has logged in, in another tab',
    retry: 'The refresh failed. The page stays logged in and tries again in {seconds} s',
  };
  const text = texts[event.type];
  if (text) line(event.type === 'retry' ? 'wait' : 'plain', t(text, { seconds }));
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
  await session.login(answer);
}

const actions = {
  async call() {
    const response = await session.fetch('/playground/hello');
    line(
      'plain',
      t(response.ok ? 'The API accepts the access token' : 'The API rejects the access token'),
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
    const spoiled = `${access_token.slice(0, -8)}AAAAAAAA`;
    await session.login({ access_token: spoiled, refresh_token, expired });
    await actions.call();
  },
  async expire() {
    line('plain', t('Logging in with a refresh token that expires after one second …'));
    await signIn({
      identity: 'demo@example.com',
      name: 'Demo',
      access_seconds: 600,
      refresh_seconds: 1,
    });
    await wait(2100);
    const text = 'The browser has removed the expired cookie, so the server finds none';
    if (inCookie()) line('plain', t(text));
    await session.refresh();
  },
  async revoke() {
    const { refresh_token } = session.tokens;
    const path = inCookie() ? '/api/v1/browser/logout' : '/api/v1/revoke';
    const { ok, status } = await loggedFetch(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ refresh_token }),
    });
    if (!ok) throw new Error(t('The server did not revoke the token: {status}', { status }));
    await session.refresh();
  },
  async logout() {
    const confirmed = await session.logout();
    const text = 'The server has not confirmed the logout. session.js tries again';
    if (!confirmed) line('wait', t(text));
  },
  thief: () => playThief(session, loggedFetch),
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
  line('plain', t('All tabs refresh now'));
  await session.refresh();
  slowNext = false;
  if (session.tokens?.access_token !== before) line('good', t('This tab has the new token'));
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
    const advice = error instanceof SessionError ? t('You stay logged in. Try again later.') : '';
    notice(`${error.message}. ${advice}`);
  } finally {
    button?.removeAttribute('aria-busy');
  }
}

function tick() {
  showCountdown(session.remaining(), session.tokens);
}

find('login').addEventListener('submit', (event) => {
  event.preventDefault();
  const { limit, place, access_seconds, refresh_seconds, ...rest } = Object.fromEntries(
    new FormData(event.target),
  );
  localStorage.setItem('playground-limit', limit);
  localStorage.setItem('playground-place', place);
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

const places = find('login').elements.place;
if (document.documentElement.dataset.door !== 'on') {
  places.options[1].disabled = true;
  places.options[1].textContent = 'A cookie (start the server with --browser-door)';
} else if (inCookie()) {
  places.value = 'cookie';
  attempt(() => session.refreshOnOpen()); // only the server knows whether the user is logged in
}
translate(document.body);
setInterval(tick, 250);
showTokens(session.tokens);
tick();
