// An API with Express that checks the access tokens of refreshd with jose. Set SECRET, or JWKS_URL
// and ALGORITHM.
import express from 'express';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const { SECRET, JWKS_URL, ALGORITHM = 'HS256', PORT = '8081' } = process.env;
const key = SECRET ? new TextEncoder().encode(SECRET) : createRemoteJWKSet(new URL(JWKS_URL));

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
  } catch {
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
