package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"kalsel.dev/refresh/impl/client"
)

func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/refresh" {
			refuse(http.StatusMisdirectedRequest)(w) // the refresh token has expired
			return
		}
		_, _ = fmt.Fprint(w, "hello")
	}))
	defer server.Close()

	keeper, err := client.New(client.Config{Server: server.URL, Limit: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	// The answer of the login.
	if err := keeper.Login(context.Background(), client.Tokens{RefreshToken: "eyJ…"}); err != nil {
		fmt.Println(err)
		return
	}
	api := &http.Client{Transport: keeper.Transport(nil)}
	_, err = api.Get(server.URL + "/things")
	if errors.Is(err, client.ErrLoginRequired) {
		fmt.Println("show the login")
	}
	// Output: show the login
}
