// A page with oidc-client-ts, as docs/clients.md describes it. The test bundles it with esbuild.
import { ErrorResponse, User, UserManager, WebStorageStateStore } from 'oidc-client-ts';

/**
 * Starts the page. `counts` tells how often tokens were renewed, how often that failed, how often
 * the login was shown, and which error was the last. `pause` is the time in milliseconds before a
 * retry, `timeout` the time in seconds in which an answer must come.
 */
export function start(server, { pause = 1000, timeout = 10, ...settings } = {}) {
  const counts = { renewals: 0, failures: 0, logins: 0, last: '' };
  const manager = new UserManager({
    authority: server,
    metadataUrl: `${server}/.well-known/oauth-authorization-server`,
    client_id: 'shop',
    redirect_uri: location.href,
    userStore: new WebStorageStateStore({ store: localStorage }),
    revokeTokenTypes: ['refresh_token'],
    automaticSilentRenew: false, // it waits for ever if no answer comes
    ...settings,
  });
  manager.events.addUserLoaded(() => counts.renewals++);
  const alone = manager.settings.automaticSilentRenew; // the library renews by itself
  if (alone) manager.events.addSilentRenewError((error) => failed(error));
  else manager.events.addAccessTokenExpiring(renew);

  /** `sent` is the user whose refresh token was sent, if that is known. */
  async function failed(error, sent) {
    counts.failures++;
    counts.last = error.name;
    if (!(error instanceof ErrorResponse) || error.error !== 'invalid_grant') {
      setTimeout(renew, pause);
      return;
    }
    const user = await manager.getUser();
    if (sent && user && user.refresh_token !== sent.refresh_token) return; // a login in another tab
    await manager.removeUser();
    counts.logins++; // the page shows the login
  }

  async function renew() {
    let sent;
    try {
      sent = await manager.getUser();
      if (sent) await manager.signinSilent({ silentRequestTimeoutInSeconds: timeout });
    } catch (error) {
      await failed(error, sent);
    }
  }

  /** Stores the tokens of a login: { access_token, refresh_token, expired }. */
  async function login({ access_token, refresh_token, expired }, sub) {
    const user = new User({
      access_token,
      refresh_token,
      token_type: 'Bearer',
      expires_at: expired,
      profile: { sub },
    });
    await manager.storeUser(user);
    await manager.getUser(); // starts the timers
  }

  async function logout() {
    await manager.revokeTokens(); // throws if the server did not confirm it
    await manager.removeUser();
  }

  return { counts, manager, renew, login, logout };
}
