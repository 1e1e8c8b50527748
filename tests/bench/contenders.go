//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/labstack/echo/v4"

	"kalsel.dev/refresh/tests/server"
)

const (
	floor    = "floor"
	byHand   = "by hand"
	refreshd = "refreshd"
	revoked  = "revoked"  // refreshd with many revocations in its store
	limited  = "limited"  // refreshd with a rate limit, whose clients come through a trusted proxy
	besieged = "besieged" // refreshd with slow clients too
	// Refreshd with a user service, without and with rotation.
	asking   = "asking"
	rotating = "rotating"
)

// contender is a server to measure, and the clients that load it.
type contender struct {
	name    string
	program string
	env     []string
	talks   []*dialogue   // one for each connection
	rate    float64       // of requests, if the server is driven at its own rate
	users   *usersService // nil: none is asked
	path    string        // of a GET with an access token; "" is a refresh
}

// bench is a run: the settings and tokens that its contenders share.
type bench struct {
	settings
	signer
	secret   string
	folder   string
	postgres *server.Postgres
	stores   int   // with sessions
	source   *bout // refreshd with a long feed; nil: none
}

// contenders returns the servers of the names.
func (b *bench) contenders(ctx context.Context, names []string) ([]contender, error) {
	var all []contender
	for _, name := range names {
		c, err := b.contender(ctx, name)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// contender returns the server of a name. It makes the store that the server needs.
func (b *bench) contender(ctx context.Context, name string) (contender, error) {
	engine, number, _ := strings.Cut(name, "/")
	switch {
	case name == floor:
		return b.peer(name, constant), nil
	case name == byHand:
		return b.peer(name, access), nil
	case name == refreshd || name == besieged:
		return b.ours(ctx, name)
	case name == naming:
		return b.ours(ctx, name, "REFRESH_ACCESS_SID=true")
	case name == authenticate:
		return b.authenticating(ctx)
	case name == guarded:
		return b.guarded(ctx)
	case name == limited:
		return b.ours(ctx, name, "REFRESH_RATE_LIMIT=1000000", "REFRESH_RATE_BURST=1000000",
			"REFRESH_TRUSTED_PROXIES=127.0.0.0/8")
	case name == revoked:
		url := "sqlite:" + filepath.Join(b.folder, "revoked.db")
		if err := b.fillRevocations(ctx, url, b.Revocations); err != nil {
			return contender{}, err
		}
		return b.ours(ctx, name, "REFRESH_STORE="+url)
	case filepath.IsAbs(name):
		c, err := b.ours(ctx, filepath.Base(name))
		c.name, c.program = name, name
		return c, err
	case engine == "sqlite" || engine == "postgres":
		return b.rotating(ctx, engine, number)
	case engine == asking || engine == rotating:
		return b.withUsers(ctx, engine, number)
	}
	return contender{}, fmt.Errorf("server %q is not known: give one of %q, the path of a "+
		"refreshd or one such as sqlite/1000", name,
		[]string{floor, byHand, refreshd, revoked, limited, besieged, naming, authenticate,
			guarded})
}

// peer returns one of the servers that refreshd is compared with, which this program is itself.
func (b *bench) peer(name string, kind answers) contender {
	return contender{
		name:    name,
		program: must(os.Executable()),
		env: []string{"BENCH_SERVE=" + name, "BENCH_SECRET=" + b.secret,
			"BENCH_ANSWER=" + b.constantAnswer()},
		talks: b.logins(kind, b.Connections),
	}
}

// ours returns refreshd with its default settings and those in env. The listener for operations
// stays on: metrics are part of the default settings.
func (b *bench) ours(ctx context.Context, name string, env ...string) (c contender, err error) {
	if b.refreshd == "" {
		b.refreshd, err = server.Build(ctx, b.folder, "-trimpath", "-ldflags", "-s -w")
	}
	store := "sqlite:" + filepath.Join(b.folder, name+".db")
	return contender{
		name:    name,
		program: b.refreshd,
		env:     append([]string{"REFRESH_SECRET=" + b.secret, "REFRESH_STORE=" + store}, env...),
		talks:   b.logins(access, b.Connections),
	}, err
}

// rotating returns refreshd in rotation mode on a store with so many sessions. The window is 0, so
// every refresh is a rotation. Each connection refreshes sessions of its own, in random order. The
// store lasts over all rounds.
func (b *bench) rotating(ctx context.Context, engine, number string) (contender, error) {
	count, err := strconv.Atoi(number)
	if err != nil || count < 1 {
		return contender{}, fmt.Errorf("%s/%s: give a number of sessions", engine, number)
	}
	b.stores++
	name := fmt.Sprintf("sessions%s_%d", number, b.stores)
	url := "sqlite:" + filepath.Join(b.folder, name+".db")
	if engine == "postgres" {
		if url, err = b.database(name); err != nil {
			return contender{}, err
		}
	}
	fmt.Fprintf(os.Stderr, "filling a store with %d sessions\n", count)
	if err := b.fillSessions(ctx, url, count); err != nil {
		return contender{}, err
	}
	c, err := b.ours(ctx, engine+"/"+number, "REFRESH_STORE="+url, "REFRESH_ROTATION=true",
		"REFRESH_ROTATION_WINDOW=0s", "REFRESH_CLOCK_SKEW=0s")
	c.talks = b.sessions(count, b.Connections)
	return c, err
}

// serve runs a peer, or returns nil if name is empty.
func serve(name string) error {
	if name == guarded {
		return serveGuarded()
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	switch name {
	case floor:
		constant := []byte(os.Getenv("BENCH_ANSWER"))
		e.POST(refreshPath, func(c echo.Context) error {
			if _, err := io.Copy(io.Discard, c.Request().Body); err != nil {
				return err
			}
			return c.JSONBlob(http.StatusOK, constant)
		})
	case byHand:
		e.POST(refreshPath, refreshByHand([]byte(os.Getenv("BENCH_SECRET"))))
	default:
		return nil
	}
	return e.Start(os.Getenv("REFRESH_LISTEN"))
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
