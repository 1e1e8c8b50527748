import com.google.gson.Gson;
import com.google.gson.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/**
 * Runs docs/recipes/RefreshSession.java for the tests. Arguments: the address of refreshd, and a
 * URL of the API. It reads a command a line, as JSON, and answers each with a line of JSON.
 */
public final class Driver implements RefreshSession.Store {
  private RefreshSession.Tokens stored;

  @Override
  public synchronized RefreshSession.Tokens load() {
    return stored;
  }

  @Override
  public synchronized void save(RefreshSession.Tokens tokens) {
    stored = tokens;
  }

  /** A call of the API. It returns the status of the answer. */
  interface Call {
    int status() throws IOException;
  }

  public static void main(String[] args) throws Exception {
    run(args, session -> call(session.client(), args[1]));
  }

  static void run(String[] args, Function<RefreshSession, Call> api) throws Exception {
    Driver store = new Driver();
    RefreshSession session =
        new RefreshSession(new OkHttpClient(), args[0], args[1], store, System::nanoTime);
    Call call = api.apply(session);
    ExecutorService pool = Executors.newFixedThreadPool(50);
    Gson gson = new Gson();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = in.readLine()) != null; ) {
      JsonObject command = gson.fromJson(line, JsonObject.class);
      JsonObject answer = new JsonObject();
      switch (command.get("do").getAsString()) {
        case "login":
          session.login(gson.fromJson(command.get("tokens"), RefreshSession.Tokens.class));
          break;
        case "call":
          List<Future<String>> calls = new ArrayList<>();
          for (int i = command.get("times").getAsInt(); i > 0; i--)
            calls.add(pool.submit(() -> result(call)));
          Map<String, Integer> results = new TreeMap<>();
          for (Future<String> done : calls) results.merge(done.get(), 1, Integer::sum);
          results.forEach(answer::addProperty);
          break;
        default:
          RefreshSession.Tokens tokens = store.load();
          answer.addProperty("refresh_token", tokens == null ? "" : tokens.refresh_token);
      }
      System.out.println(answer);
    }
    System.exit(0);
  }

  private static Call call(OkHttpClient client, String url) {
    Request request = new Request.Builder().url(url).build();
    return () -> {
      try (Response response = client.newCall(request).execute()) {
        return response.code();
      }
    };
  }

  private static String result(Call call) throws IOException {
    try {
      return String.valueOf(call.status());
    } catch (RefreshSession.LoginRequired e) {
      return "login";
    } catch (RefreshSession.TryLater e) {
      return "later";
    }
  }
}
