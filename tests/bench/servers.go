//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/labstack/echo/v4"

	"kalsel.dev/refresh/tests/server"
)

const (
	floor    = "floor"
	byHand   = "by hand"
	refreshd = "refreshd"
	revoked  = "revoked" // refreshd with many revocations in its store
)

// contender is a server to measure, and what its clients send.
type contender struct {
	name    string
	command []string
	env     []string
	listen  string      // the variable that holds the address to listen on
	talks   []*dialogue // one for each connection
	// operations is the address of /readyz and /metrics; "" if the contender has none.
	operations string
	folder     string
}

// refreshContenders returns the chosen servers. All of them redeem the same refresh tokens. The
// floor's constant is an answer of the server that it is compared with, so that sizes are equal.
//
//nolint:funlen // a straight list of servers
func refreshContenders(ctx context.Context, set settings, scratch string) ([]contender, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	secret := rand.Text() + rand.Text()
	signer, err := newSigner(secret)
	if err != nil {
		return nil, err
	}
	computed, err := signer.logins(access, set.Connections)
	if err != nil {
		return nil, err
	}
	read, err := signer.logins(constant, set.Connections)
	if err != nil {
		return nil, err
	}
	peer := func(name, variable, value string, talks []*dialogue) contender {
		return contender{
			name:    name,
			command: []string{self, "serve", name},
			env:     []string{variable + "=" + value},
			listen:  "BENCH_LISTEN",
			talks:   talks,
			folder:  scratch,
		}
	}
	all := map[string]contender{byHand: peer(byHand, "BENCH_SECRET", secret, computed)}
	reference := all[byHand]
	if slices.Contains(set.Servers, refreshd) {
		binary, err := program(ctx, set.refreshd, scratch)
		if err != nil {
			return nil, err
		}
		reference, err = newRefreshd(refreshd, binary, scratch, secret, computed)
		if err != nil {
			return nil, err
		}
		all[refreshd] = reference
	}
	if slices.Contains(set.Servers, revoked) {
		path := filepath.Join(scratch, "revoked.db")
		if err := fillRevocations(ctx, path, set.Revocations); err != nil {
			return nil, err
		}
		full := all[refreshd]
		full.name, full.env = revoked, append(slices.Clone(full.env), "REFRESH_STORE=sqlite:"+path)
		if full.operations, err = server.FreeAddress(); err != nil {
			return nil, err
		}
		full.env = append(full.env, "REFRESH_OPS_LISTEN="+full.operations)
		all[revoked] = full
	}
	first, err := start(ctx, reference)
	if err != nil {
		return nil, err
	}
	first.stop()
	all[floor] = peer(floor, "BENCH_ANSWER", string(first.answer), read)
	var chosen []contender
	for _, name := range set.Servers {
		c, known := all[name]
		if !known {
			return nil, fmt.Errorf("server %q is not known: give %q, %q, %q or %q",
				name, floor, byHand, refreshd, revoked)
		}
		chosen = append(chosen, c)
	}
	return chosen, nil
}

// newRefreshd returns refreshd as a contender. The listener for operations stays on: metrics are
// part of the default settings.
func newRefreshd(
	name, program, folder, secret string, talks []*dialogue, env ...string,
) (contender, error) {
	operations, err := server.FreeAddress()
	return contender{
		name:       name,
		command:    []string{program},
		env:        append(env, "REFRESH_SECRET="+secret, "REFRESH_OPS_LISTEN="+operations),
		listen:     "REFRESH_LISTEN",
		talks:      talks,
		operations: operations,
		folder:     folder,
	}, err
}

// program returns the path of the refreshd that was given, or of one built as for a release.
func program(ctx context.Context, given, folder string) (string, error) {
	if given != "" {
		return filepath.Abs(given)
	}
	return server.Build(ctx, folder, "-trimpath", "-ldflags", "-s -w")
}

// serve runs one of the servers that refreshd is compared with.
func serve(name string) error {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	switch name {
	case floor:
		constant := []byte(os.Getenv("BENCH_ANSWER"))
		e.POST("/api/v1/refresh", func(c echo.Context) error {
			if _, err := io.Copy(io.Discard, c.Request().Body); err != nil {
				return err
			}
			return c.JSONBlob(http.StatusOK, constant)
		})
	case byHand:
		e.POST("/api/v1/refresh", refreshByHand([]byte(os.Getenv("BENCH_SECRET"))))
	default:
		return errors.New("unknown server " + name)
	}
	return e.Start(os.Getenv("BENCH_LISTEN"))
}

// refreshByHand is a first version of the endpoint: correct for honest requests, without validation
// beyond the range of limit.
func refreshByHand(secret []byte) echo.HandlerFunc {
	return func(c echo.Context) error {
		request := struct {
			RefreshToken string `json:"refresh_token"`
			Limit        int    `json:"limit"`
		}{Limit: 10080}
		if err := c.Bind(&request); err != nil || request.Limit < 10 || request.Limit > 10080 {
			return echo.NewHTTPError(http.StatusBadRequest, "request is not valid")
		}
		claims := jwt.MapClaims{}
		key := func(*jwt.Token) (any, error) { return secret, nil }
		_, err := jwt.ParseWithClaims(request.RefreshToken, claims, key,
			jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired())
		if errors.Is(err, jwt.ErrTokenExpired) {
			return echo.NewHTTPError(http.StatusMisdirectedRequest, "token has expired")
		}
		if err != nil || claims["type"] != 1.0 {
			return echo.NewHTTPError(http.StatusUnprocessableEntity, "token is not valid")
		}
		now := time.Now()
		expires := now.Add(time.Duration(request.Limit) * time.Minute).Unix()
		claims["type"], claims["fresh"] = 0, false
		claims["iat"], claims["exp"] = now.Unix(), expires
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(secret)
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, echo.Map{"access_token": token, "expired": expires})
	}
}
