// Shows the page of the React recipe's test in Chromium. The page has the address of the server, so
// that the browser sends its requests without asking for permission (CORS).
import { build } from 'esbuild';
import { chromium } from 'playwright-core';

export async function withReact(server, apiURL, page) {
  const { outputFiles } = await build({
    entryPoints: [page],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'recipe',
    define: { 'process.env.NODE_ENV': '"production"' },
    nodePaths: ['../node_modules'],
  });
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic'],
  });
  const tab = await browser.newPage();
  const html = '<!doctype html><title>recipe</title><body></body>';
  await tab.route(`${server}/recipe`, (route) =>
    route.fulfill({ contentType: 'text/html', body: html }),
  );
  await tab.goto(`${server}/recipe`);
  await tab.addScriptTag({ content: outputFiles[0].text });
  return {
    login: (tokens) => tab.evaluate((t) => recipe.session.login(t), tokens),
    calls: (n) => tab.evaluate(([url, times]) => recipe.call(url, times), [apiURL, n]),
    stored: () => tab.evaluate(() => recipe.session.tokens?.refresh_token),
  };
}
