// Shows openapi.yaml of this server with swagger-ui. If the playground is on, the examples have a
// refresh token that this server accepts.
/* global SwaggerUIBundle */

const dark = matchMedia('(prefers-color-scheme: dark)');
const followSystem = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', followSystem);
followSystem();

/** Logs in at the playground and returns a refresh token. */
async function logIn() {
  const login = {
    identity: 'demo@example.com',
    name: 'Demo',
    access_seconds: 600,
    refresh_seconds: 86400,
  };
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch('/playground/login', {
    method: 'POST',
    headers,
    body: JSON.stringify(login),
  });
  return (await response.json()).refresh_token;
}

async function start() {
  const playground = document.documentElement.dataset.playground === 'on';
  const token = playground ? await logIn().catch(() => undefined) : undefined;
  const ui = SwaggerUIBundle({
    url: '/openapi.yaml',
    dom_id: '#docs',
    deepLinking: true,
    docExpansion: 'list',
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    tryItOutEnabled: true,
    validatorUrl: null, // the page sends nothing to another server
    queryConfigEnabled: false,
    responseInterceptor(response) {
      if (token && response.url.endsWith('/openapi.yaml')) {
        response.text = response.text.replace(/refresh_token: ey\S+/g, `refresh_token: ${token}`);
      }
      return response;
    },
    onComplete() {
      // Most visitors look for this operation.
      if (!location.hash) ui.layoutActions.show(['operations', 'tokens', 'refreshToken'], true);
      document.documentElement.setAttribute('data-ready', '');
    },
  });
}

start();
