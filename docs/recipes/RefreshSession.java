import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.function.LongSupplier;
import okhttp3.Authenticator;
import okhttp3.HttpUrl;
import okhttp3.Interceptor;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import okhttp3.Route;

/**
 * Calls an API with OkHttp, and refreshes the access token at refreshd. For Retrofit, give its
 * builder the client.
 *
 * <pre>{@code
 * RefreshSession session = new RefreshSession(new OkHttpClient(), "https://refresh.example.com",
 *     "https://api.example.com", store, SystemClock::elapsedRealtimeNanos);
 * OkHttpClient client = session.client();
 * }</pre>
 *
 * A call fails with {@link LoginRequired} or {@link TryLater}. Threads share a session: they send
 * one refresh, and if it fails, all of them learn that.
 */
public final class RefreshSession implements Interceptor, Authenticator {
  /** The answer of a login, and what is stored. The names are those of the JSON. */
  public static final class Tokens {
    public String access_token;
    public String refresh_token;
    public long expired; // Unix seconds of the server's clock
  }

  /** Keeps the tokens, for example in EncryptedSharedPreferences. null: the user is logged out. */
  public interface Store {
    Tokens load();

    void save(Tokens tokens);
  }

  /** The session has ended, or there is none. Show the login. */
  public static final class LoginRequired extends IOException {}

  /** The server is busy or cannot be reached. The user stays logged in. */
  public static final class TryLater extends IOException {
    public final long seconds;

    TryLater(long seconds) {
      super("try again in " + seconds + " s");
      this.seconds = seconds;
    }
  }

  private static final long SECOND = 1_000_000_000L;
  private static final MediaType JSON = MediaType.get("application/json");

  private final OkHttpClient http;
  private final HttpUrl refresh;
  private final HttpUrl api;
  private final Store store;
  private final LongSupplier clock;
  private final Gson gson = new Gson();

  // Both are times of the clock. The age of tokens from an earlier start is not known: they are
  // used until the API answers 401.
  private long refreshAt = Long.MAX_VALUE;
  private long notBefore = Long.MIN_VALUE;

  /**
   * @param clock nanoseconds that do not jump if the clock of the device is set: System::nanoTime,
   *     and on Android SystemClock::elapsedRealtimeNanos, which also runs while the device sleeps
   */
  public RefreshSession(
      OkHttpClient http, String server, String api, Store store, LongSupplier clock) {
    this.http = http;
    this.refresh = HttpUrl.get(server + "/api/v1/refresh");
    this.api = HttpUrl.get(api);
    this.store = store;
    this.clock = clock;
  }

  /** Returns a client for the API. Other servers do not receive the access token. */
  public OkHttpClient client() {
    return http.newBuilder().addInterceptor(this).authenticator(this).build();
  }

  /** Stores the answer of a login. */
  public synchronized void login(Tokens tokens) {
    JsonObject claims = claims(tokens.access_token);
    long iat = claims.has("iat") ? claims.get("iat").getAsLong() : tokens.expired;
    // Both times are the server's, so a wrong clock of the device does not matter.
    long lifetime = (tokens.expired - iat) * SECOND;
    refreshAt = clock.getAsLong() + lifetime - Math.min(60 * SECOND, lifetime / 5);
    notBefore = Long.MIN_VALUE;
    store.save(tokens);
  }

  @Override
  public Response intercept(Chain chain) throws IOException {
    Request request = chain.request();
    if (!isApi(request.url())) return chain.proceed(request);
    return chain.proceed(authorized(request, token(null)));
  }

  /** Sends a request again, once, after the API has answered 401. */
  @Override
  public Request authenticate(Route route, Response response) throws IOException {
    Request request = response.request();
    String sent = request.header("Authorization");
    if (!isApi(request.url()) || sent == null || response.priorResponse() != null) return null;
    return authorized(request, token(sent.substring("Bearer ".length())));
  }

  private boolean isApi(HttpUrl url) {
    return url.scheme().equals(api.scheme())
        && url.host().equals(api.host())
        && url.port() == api.port();
  }

  private static Request authorized(Request request, String token) {
    return request.newBuilder().header("Authorization", "Bearer " + token).build();
  }

  /** Returns an access token. It is refreshed first if it expires soon or the API rejected it. */
  private synchronized String token(String rejected) throws IOException {
    Tokens tokens = store.load();
    if (tokens == null) throw new LoginRequired();
    if (tokens.access_token.equals(rejected) || clock.getAsLong() >= refreshAt) refresh(tokens);
    return store.load().access_token;
  }

  private void refresh(Tokens tokens) throws IOException {
    long wait = notBefore == Long.MIN_VALUE ? 0 : notBefore - clock.getAsLong();
    if (wait > 0) throw new TryLater(wait / SECOND + 1); // the last refresh has failed for all
    JsonObject body = new JsonObject();
    body.addProperty("refresh_token", tokens.refresh_token);
    body.addProperty("limit", 10); // lifetime of the new access token, in minutes
    Request request =
        new Request.Builder().url(refresh).post(RequestBody.create(body.toString(), JSON)).build();
    Answer answer = ask(request);
    if (answer == null) answer = ask(request); // if an answer is lost, asking again does no harm
    if (answer == null) throw later(1);
    if (answer.status == 200 && answer.body.has("access_token")) {
      Tokens next = gson.fromJson(answer.body, Tokens.class);
      if (next.refresh_token == null) next.refresh_token = tokens.refresh_token; // no rotation
      login(next);
      return;
    }
    boolean refused = answer.status == 421 || answer.status == 422;
    if (refused && answer.body.has("error")
        && answer.body.get("error").getAsString().equals("jwt_error")) {
      store.save(null);
      throw new LoginRequired();
    }
    if (answer.status / 100 == 4 && !refused && answer.status != 429)
      throw new IOException("a mistake in this program: " + answer.body);
    throw later(answer.retryAfter);
  }

  private TryLater later(long seconds) {
    notBefore = clock.getAsLong() + seconds * SECOND;
    return new TryLater(seconds);
  }

  private static final class Answer {
    int status;
    long retryAfter;
    JsonObject body;
  }

  /** Returns null if there is no whole answer. The body is {} if it is no JSON object. */
  private Answer ask(Request request) {
    try (Response response = http.newCall(request).execute()) {
      Answer answer = new Answer();
      answer.status = response.code();
      String after = response.header("Retry-After", "1");
      answer.retryAfter = after.matches("\\d{1,6}") ? Long.parseLong(after) : 1;
      answer.body = object(response.body().string());
      return answer;
    } catch (IOException lost) {
      return null;
    }
  }

  private JsonObject object(String text) {
    try {
      JsonObject parsed = gson.fromJson(text, JsonObject.class);
      return parsed == null ? new JsonObject() : parsed;
    } catch (JsonParseException page) {
      return new JsonObject();
    }
  }

  private JsonObject claims(String token) {
    byte[] payload = Base64.getUrlDecoder().decode(token.split("\\.")[1]);
    return object(new String(payload, StandardCharsets.UTF_8));
  }
}
