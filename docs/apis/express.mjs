// An API with Express that checks the access tokens of refreshd with jose. Set SECRET, or JWKS_URL
// and ALGORITHM.
import express from 'express';
import { createRemoteJWKSet, errors, jwtVerify } from 'jose';

const { SECRET, JWKS_URL, ALGORITHM = 'HS256', PORT = '8081' } = process.env;
const remote = SECRET ? undefined : createRemoteJWKSet(new URL(JWKS_URL));
const key = SECRET ? new TextEncoder().encode(SECRET) : fetched;

class KeysUnavailable extends Error {}

// An unknown key is the fault of the token. Any other error means that the keys cannot be read.
async function fetched(header, token) {
  return remote(header, token).catch((error) => {
    if (error instanceof errors.JWKSNoMatchingKey) throw error;
    throw new KeysUnavailable('the keys are unavailable', { cause: error });
  });
}

// The algorithm is yours and never the token's. Add issuer and audience if your login sets them.
const rules = { algorithms: [ALGORITHM], requiredClaims: ['exp', 'identity'] };

async function authenticated(req, res, next) {
  const [scheme, token] = (req.get('authorization') ?? '').split(' ');
  try {
    if (scheme.toLowerCase() !== 'bearer') throw new Error('no access token');
    const { payload } = await jwtVerify(token ?? '', key, rules);
    // A refresh token has a valid signature too, and lives for weeks.
    if (payload.type !== 0) throw new Error('not an access token');
    req.caller = payload;
  } catch (error) {
    // The token may be good: a 401 would log the user out.
    if (error instanceof KeysUnavailable) {
      return res.status(503).set('Retry-After', '1').json({ error: 'unavailable' });
    }
    return res.status(401).set('WWW-Authenticate', 'Bearer').json({ error: 'unauthorized' });
  }
  next();
}

// For operations that need a recent password.
function fresh(req, res, next) {
  if (req.caller.fresh !== true) return res.status(403).json({ error: 'log in again' });
  next();
}

const app = express();
app.use(authenticated);
app.get('/orders', (req, res) => res.json({ ordersOf: req.caller.identity }));
app.post('/password', fresh, (req, res) => res.status(204).end());
app.listen(Number(PORT), '127.0.0.1');
