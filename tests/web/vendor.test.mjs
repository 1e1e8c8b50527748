import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { test } from 'node:test';
import { compressed, plain, read, target } from './vendor.mjs';

for (const name of compressed) {
  test(`docs/${name}.gz is the file of the pinned npm package`, () => {
    assert.ok(
      gunzipSync(readFileSync(new URL(`${name}.gz`, target))).toString() === read(name),
      'run node tests/web/vendor.mjs',
    );
  });
}

for (const name of plain) {
  test(`docs/${name} is the file of the pinned npm package`, () => {
    assert.ok(
      readFileSync(new URL(name, target), 'utf8') === read(name),
      'run node tests/web/vendor.mjs',
    );
  });
}
