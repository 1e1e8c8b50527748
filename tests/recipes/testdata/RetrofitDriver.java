import retrofit2.HttpException;

/** Runs docs/recipes/RetrofitSessions.java for the tests, as Driver does. */
public final class RetrofitDriver {
  public static void main(String[] args) throws Exception {
    Driver.run(
        args,
        session -> {
          RetrofitSessions sessions = new RetrofitSessions(args[0], session);
          return () -> {
            try {
              sessions.list();
              return 200;
            } catch (HttpException e) {
              return e.code();
            }
          };
        });
  }
}
