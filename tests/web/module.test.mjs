// Tests of the file session.js: its size, its types, and that it imports nothing.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { test } from 'node:test';
import { transformSync } from 'esbuild';
import * as session from '../../impl/web/session.js';

const web = fileURLToPath(new URL('../../impl/web/', import.meta.url));
const source = readFileSync(join(web, 'session.js'), 'utf8');

test('session.js is under 5 KiB minified and gzipped', () => {
  const { code } = transformSync(source, { minify: true, format: 'esm', target: 'es2022' });
  const size = gzipSync(code, { level: 9 }).length;
  assert.ok(size < 5 * 1024, `${size} bytes`);
});

test('session.js imports nothing', () => {
  assert.doesNotMatch(source, /^\s*import\b|\bimport\(|\brequire\(/m);
});

function tsc(...files) {
  const args = [
    '--noEmit',
    '--strict',
    '--target',
    'es2022',
    '--module',
    'nodenext',
    '--moduleResolution',
    'nodenext',
    ...files,
  ];
  const bin = fileURLToPath(new URL('../node_modules/.bin/tsc', import.meta.url));
  try {
    execFileSync(bin, args, { encoding: 'utf8' });
    return '';
  } catch (error) {
    return error.stdout;
  }
}

test('session.d.ts compiles, and finds mistakes of callers', () => {
  const dir = mkdtempSync(join(tmpdir(), 'session-types-'));
  try {
    for (const file of ['session.js', 'session.d.ts'])
      writeFileSync(join(dir, file), readFileSync(join(web, file)));
    writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
    const good = join(dir, 'good.ts');
    writeFileSync(
      good,
      `
      import { createSession, SessionError, memoryStorage, claims } from './session.js';
      import type { Session } from './session.js';
      const s: Session = createSession({
        baseUrl: 'https://x.example', storage: sessionStorage, limit: 10,
        onLogin: ({ reason, causes }) => { const r: string = reason; causes.join(); },
        onChange: (e) => { if (e.type === 'retry') e.wait.toFixed(); },
      });
      createSession(); createSession({ storage: memoryStorage(), env: { now: Date.now, fetch } });
      s.login({ access_token: 'a', refresh_token: 'r', expired: 1 });
      const r: Promise<Response> = s.fetch('/x', { method: 'POST' });
      const t: Promise<string> = s.token(); const b: Promise<boolean> = s.refreshOnOpen();
      const left: number = s.remaining(); const e: number | undefined = s.tokens?.expired;
      s.refresh().catch((error) => {
        if (error instanceof SessionError && error.code === 'login') error.retryAfter;
      });
      const name = claims('x')?.name; const done: Promise<boolean> = s.logout();
      const cancel: () => void = s.subscribe(() => {}); s.close();`,
    );
    assert.equal(tsc(good), '');
    const bad = join(dir, 'bad.ts');
    writeFileSync(
      bad,
      `
      import { createSession } from './session.js';
      createSession({ limit: '10' });
      createSession({ onlogin() {} });
      createSession().login('a');
      createSession().tokens.expired;`,
    );
    assert.equal(tsc(bad).match(/error TS/g)?.length, 4);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('npm pack gives a package that TypeScript and Node can import', () => {
  const dir = mkdtempSync(join(tmpdir(), 'session-package-'));
  const run = (...command) => execFileSync(command[0], command.slice(1), { cwd: dir });
  try {
    run('npm', 'pack', '--silent', '--pack-destination', dir, web);
    const packed = readdirSync(dir)[0];
    const installed = join(dir, 'node_modules', '@kalsel', 'session');
    mkdirSync(installed, { recursive: true });
    run('tar', 'xzf', packed, '-C', installed, '--strip-components=1');
    assert.deepEqual(readdirSync(installed).sort(), ['package.json', 'session.d.ts', 'session.js']);
    writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
    const use = `import { createSession } from '@kalsel/session';
      const session = createSession({ baseUrl: 'https://x.example', transport: 'cookie' });
      session.ready.then(() => session.close());`;
    for (const file of ['use.mjs', 'use.ts']) writeFileSync(join(dir, file), use);
    run('node', 'use.mjs');
    assert.equal(tsc(join(dir, 'use.ts')), '');
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('session.d.ts declares exactly the exports and the members of a session', () => {
  const types = readFileSync(join(web, 'session.d.ts'), 'utf8');
  const declared = [...types.matchAll(/^export (?:declare )?(?:class|function) (\w+)/gm)].map(
    (m) => m[1],
  );
  assert.deepEqual(declared.sort(), Object.keys(session).sort());
  const body = types.match(/export interface Session \{([\s\S]*?)\n\}/)[1];
  const members = [...body.matchAll(/^  (?:readonly )?(\w+)[(:]/gm)].map((m) => m[1]);
  assert.deepEqual(
    members.sort(),
    Object.keys(session.createSession({ baseUrl: 'https://x.example' })).sort(),
  );
});
