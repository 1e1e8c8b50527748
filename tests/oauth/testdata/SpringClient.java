import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import org.springframework.http.client.SimpleClientHttpRequestFactory;
import org.springframework.http.converter.FormHttpMessageConverter;
import org.springframework.security.authentication.TestingAuthenticationToken;
import org.springframework.security.core.Authentication;
import org.springframework.security.oauth2.client.AuthorizedClientServiceOAuth2AuthorizedClientManager;
import org.springframework.security.oauth2.client.ClientAuthorizationException;
import org.springframework.security.oauth2.client.InMemoryOAuth2AuthorizedClientService;
import org.springframework.security.oauth2.client.OAuth2AuthorizeRequest;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClient;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientProviderBuilder;
import org.springframework.security.oauth2.client.endpoint.RestClientRefreshTokenTokenResponseClient;
import org.springframework.security.oauth2.client.http.OAuth2ErrorResponseErrorHandler;
import org.springframework.security.oauth2.client.registration.ClientRegistration;
import org.springframework.security.oauth2.client.registration.InMemoryClientRegistrationRepository;
import org.springframework.security.oauth2.core.AuthorizationGrantType;
import org.springframework.security.oauth2.core.ClientAuthenticationMethod;
import org.springframework.security.oauth2.core.OAuth2AccessToken;
import org.springframework.security.oauth2.core.OAuth2RefreshToken;
import org.springframework.security.oauth2.core.http.converter.OAuth2AccessTokenResponseHttpMessageConverter;
import org.springframework.web.client.RestClient;

/**
 * A program with Spring Security, as docs/clients.md describes it, and its tests. It ends with the
 * status 1 if a test fails.
 *
 * <p>Environment: FAKE is the address of refreshd fake, ROTATION is 1 if it rotates refresh tokens.
 */
public class SpringClient {
  private static final String FAKE = System.getenv("FAKE");
  private static final boolean ROTATION = "1".equals(System.getenv("ROTATION"));
  private static final String TOKEN = "/oauth2/token";
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final String identity;
  private final Authentication user;
  private final ClientRegistration registration =
      ClientRegistration.withRegistrationId("refreshd")
          .clientId("shop")
          .clientAuthenticationMethod(ClientAuthenticationMethod.NONE)
          .authorizationGrantType(AuthorizationGrantType.REFRESH_TOKEN)
          .tokenUri(FAKE + TOKEN)
          .build();
  private final InMemoryClientRegistrationRepository registrations =
      new InMemoryClientRegistrationRepository(registration);
  private final InMemoryOAuth2AuthorizedClientService clients =
      new InMemoryOAuth2AuthorizedClientService(registrations);
  private final AuthorizedClientServiceOAuth2AuthorizedClientManager manager =
      new AuthorizedClientServiceOAuth2AuthorizedClientManager(registrations, clients);

  /** Makes a program whose user has just logged in. */
  SpringClient(String identity, int refreshSeconds, Duration limit) throws Exception {
    this.identity = identity;
    user = new TestingAuthenticationToken(identity, "");
    manager.setAuthorizedClientProvider(
        OAuth2AuthorizedClientProviderBuilder.builder()
            .refreshToken(refresh -> refresh.accessTokenResponseClient(tokenClient(limit)))
            .build());
    Map<String, Object> login = Map.of("identity", identity, "refresh_seconds", refreshSeconds);
    save(control("/fake/login", login).get("refresh_token").asText());
  }

  SpringClient(String identity) throws Exception {
    this(identity, 3600, PATIENCE);
  }

  private static RestClientRefreshTokenTokenResponseClient tokenClient(Duration limit) {
    var limits = new SimpleClientHttpRequestFactory();
    limits.setConnectTimeout(limit);
    limits.setReadTimeout(limit);
    var tokens = new RestClientRefreshTokenTokenResponseClient();
    tokens.setRestClient(
        RestClient.builder()
            .requestFactory(limits)
            .messageConverters(
                converters -> {
                  converters.clear();
                  converters.add(new FormHttpMessageConverter());
                  converters.add(new OAuth2AccessTokenResponseHttpMessageConverter());
                })
            .defaultStatusHandler(new OAuth2ErrorResponseErrorHandler())
            .build());
    return tokens;
  }

  /** Stores a refresh token, with an access token that has expired. */
  private void save(String refreshToken) {
    var issued = Instant.now().minusSeconds(60);
    var bearer = OAuth2AccessToken.TokenType.BEARER;
    var access = new OAuth2AccessToken(bearer, "expired", issued, issued.plusSeconds(1));
    var refresh = new OAuth2RefreshToken(refreshToken, issued);
    clients.saveAuthorizedClient(
        new OAuth2AuthorizedClient(registration, identity, access, refresh), user);
  }

