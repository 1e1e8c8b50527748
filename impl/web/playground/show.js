// Shows the tokens, the countdown and the time line of the playground.
import { claims } from '/session.js';
import { t } from './texts.js';

export const find = (id) => document.getElementById(id);

const clock = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});

const pretty = (token) => {
  const read = claims(token);
  return read ? JSON.stringify(read, null, 2) : t('not a JWT');
};

export function duration(seconds) {
  const whole = Math.floor(seconds);
  const [d, h, m, s] = [
    Math.floor(whole / 86400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
    whole % 60,
  ];
  const two = (n) => String(n).padStart(2, '0');
  return `${d ? `${d} d ` : ''}${d || h ? `${two(h)}:` : ''}${two(m)}:${two(s)}`;
}

/** Shows both tokens. If there are none, it shows the login form. */
export function showTokens(tokens) {
  find('login').hidden = Boolean(tokens);
  find('session').hidden = !tokens;
  if (!tokens) return;
  const refreshExp = claims(tokens.refresh_token)?.exp;
  const until = new Date(tokens.expired * 1000).toLocaleString('en-GB');
  find('expired').textContent = t("{expired}, which is {until} by the server's clock", {
    expired: tokens.expired,
    until,
  });
  const inCookie = !tokens.refresh_token;
  find('in-cookie').hidden = !inCookie;
  for (const details of document.querySelectorAll('.stored')) details.hidden = inCookie;
  const expires = refreshExp && new Date(refreshExp * 1000).toLocaleString('en-GB');
  find('refresh-expires').textContent = expires ? t('Expires {expires}', { expires }) : '';
  find('access-claims').textContent = pretty(tokens.access_token);
  find('access-raw').textContent = tokens.access_token;
  find('refresh-claims').textContent = pretty(tokens.refresh_token);
  find('refresh-raw').textContent = tokens.refresh_token;
}

export function showCountdown(left, tokens) {
  const share = tokens ? Math.min((left * 1000) / Math.max(tokens.lifetime, 1), 1) : 0;
  find('left').textContent = left > 0 ? duration(left) : t('expired');
  find('left-word').hidden = left <= 0;
  find('left').dataset.state = left <= 0 ? 'over' : share < 0.2 ? 'soon' : 'good';
  find('left-bar').value = share;
}

/** Shows a message to the user. An empty text hides the message. */
export function notice(text) {
  find('notice').hidden = !text;
  find('notice').textContent = text;
}

/**
 * Adds an entry to the time line. `kind` sets its colour: good, bad, wait or plain.
 * @param {{request?: string, answer?: string}} [exchange] the request and the answer, shown on
 * demand
 */
export function line(kind, text, exchange) {
  const entry = document.createElement('li');
  entry.dataset.kind = kind;
  const time = document.createElement('time');
  const now = new Date();
  time.dateTime = now.toISOString();
  time.textContent = clock.format(now);
  const words = document.createElement('span');
  words.textContent = text;
  entry.append(time, words);
  if (exchange) entry.append(details(exchange));
  find('line').prepend(entry);
  find('latest').textContent = `${time.textContent} ${text}`; // two equal texts differ
  find('latest').dataset.kind = kind;
  find('latest').hidden = false;
  find('empty').hidden = true;
  while (find('line').children.length > 200) find('line').lastChild.remove();
}

function details({ request, answer }) {
  const box = document.createElement('details');
  const summary = document.createElement('summary');
  summary.textContent = t('Request and answer');
  const text = document.createElement('pre');
  text.tabIndex = 0;
  text.setAttribute('aria-label', t('Request and answer'));
  text.textContent = `${request}\n\n${answer}`;
  box.append(summary, text);
  return box;
}

export function clearLine() {
  find('line').replaceChildren();
  find('latest').hidden = true;
  find('empty').hidden = false;
}
