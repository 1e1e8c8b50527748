// The texts of the playground: each one has a translation, and no translation is left over.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

const folder = fileURLToPath(new URL('../../impl/web/playground/', import.meta.url));
const read = (name) => readFileSync(folder + name, 'utf8');
const same = ['openapi.yaml', 'session.js']; // in every language

/** Returns the texts and labels of the page. */
function textsOfPage() {
  const page = read('index.html').replace(/<(code|noscript|title)[\s\S]*?<\/\1>/g, '<i>');
  const labels = [...page.matchAll(/aria-label="([^"]*)"/g)].map((m) => m[1]);
  const texts = page.split(/<[^>]*>/).map((text) => text.replace(/\s+/g, ' ').trim());
  return [...labels, ...texts.filter((text) => /[a-z]/i.test(text) && !same.includes(text))];
}

/** Returns the texts of the scripts: strings that begin like a sentence and have a space. */
function textsOfScripts() {
  const scripts = ['playground.js', 'show.js', 'thief.js'].map(read).join('\n');
  const strings = scripts.matchAll(/'((?:[A-Z{])[^'\n]* [^'\n]*)'|"((?:[A-Z{])[^"\n]* [^"\n]*)"/g);
  return [...strings].map((m) => m[1] ?? m[2]);
}

test('each text of the playground has a translation', async () => {
  globalThis.navigator ??= { language: 'en' };
  const { indonesian } = await import('../../impl/web/playground/texts.js');
  const texts = [...textsOfPage(), ...textsOfScripts()];
  assert.ok(texts.length > 100, `${texts.length} texts`);
  const missing = texts.filter((text) => !Object.hasOwn(indonesian, text));
  assert.deepEqual(missing, []);
  const scripts = ['playground.js', 'show.js', 'thief.js'].map(read).join('\n');
  const unused = Object.keys(indonesian).filter(
    (text) => !texts.includes(text) && !scripts.includes(`'${text}'`),
  );
  assert.deepEqual(unused, []);
});
