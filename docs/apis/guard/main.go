// An API in Go that checks the access tokens of refreshd with the guard. Set SERVER and CREDENTIAL;
// set SECRET too if the server signs with a secret.
package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"time"

	"kalsel.dev/refresh/impl/guard"
)

func main() {
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	g, err := guard.New(guard.Config{
		Server:     os.Getenv("SERVER"),
		Credential: os.Getenv("CREDENTIAL"),
		Secret:     []byte(os.Getenv("SECRET")),
		Log:        logger,
	})
	if err != nil {
		logger.Error("The API cannot start", "error", err)
		os.Exit(1)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders", func(w http.ResponseWriter, r *http.Request) {
		orders := map[string]string{"ordersOf": guard.CallerOf(r.Context()).Identity}
		_ = json.NewEncoder(w).Encode(orders) // this fails if the client has hung up
	})
	// An operation that needs a recent password.
	mux.Handle("POST /password", guard.RequireFresh(http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })))
	server := &http.Server{
		Addr:              "127.0.0.1:" + os.Getenv("PORT"),
		Handler:           g.Handler(mux),
		ReadHeaderTimeout: 5 * time.Second,
	}
	logger.Error("The API has ended", "error", server.ListenAndServe())
}
