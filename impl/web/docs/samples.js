// Code for each operation, in curl, JavaScript and Go, and the search for an operation.

/** Returns the first request with this operationId: method, path, media type, body and headers. */
function requestOf(spec, operationId) {
  for (const [path, item] of Object.entries(spec.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      if (operation.operationId !== operationId) continue;
      const headers = {};
      const [media, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
      const value = Object.values(content?.examples ?? {})[0]?.value;
      if (media) headers['Content-Type'] = media;
      const security = Object.keys(operation.security?.[0] ?? {})[0];
      const schemes = { accessToken: 'Bearer ACCESS_TOKEN', apiCredential: 'Basic CREDENTIAL' };
      if (schemes[security]) headers.Authorization = schemes[security];
      const cookie = operation.tags.includes('browser');
      const short = (text) => (/^ey/.test(text) ? 'REFRESH_TOKEN' : text);
      const fields = Object.entries(value ?? {}).map(([name, one]) => [name, short(one)]);
      const form = media?.endsWith('urlencoded');
      const body = media && (form ? String(new URLSearchParams(fields)) : json(fields));
      return { method: method.toUpperCase(), path, headers, body, cookie };
    }
  }
  return undefined;
}

const json = (fields) => JSON.stringify(Object.fromEntries(fields));

/** Returns the code of a request in each language. */
export function samplesOf(spec, operationId, origin) {
  const request = requestOf(spec, operationId);
  if (!request) return {};
  const { method, path, headers, body, cookie } = request;
  const url = origin + path;
  const list = Object.entries(headers);
  const curl = [
    `curl${cookie ? ' -b cookies -c cookies' : ''}${body ? '' : ` -X ${method}`} '${url}'`,
    ...list.map(([name, value]) => `  -H '${name}: ${value}'`),
    ...(body ? [`  -d '${body}'`] : []),
  ];
  const js = [
    `const response = await fetch('${url}', {`,
    `  method: '${method}',`,
    ...(list.length ? [`  headers: ${JSON.stringify(headers)},`] : []),
    ...(body ? [`  body: ${JSON.stringify(body)},`] : []),
    ...(cookie ? ["  credentials: 'include',"] : []),
    '});',
    'if (!response.ok) throw new Error((await response.json()).causes.join());',
  ];
  const go = [
    `request, err := http.NewRequestWithContext(ctx, "${method}", "${url}",`,
    `\t${body ? `strings.NewReader(\`${body}\`)` : 'nil'})`,
    'if err != nil {\n\treturn err\n}',
    ...list.map(([name, value]) => `request.Header.Set("${name}", "${value}")`),
    `response, err := ${cookie ? 'withCookieJar' : 'http.DefaultClient'}.Do(request)`,
  ];
  return { curl: curl.join(' \\\n'), JavaScript: js.join('\n'), Go: go.join('\n') };
}

/** Adds the code to each operation that is open and has none. */
export function addSamples(root, spec) {
  for (const block of root.querySelectorAll('.opblock.is-open')) {
    const body = block.querySelector('.opblock-body');
    if (!body || body.querySelector('.samples')) continue;
    const samples = samplesOf(spec, block.id.split('-').at(-1), location.origin);
    const box = document.createElement('div');
    box.className = 'samples';
    for (const [language, code] of Object.entries(samples)) {
      const details = document.createElement('details');
      const summary = document.createElement('summary');
      summary.textContent = `In ${language}`;
      const pre = document.createElement('pre');
      pre.tabIndex = 0;
      pre.textContent = code;
      details.append(summary, pre);
      box.append(details);
    }
    body.append(box);
  }
}

/** Adds a button to the answers of each operation that is open. A phone shows them on demand. */
export function foldAnswers(root) {
  for (const answers of root.querySelectorAll('.responses-wrapper')) {
    if (answers.previousElementSibling?.className === 'fold') continue;
    const button = Object.assign(document.createElement('button'), { className: 'fold' });
    const show = (open) => {
      answers.classList.toggle('folded', !open);
      button.textContent = open ? 'Hide the answers' : 'Show the answers';
      button.setAttribute('aria-expanded', String(open));
    };
    button.addEventListener('click', () => show(answers.classList.contains('folded')));
    show(false);
    answers.before(button);
  }
}

/** Shows only the operations whose path, summary or name has all words. Returns how many. */
export function findOperations(root, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const block of root.querySelectorAll('.opblock')) {
    const content = block.id + block.querySelector('.opblock-summary').textContent;
    block.hidden = !words.every((word) => content.toLowerCase().includes(word));
    if (!block.hidden) found++;
  }
  for (const section of root.querySelectorAll('.opblock-tag-section')) {
    section.hidden = words.length > 0 && !section.querySelector('.opblock:not([hidden])');
  }
  return found;
}
