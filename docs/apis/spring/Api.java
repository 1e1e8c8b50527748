package apis;

import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import javax.crypto.spec.SecretKeySpec;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.core.env.Environment;
import org.springframework.http.ResponseEntity;
import org.springframework.security.authentication.AuthenticationServiceException;
import org.springframework.security.authorization.AuthorizationDecision;
import org.springframework.security.config.ObjectPostProcessor;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.http.SessionCreationPolicy;
import org.springframework.security.core.AuthenticationException;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.core.DelegatingOAuth2TokenValidator;
import org.springframework.security.oauth2.core.OAuth2TokenValidator;
import org.springframework.security.oauth2.jose.jws.MacAlgorithm;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.jwt.JwtClaimValidator;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtTimestampValidator;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;
import org.springframework.security.oauth2.server.resource.authentication.JwtAuthenticationToken;
import org.springframework.security.oauth2.server.resource.web.BearerTokenAuthenticationEntryPoint;
import org.springframework.security.oauth2.server.resource.web.authentication.BearerTokenAuthenticationFilter;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

/**
 * An API with Spring Security that checks the access tokens of refreshd with Nimbus. Set SECRET, or
 * JWKS_URL and ALGORITHM.
 */
@SpringBootApplication
@RestController
public class Api {
  public static void main(String[] args) {
    SpringApplication api = new SpringApplication(Api.class);
    String port = System.getenv().getOrDefault("PORT", "8081");
    api.setDefaultProperties(Map.of("server.address", "127.0.0.1", "server.port", port));
    api.run(args);
  }

  /** The algorithm is yours and never the token's. */
  @Bean
  JwtDecoder decoder(Environment settings) {
    String secret = settings.getProperty("SECRET", "");
    NimbusJwtDecoder decoder;
    if (!secret.isEmpty()) {
      byte[] bytes = secret.getBytes(StandardCharsets.UTF_8);
      decoder = NimbusJwtDecoder.withSecretKey(new SecretKeySpec(bytes, "HmacSHA256"))
          .macAlgorithm(MacAlgorithm.HS256).build();
    } else {
      decoder = NimbusJwtDecoder.withJwkSetUri(settings.getRequiredProperty("JWKS_URL"))
          .jwsAlgorithm(SignatureAlgorithm.from(settings.getRequiredProperty("ALGORITHM"))).build();
    }
    // Add a JwtIssuerValidator and a validator of aud if your login sets iss and aud.
    OAuth2TokenValidator<Jwt> rules = new DelegatingOAuth2TokenValidator<>(
        new JwtTimestampValidator(),
        new JwtClaimValidator<Object>("exp", exp -> exp != null),
        new JwtClaimValidator<Object>("identity", id -> id instanceof String),
        // A refresh token has a valid signature too, and lives for weeks.
        new JwtClaimValidator<Object>("type", type -> Long.valueOf(0).equals(type)));
    decoder.setJwtValidator(rules);
    return decoder;
  }

  @Bean
  SecurityFilterChain security(HttpSecurity http) throws Exception {
    return http
        .csrf(csrf -> csrf.disable()) // no cookie authenticates
        .sessionManagement(s -> s.sessionCreationPolicy(SessionCreationPolicy.STATELESS))
        .oauth2ResourceServer(server -> server.jwt(jwt -> {})
            .withObjectPostProcessor(new ObjectPostProcessor<BearerTokenAuthenticationFilter>() {
              @Override
              public <F extends BearerTokenAuthenticationFilter> F postProcess(F filter) {
                filter.setAuthenticationFailureHandler(Api::refuse);
                return filter;
              }
            }))
        .authorizeHttpRequests(requests -> requests
            // An operation that needs a recent password.
            .requestMatchers("/password").access((caller, request) ->
                new AuthorizationDecision(caller.get() instanceof JwtAuthenticationToken token
                    && Boolean.TRUE.equals(token.getToken().getClaim("fresh"))))
            .anyRequest().authenticated())
        .build();
  }

  /** The token may be good while the keys cannot be read: a 401 would log the user out. */
  static void refuse(
      HttpServletRequest request, HttpServletResponse response, AuthenticationException error)
      throws IOException, ServletException {
    if (error instanceof AuthenticationServiceException) {
      response.setHeader("Retry-After", "1");
      response.setStatus(HttpServletResponse.SC_SERVICE_UNAVAILABLE);
      return;
    }
    new BearerTokenAuthenticationEntryPoint().commence(request, response, error);
  }

  @GetMapping("/orders")
  Map<String, String> orders(@AuthenticationPrincipal Jwt token) {
    return Map.of("ordersOf", token.getClaimAsString("identity"));
  }

  @PostMapping("/password")
  ResponseEntity<Void> password() {
    return ResponseEntity.noContent().build();
  }
}