  private OAuth2AuthorizedClient stored() {
    return clients.loadAuthorizedClient("refreshd", identity);
  }

  private String refreshToken() {
    return stored().getRefreshToken().getTokenValue();
  }

  /** Returns the tokens. The library refreshes first. */
  private OAuth2AuthorizedClient authorize() {
    var request = OAuth2AuthorizeRequest.withClientRegistrationId("refreshd").principal(user);
    return manager.authorize(request.build());
  }

  // The rest is for the tests.

  private static HttpResponse<String> post(String path, String type, String body)
      throws IOException, InterruptedException {
    var request = HttpRequest.newBuilder(URI.create(FAKE + path)).header("Content-Type", type);
    return HttpClient.newHttpClient()
        .send(
            request.POST(HttpRequest.BodyPublishers.ofString(body)).build(),
            HttpResponse.BodyHandlers.ofString());
  }

  private static JsonNode control(String path, Map<String, Object> body) throws Exception {
    var json = new ObjectMapper();
    var answer = post(path, "application/json", json.writeValueAsString(body));
    check(answer.statusCode() == 200, path + " answers " + answer.body());
    return json.readTree(answer.body());
  }

  private void plan(String path, String behaviour, int times, Map<String, Object> more)
      throws Exception {
    var plan = new HashMap<String, Object>(more);
    plan.putAll(
        Map.of("identity", identity, "path", path, "behaviour", behaviour, "times", times));
    control("/fake/next", plan);
  }

  private static void check(boolean holds, String text) {
    if (!holds) throw new AssertionError(text);
  }

  /** Refreshes until that succeeds, and returns the error code of the last failure, or null. */
  private String refreshes() {
    String old = refreshToken(), failure = null;
    for (var end = Instant.now().plus(PATIENCE); ; ) {
      try {
        var next = authorize();
        check(next.getAccessToken().getExpiresAt().isAfter(Instant.now()), "it has expired");
        break;
      } catch (ClientAuthorizationException e) {
        failure = e.getError().getErrorCode();
        check(stored() != null && refreshToken().equals(old), "a failure changed the tokens");
        check(Instant.now().isBefore(end), "no refresh succeeded: " + e);
      }
    }
    check(refreshToken().equals(old) != ROTATION, "the refresh token was kept or replaced");
    save(refreshToken());
    return failure;
  }

  private void mustLogIn() {
    try {
      authorize();
    } catch (ClientAuthorizationException e) {
      check(e.getError().getErrorCode().equals("invalid_grant"), "the error is " + e);
      check(stored() == null, "the tokens are still there");
      return;
    }
    throw new AssertionError("it refreshed after the end of the session");
  }

  private static void fault(String behaviour, Map<String, Object> more) throws Exception {
    var app = new SpringClient("fault " + behaviour + more);
    app.plan(TOKEN, behaviour, 3, more);
    String failure = app.refreshes();
    check("invalid_token_response".equals(failure), "the error is " + failure);
    app.refreshes();
  }

  private static void parallel() throws Exception {
    var app = new SpringClient("parallel");
    app.plan(TOKEN, "together", 32, Map.of());
    var threads = Executors.newFixedThreadPool(32);
    List<Callable<String>> calls = new ArrayList<>();
    for (int i = 0; i < 32; i++) {
      calls.add(() -> app.authorize().getRefreshToken().getTokenValue());
    }
    Set<String> tokens = new HashSet<>();
    for (var token : threads.invokeAll(calls)) tokens.add(token.get());
    threads.shutdown();
    check(tokens.size() == 1, tokens.size() + " refresh tokens");
    app.save(tokens.iterator().next());
    app.refreshes();
  }

  private static void logOut() throws Exception {
    var app = new SpringClient("logout");
    app.refreshes();
    var answer =
        post(
            "/oauth2/revoke",
            "application/x-www-form-urlencoded",
            "token=" + app.refreshToken());
    check(answer.statusCode() == 200, "the logout answers " + answer.body());
    app.mustLogIn();
  }

  public static void main(String[] args) throws Exception {
    var app = new SpringClient("ok");
    for (int i = 0; i < 3; i++) check(app.refreshes() == null, "a refresh failed");
    for (var behaviour : List.of("lose_answer", "truncate", "503", "429", "500")) {
      fault(behaviour, Map.of());
    }
    for (int status : new int[] {400, 401, 502}) fault("html", Map.of("status", status));
    var hasty = new SpringClient("limit", 3600, Duration.ofSeconds(1));
    hasty.plan(TOKEN, "delay", 1, Map.of("delay_ms", 600_000));
    check("invalid_token_response".equals(hasty.refreshes()), "the delay was no failure");
    parallel();
    logOut();
    new SpringClient("expired", -1, PATIENCE).mustLogIn();
    System.exit(0); // threads of the HTTP clients are left
  }
}
