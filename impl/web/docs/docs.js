// Shows the contract of this server with swagger-ui. Where the playground is on, "try it" starts with a token that is accepted.
/* global SwaggerUIBundle */

const dark = matchMedia('(prefers-color-scheme: dark)');
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', follow);
follow();

async function json(path, init) {
  const response = await fetch(path, init);
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

/** Puts a refresh token of this server in place of those in the examples. */
async function withOwnToken(spec) {
  const login = { identity: 'demo@example.com', name: 'Demo', access_seconds: 600, refresh_seconds: 86400 };
  const headers = { 'Content-Type': 'application/json' };
  const { refresh_token } = await json('/playground/login', { method: 'POST', headers, body: JSON.stringify(login) });
  const content = spec.paths['/api/v1/refresh'].post.requestBody.content['application/json'];
  for (const example of Object.values(content.examples ?? {})) example.value.refresh_token = refresh_token;
  return spec;
}

async function start() {
  let spec = await json('/openapi.json');
  if ('playground' in document.documentElement.dataset) spec = await withOwnToken(spec).catch(() => spec);
  SwaggerUIBundle({
    spec,
    dom_id: '#docs',
    deepLinking: true,
    docExpansion: 'full',
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    requestSnippetsEnabled: false,
    tryItOutEnabled: true,
    validatorUrl: null, // nothing is told to others
    queryConfigEnabled: false,
    onComplete: () => document.documentElement.setAttribute('data-ready', ''),
  });
}

start().catch((error) => {
  document.querySelector('#docs .note').textContent = `The documentation cannot be shown: ${error.message}. The contract is at /openapi.yaml.`;
});
