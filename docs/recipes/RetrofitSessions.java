import java.io.IOException;
import java.util.List;
import org.openapitools.client.JSON;
import org.openapitools.client.api.SessionsApi;
import org.openapitools.client.model.Session;
import org.openapitools.client.model.SessionList;
import retrofit2.HttpException;
import retrofit2.Response;
import retrofit2.Retrofit;
import retrofit2.converter.gson.GsonConverterFactory;

/**
 * Lists the sessions of the user and ends one, with Retrofit. Generate the client first:
 *
 * <pre>
 * openapi-generator-cli generate -i openapi.yaml -g java --library retrofit2 -o refresh-client \
 *   -p openApiNullable=false,disallowAdditionalPropertiesIfNotPresent=false,annotationLibrary=none
 * </pre>
 *
 * Calls fail as those of {@link RefreshSession} do, or with an {@link HttpException}. An API of
 * your own works likewise: give Retrofit.Builder the client of the session.
 */
public final class RetrofitSessions {
  private final SessionsApi api;

  public RetrofitSessions(String server, RefreshSession session) {
    api =
        new Retrofit.Builder()
            .baseUrl(server + "/")
            .client(session.client())
            .addConverterFactory(GsonConverterFactory.create(new JSON().getGson()))
            .build()
            .create(SessionsApi.class);
  }

  /** Returns the sessions. The session that was used last comes first. */
  public List<Session> list() throws IOException {
    Response<SessionList> answer = api.listSessions(null, null).execute();
    if (!answer.isSuccessful()) throw new HttpException(answer);
    return answer.body().getSessions();
  }

  /** Ends a session. Its refresh token is rejected afterwards. */
  public void end(Session session) throws IOException {
    Response<Void> answer = api.endSession(session.getId()).execute();
    if (!answer.isSuccessful()) throw new HttpException(answer);
  }
}
