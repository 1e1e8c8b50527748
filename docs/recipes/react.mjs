// A React hook that reads from an API with TanStack Query and the session keeper, /session.js.
//
//   const session = createSession({ baseUrl: 'https://refresh.example.com', limit: 10 });
//   <QueryClientProvider client={new QueryClient()}>
//     <SessionProvider value={session}><Things /></SessionProvider>
//   </QueryClientProvider>
//
//   function Things() {
//     const loggedIn = useLoggedIn();
//     const { data, error } = useApi('https://api.example.com/things');
//     if (!loggedIn) return <Login />;
//     …
//   }
import { createContext, useContext, useSyncExternalStore } from 'react';
import { useQuery } from '@tanstack/react-query';

const Session = createContext(null);
export const SessionProvider = Session.Provider;

/** Returns whether the user is logged in. It follows logins and logouts in all tabs. */
export function useLoggedIn() {
  const session = useContext(Session);
  return useSyncExternalStore(session.subscribe, () => session.tokens !== null);
}

/** Returns the query of a URL, which answers JSON. */
export function useApi(url, options) {
  const session = useContext(Session);
  return useQuery({
    queryKey: ['api', url],
    queryFn: async ({ signal }) => {
      const response = await session.fetch(url, { signal });
      if (!response.ok) throw new Error(`${url}: status ${response.status}`);
      return response.json();
    },
    enabled: useLoggedIn(),
    retry: false, // the keeper has retried: an error with the code temporary can wait
    ...options,
  });
}
