// Shows openapi.yaml of this server with swagger-ui. If the playground is on, the examples have a
// refresh token that this server accepts, and the operations that need an access token have one: an
// administrator's if the server has a development key.
/* global SwaggerUIBundle */
import { addSamples, findOperations, foldAnswers } from './samples.js';

const dark = matchMedia('(prefers-color-scheme: dark)');
const followSystem = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', followSystem);
followSystem();

const { playground } = document.documentElement.dataset; // off, on or admin

/**
 * A refresh token in openapi.yaml: a line of an example, or the example of a property, which is ten
 * columns from the left. Forms have the latter.
 */
const exampleToken = /\b((?:refresh_)?token:(?:\n {10}.*)*?(?:\n {10}example:)? )ey\S+/g;

/** Logs in at the playground and returns the tokens. */
async function logIn() {
  const login = {
    identity: 'demo@example.com',
    name: 'Demo',
    access_seconds: 3600,
    refresh_seconds: 86400,
    ...(playground === 'admin' && { is_admin: true }),
  };
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch('/playground/login', {
    method: 'POST',
    headers,
    body: JSON.stringify(login),
  });
  return response.json();
}

/** Adds to the elements of swagger-ui the labels that screen readers and the keyboard need. */
function makeAccessible(root) {
  const label = (selector, text) => {
    for (const element of root.querySelectorAll(selector)) {
      if (element.hasAttribute('aria-label')) continue;
      element.setAttribute('aria-label', typeof text === 'string' ? text : text(element));
    }
  };
  label('textarea.body-param__text', 'Body of the request');
  label('.examples-select-element', 'Example');
  label('.content-type', 'Media type');
  label('.model-box-control:not(:has(strong))', 'Schema');
  label('.auth-container input', 'Access token');
  label('.close-modal', 'Close');
  const parameter = (input) => input.closest('tr').dataset.paramName;
  label('tr[data-param-name] :is(input, select, textarea)', parameter);
  for (const pre of root.querySelectorAll('pre')) pre.tabIndex = 0; // it can be scrolled
  // The text of these buttons names their effect.
  for (const button of root.querySelectorAll('.modal-btn')) button.removeAttribute('aria-label');
  // A button must not have a link in it.
  for (const link of root.querySelectorAll('button a[href]')) link.removeAttribute('href');
}

async function start() {
  const docs = document.getElementById('docs');
  const find = document.getElementById('find');
  let spec;
  let frame;
  const changed = () => (frame ??= requestAnimationFrame(update));
  const update = () => {
    frame = undefined;
    if (spec) addSamples(docs, spec);
    foldAnswers(docs);
    search();
    makeAccessible(docs);
  };
  const search = () => {
    const count = findOperations(docs, find.value);
    const text = find.value && `${count} ${count === 1 ? 'operation' : 'operations'}`;
    const found = document.getElementById('found');
    if (found.textContent !== text) found.textContent = text;
  };
  find.addEventListener('input', search);
  new MutationObserver(changed).observe(docs, { childList: true, subtree: true });
  const tokens = playground === 'off' ? {} : await logIn().catch(() => ({}));
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
      if (tokens.refresh_token && response.url.endsWith('/openapi.yaml')) {
        response.text = response.text.replace(exampleToken, `$1${tokens.refresh_token}`);
      }
      return response;
    },
    onComplete() {
      spec = ui.specSelectors.specJson().toJS();
      changed();
      if (tokens.access_token) ui.preauthorizeApiKey('accessToken', tokens.access_token);
      // Most visitors look for this operation.
      if (!location.hash) ui.layoutActions.show(['operations', 'tokens', 'refreshToken'], true);
      document.documentElement.setAttribute('data-ready', '');
    },
  });
}

start();
