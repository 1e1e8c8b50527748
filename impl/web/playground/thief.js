// The story of a thief who copies the refresh token, and of the rotation that notices.
import { line } from './show.js';
import { t } from './texts.js';

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

/**
 * Plays the story. `send` sends a request that is shown in the time line. The window of the
 * rotation is in the page, in seconds; 0 means that rotation is off.
 */
export async function playThief(session, send) {
  const stolen = session.tokens.refresh_token;
  if (!stolen) {
    const text = 'The thief finds no refresh token: no script can read the cookie. The story ends here.';
    return line('good', t(text));
  }
  line('bad', t('A thief has copied your refresh token'));
  await refreshAsUsual(session);
  const seconds = Number(document.documentElement.dataset.window);
  if (seconds) {
    const text = 'The thief waits {seconds} s, until nobody takes the copy for a retry';
    line('wait', t(text, { seconds }));
    await wait(seconds * 1000);
    await refreshAsUsual(session);
  }
  const { status } = await send('/api/v1/refresh', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ refresh_token: stolen, limit: 10 }),
  });
  const used = t('The thief refreshes with the copy: {status}', { status });
  line(status === 200 ? 'bad' : 'good', used);
  if (status === 200) {
    const text =
      'Nobody notices: rotation is off. Start the server with --rotation, or log out to stop the thief';
    return line('bad', t(text));
  }
  const text =
    'The server has noticed that a used token came again. The session is revoked, for the thief too';
  line('good', t(text));
  await session.refresh();
}

async function refreshAsUsual(session) {
  line('plain', t('You refresh as usual'));
  await session.refresh();
}
