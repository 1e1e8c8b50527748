// An axios client that takes its access tokens from the session keeper, /session.js.
//
//   const session = createSession({ baseUrl: 'https://refresh.example.com', limit: 10 });
//   const api = withSession(axios.create({ baseURL: 'https://api.example.com' }), session);
//   const { data } = await api.get('/things');
//
// A call fails with a SessionError if there is no access token. Its `code` is `login` if the user
// has to log in, and `temporary` if the server is busy or cannot be reached.

export function withSession(api, session) {
  api.interceptors.request.use(async (request) => {
    request.headers.setAuthorization(`Bearer ${await session.token()}`);
    return request;
  });
  api.interceptors.response.use(undefined, async (error) => {
    const { config, response } = error;
    if (response?.status !== 401 || config.again) throw error;
    config.again = true;
    // Another call may have refreshed the token since this one was sent.
    const rejected = config.headers.getAuthorization();
    if (rejected === `Bearer ${session.tokens?.access_token}`) await session.refresh();
    return api(config);
  });
  return api;
}
