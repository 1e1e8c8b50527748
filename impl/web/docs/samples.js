// Code for each operation, in curl, JavaScript and Go, and the search for an operation.

/** Returns the method, the path and the operation with this operationId. */
function find(spec, operationId) {
  for (const [path, item] of Object.entries(spec.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      if (operation.operationId === operationId) return [method.toUpperCase(), path, operation];
    }
  }
  return undefined;
}

/** Returns the first example of the body of a request, or undefined. */
function bodyOf(operation) {
  const [media, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  if (!media) return undefined;
  const value = Object.values(content.examples ?? {})[0]?.value ?? {};
  const short = (text) => (/^ey/.test(text) ? 'REFRESH_TOKEN' : text);
  const fields = Object.entries(value).map(([name, one]) => [name, short(one)]);
  const form = media.endsWith('urlencoded');
  const text = form ? new URLSearchParams(fields) : JSON.stringify(Object.fromEntries(fields));
  return { media, text: String(text) };
}

/** Returns the code of a request in each language. Words in capitals are placeholders. */
export function samplesOf(spec, operationId, origin) {
  const found = find(spec, operationId);
  if (!found) return {};
  const [method, path, operation] = found;
  const url = origin + path.replace(/\{(\w+)\}/g, (_, name) => name.toUpperCase());
  const body = bodyOf(operation);
  const schemes = { accessToken: 'Bearer ACCESS_TOKEN', apiCredential: 'Basic CREDENTIAL' };
  const authorization = schemes[Object.keys(operation.security?.[0] ?? {})[0]];
  const headers = [
    ...(body ? [['Content-Type', body.media]] : []),
    ...(authorization ? [['Authorization', authorization]] : []),
  ];
  const [status, success] = Object.entries(operation.responses).find(([code]) => code < 300);
  const json = Boolean(success.content);
  const cookie = operation.tags.includes('browser');
  const curl = [
    `curl ${cookie ? '-b cookies -c cookies ' : ''}'${url}'`,
    ...(method === 'GET' || body ? [] : [`  -X ${method}`]),
    ...headers.map(([name, value]) => `  -H '${name}: ${value}'`),
    ...(body ? [`  -d '${body.text}'`] : []),
  ];
  const js = [
    `const response = await fetch('${url}', {`,
    `  method: '${method}',`,
    ...(headers.length ? [`  headers: ${JSON.stringify(Object.fromEntries(headers))},`] : []),
    ...(body ? [`  body: ${JSON.stringify(body.text)},`] : []),
    ...(cookie ? ["  credentials: 'include',"] : []),
    '});',
    'if (!response.ok) throw new Error((await response.json()).causes.join());',
    ...(json ? ['const answer = await response.json();'] : []),
  ];
  const failed = 'if err != nil {\n\treturn err\n}';
  const go = [
    `request, err := http.NewRequestWithContext(ctx, "${method}", "${url}",`,
    `\t${body ? `strings.NewReader(\`${body.text}\`)` : 'nil'})`,
    failed,
    ...headers.map(([name, value]) => `request.Header.Set("${name}", "${value}")`),
    `response, err := ${cookie ? '(&http.Client{Jar: jar})' : 'http.DefaultClient'}.Do(request)`,
    failed,
    'defer response.Body.Close()',
    `if response.StatusCode != ${status} {`,
    '\treturn errors.New("refreshd answered " + response.Status)',
    '}',
    json ? 'return json.NewDecoder(response.Body).Decode(&answer)' : 'return nil',
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
