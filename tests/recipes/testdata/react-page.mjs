// The page of the React recipe's test: n components read from the API at once.
import { createElement, useEffect } from 'react';
import { createRoot } from 'react-dom/client';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createSession } from '../../../impl/web/session.js';
import { SessionProvider, useApi, useLoggedIn } from '../../../docs/recipes/react.mjs';

export const session = createSession({ limit: 10 });
const root = createRoot(document.body.appendChild(document.createElement('div')));
const queries = new QueryClient();
let number = 0; // of the last component: each has a URL of its own, so none shares an answer

function Thing({ url, report }) {
  const loggedIn = useLoggedIn();
  const { isSuccess, error } = useApi(url);
  useEffect(() => {
    if (!loggedIn || error?.code === 'login') report('login');
    else if (isSuccess) report('200');
    else if (error) report(error.code === 'temporary' ? 'later' : String(error));
  });
  return null;
}

/** Shows n components and returns the result of each. */
export async function call(url, n) {
  const results = [];
  await new Promise((done) => {
    const things = Array.from({ length: n }, (_, index) => {
      const report = (result) => {
        results[index] ??= result;
        if (Object.keys(results).length === n) done();
      };
      return createElement(Thing, { key: ++number, url: `${url}?n=${number}`, report });
    });
    root.render(
      createElement(
        QueryClientProvider,
        { client: queries },
        createElement(SessionProvider, { value: session }, things),
      ),
    );
  });
  root.render(null); // components that stay would read again after the next login
  return results;
}
