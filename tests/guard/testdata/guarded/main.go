// The program guarded is an API with several guards, each as if it were an API of its own. It writes
// its address on standard output, and answers GET /NUMBER with the guard of that number.
package main

import (
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"kalsel.dev/refresh/impl/guard"
)

func main() {
	count := flag.Int("guards", 5, "number of guards")
	maxStale := flag.Duration("max-stale", 2*time.Second, "largest age of the knowledge")
	server := flag.String("server", "", "URL of refreshd")
	flag.Parse()
	mux := http.NewServeMux()
	for i := range *count {
		g, err := guard.New(guard.Config{
			Server:     *server,
			Credential: os.Getenv("CREDENTIAL"),
			Secret:     []byte(os.Getenv("SECRET")),
			MaxStale:   *maxStale,
			Log:        slog.New(slog.NewTextHandler(os.Stderr, nil)),
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		mux.Handle("/"+strconv.Itoa(i), g.Handler(http.HandlerFunc(
			func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintf(os.Stderr, "msg=listening address=%s version=test\n", listener.Addr())
	s := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	fmt.Fprintln(os.Stderr, s.Serve(listener))
}
