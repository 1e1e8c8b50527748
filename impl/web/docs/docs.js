// Shows the contract of this server with swagger-ui. Where the playground is on, "try it" starts with a token that is accepted.
/* global SwaggerUIBundle */

const dark = matchMedia('(prefers-color-scheme: dark)');
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', follow);
follow();

/** A refresh token of this server. */
async function ownToken() {
  const login = { identity: 'demo@example.com', name: 'Demo', access_seconds: 600, refresh_seconds: 86400 };
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch('/playground/login', { method: 'POST', headers, body: JSON.stringify(login) });
  return (await response.json()).refresh_token;
}

async function start() {
  const playground = 'playground' in document.documentElement.dataset;
  const token = playground ? await ownToken().catch(() => undefined) : undefined;
  const ui = SwaggerUIBundle({
    url: '/openapi.yaml',
    dom_id: '#docs',
    deepLinking: true,
    docExpansion: 'list',
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    tryItOutEnabled: true,
    validatorUrl: null, // nothing is told to others
    queryConfigEnabled: false,
    responseInterceptor(response) {
      if (token && response.url.endsWith('/openapi.yaml')) {
        response.text = response.text.replace(/refresh_token: ey\S+/g, `refresh_token: ${token}`);
      }
      return response;
    },
    onComplete() {
      if (!location.hash) ui.layoutActions.show(['operations', 'tokens', 'refreshToken'], true); // what most people come for
      document.documentElement.setAttribute('data-ready', '');
    },
  });
}

start();
