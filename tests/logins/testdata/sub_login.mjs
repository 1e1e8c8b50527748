// A login and an API that write the user into the claim sub, as NestJS examples do.
// Arguments: the library (jsonwebtoken or jose), the secret of refresh tokens, the secret of access
// tokens, and the claims that only refresh tokens have, as JSON.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { SignJWT, jwtVerify } from 'jose';
import jsonwebtoken from 'jsonwebtoken';

const [library, refreshSecret, accessSecret, marksText] = process.argv.slice(2);
const marks = JSON.parse(marksText);

const libraries = {
  jsonwebtoken: {
    sign: async (claims, secret, life) =>
      jsonwebtoken.sign(claims, secret, { expiresIn: life, jwtid: randomUUID() }),
    verify: async (token, secret) =>
      jsonwebtoken.verify(token, secret, { algorithms: ['HS256'] }),
  },
  jose: {
    sign: (claims, secret, life) => new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuedAt()
      .setJti(randomUUID())
      .setExpirationTime(Math.floor(Date.now() / 1000) + life)
      .sign(new TextEncoder().encode(secret)),
    verify: async (token, secret) =>
      (await jwtVerify(token, new TextEncoder().encode(secret), { algorithms: ['HS256'] })).payload,
  },
};
const { sign, verify } = libraries[library];

// marked tells whether the claims are those of a refresh token.
const marked = (claims) =>
  Object.keys(marks).length > 0 && Object.entries(marks).every(([k, v]) => claims[k] === v);

async function answer(request, body) {
  if (request.url === '/login') {
    const { identity, admin, life } = JSON.parse(body);
    const claims = { sub: identity, role: 'editor', ...(admin && { is_admin: true }) };
    const login = { ...claims, ...(admin && { fresh: true }) };
    return {
      access: await sign(login, accessSecret, 600),
      refresh: await sign({ ...claims, ...marks }, refreshSecret, life),
    };
  }
  const token = request.headers.authorization.replace('Bearer ', '');
  const wantsRefresh = request.url === '/refresh';
  const claims = await verify(token, wantsRefresh ? refreshSecret : accessSecret);
  if (marked(claims) !== (wantsRefresh && Object.keys(marks).length > 0)) {
    throw new Error('the other kind of token');
  }
  if (request.url === '/fresh' && claims.fresh !== true) throw new Error('not fresh');
  return { identity: claims.sub, role: claims.role };
}

const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  try {
    response.end(JSON.stringify(await answer(request, body)));
  } catch (error) {
    response.writeHead(401).end(JSON.stringify({ error: error.message }));
  }
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
