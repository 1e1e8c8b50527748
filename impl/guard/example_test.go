package guard_test

import (
	"fmt"
	"net/http"
	"os"
	"time"

	"kalsel.dev/refresh/impl/guard"
)

// An API whose routes need an access token. GET /orders needs any, POST /password one of a user who
// has just typed the password.
func Example() {
	g, err := guard.New(guard.Config{
		Server:     "https://refresh.example.com",
		Credential: "orders:" + os.Getenv("REFRESH_API_SECRET"),
		MaxStale:   5 * time.Second,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer g.Close()
	mux := http.NewServeMux()
	mux.Handle("GET /orders", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "the orders of", guard.CallerOf(r.Context()).Identity)
	}))
	mux.Handle("POST /password", guard.RequireFresh(http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })))
	server := &http.Server{
		Addr:              "127.0.0.1:8081",
		Handler:           g.Handler(mux),
		ReadHeaderTimeout: 5 * time.Second,
	}
	_ = server.ListenAndServe()
}
