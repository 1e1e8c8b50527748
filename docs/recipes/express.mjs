// A back end for front ends, with Express: the browser has a cookie of this server, and no token.
//
//   const app = createApp({ refresh: 'https://refresh.example.com',
//                           api: 'https://api.example.com/v1/', login: askYourLogin });
//   app.listen(3000);
//
// The page sends POST /login with a name and a password, then GET /api/things and so on. It shows
// the login after a 401, and waits after a 503. Sessions are kept in memory: after a restart of
// this server its users log in again.
import { randomBytes } from 'node:crypto';
import express from 'express';
// Your copy of /session.js:
import { createSession, memoryStorage } from '../../impl/web/session.js';

/** `login` receives the body of POST /login and returns the tokens, or null if it refuses. */
export function createApp({ refresh, api, login, secure = true }) {
  const app = express();
  const sessions = new Map(); // by the value of the cookie
  const cookie = { httpOnly: true, secure, sameSite: 'strict' };
  app.locals.sessions = sessions;

  app.post('/login', express.json(), async (request, response) => {
    const tokens = await login(request.body);
    if (!tokens) return response.sendStatus(401);
    const id = randomBytes(24).toString('base64url');
    const session = createSession({
      baseUrl: refresh,
      origins: [api], // further origins that receive the access token
      storage: memoryStorage(),
      limit: 10,
      onLogin: () => sessions.delete(id),
    });
    await session.login(tokens);
    sessions.set(id, session);
    response.cookie('session', id, cookie).sendStatus(204);
  });

  app.post('/logout', async (request, response) => {
    await find(request)?.logout(); // if the server has not confirmed it, session.js tries again
    response.clearCookie('session', cookie).sendStatus(204);
  });

  // The body is read whole, so that the request can be sent again after a 401.
  app.use('/api', express.raw({ type: () => true }), async (request, response) => {
    const session = find(request);
    if (!session) return response.sendStatus(401);
    const type = request.get('Content-Type');
    try {
      const answer = await session.fetch(new URL(`.${request.url}`, api), {
        method: request.method,
        headers: type ? { 'Content-Type': type } : {},
        body: Buffer.isBuffer(request.body) ? request.body : undefined,
      });
      response.status(answer.status).type(answer.headers.get('Content-Type') ?? 'text/plain');
      response.send(Buffer.from(await answer.arrayBuffer()));
    } catch (error) {
      if (error.code === 'login') return response.sendStatus(401);
      if (error.code !== 'temporary') throw error;
      response.set('Retry-After', String(error.retryAfter ?? 1)).sendStatus(503);
    }
  });

  function find(request) {
    const id = request.get('Cookie')?.match(/(?:^|; )session=([\w-]+)/)?.[1];
    return sessions.get(id);
  }

  return app;
}
