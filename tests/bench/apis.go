//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"kalsel.dev/refresh/impl/guard"
	"kalsel.dev/refresh/impl/token"
)

const (
	naming       = "access-sid"   // refreshd, whose access tokens name their sessions
	authenticate = "authenticate" // refreshd, asked as a gateway asks
	guarded      = "guard"        // an API with the guard, which knows feedLength revocations

	feedLength = 1_000_000
)

// authenticating returns refreshd whose clients ask about access tokens.
func (b *bench) authenticating(ctx context.Context) (contender, error) {
	c, err := b.ours(ctx, authenticate, "REFRESH_API_CREDENTIALS="+b.credentials())
	c.talks, c.path = b.checks(), "/api/v1/authenticate"
	return c, err
}

// guarded returns an API with the guard, which this program is itself. It follows a refreshd that
// runs until the run ends.
func (b *bench) guarded(ctx context.Context) (contender, error) {
	if err := b.startSource(ctx); err != nil {
		return contender{}, err
	}
	return contender{
		name:    guarded,
		program: must(os.Executable()),
		env: []string{"BENCH_SERVE=" + guarded, "BENCH_SECRET=" + b.secret,
			"BENCH_SOURCE=" + b.source.address, "BENCH_CREDENTIAL=" + b.credential()},
		talks: b.checks(),
		path:  "/",
	}, nil
}

// startSource starts a refreshd with a long feed, unless it runs.
func (b *bench) startSource(ctx context.Context) error {
	if b.source != nil {
		return nil
	}
	url := "sqlite:" + filepath.Join(b.folder, "feed.db")
	if err := b.fillRevocations(ctx, url, feedLength); err != nil {
		return err
	}
	c, err := b.ours(ctx, "feed", "REFRESH_STORE="+url, "REFRESH_API_CREDENTIALS="+b.credentials())
	if err == nil {
		b.source, err = start(ctx, c)
	}
	return err
}

func (b *bench) credential() string { return "bench:" + b.secret }

// credentials writes the file with the credential, and returns its path.
func (b *bench) credentials() string {
	path := filepath.Join(b.folder, "credentials")
	if err := os.WriteFile(path, []byte(b.credential()+"\n"), 0o600); err != nil {
		panic(err)
	}
	return path
}

// checks returns a dialogue for each client, with access tokens that name their sessions.
func (b *bench) checks() []*dialogue {
	return b.dialogues(checked, b.Connections, b.Connections*tokensPerClient, b.access)
}

// access returns the access token of a session.
func (s *signer) access(n int) string {
	login := must(s.verify.Refresh(s.login(n), s.start))
	session := token.Session{ID: idOf(-1 - n), Started: s.start.Unix()}
	return must(s.minter.Access(login, session, limit, s.start)).Token
}

// follow returns a guard of the refreshd at an address once it is fresh.
func follow(address, credential, secret string) (*guard.Guard, error) {
	g, err := guard.New(guard.Config{
		Server:     "http://" + address,
		Credential: credential,
		Secret:     []byte(secret),
	})
	if err != nil {
		return nil, err
	}
	for began := time.Now(); ; time.Sleep(100 * time.Microsecond) {
		if _, known := g.Age(); known {
			return g, nil
		}
		if time.Since(began) > startLimit {
			g.Close()
			return nil, errors.New("the guard does not reach the end of the feed")
		}
	}
}

// serveGuarded runs an API with the guard.
func serveGuarded() error {
	g, err := follow(os.Getenv("BENCH_SOURCE"), os.Getenv("BENCH_CREDENTIAL"),
		os.Getenv("BENCH_SECRET"))
	if err != nil {
		return err
	}
	s := &http.Server{
		Addr: os.Getenv("REFRESH_LISTEN"),
		Handler: g.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusOK)
		})),
		ReadHeaderTimeout: time.Minute,
	}
	return s.ListenAndServe()
}

// measureGuard prints the figures of a guard within a program: the time until it knows the whole
// feed, the memory that it takes, and its checks a second.
func (b *bench) measureGuard(ctx context.Context) error {
	if err := b.startSource(ctx); err != nil {
		return err
	}
	var reading, memory, one, all []float64
	for range b.Rounds {
		before, began := heap(), time.Now()
		g, err := follow(b.source.address, b.credential(), b.secret)
		if err != nil {
			return err
		}
		reading = append(reading, time.Since(began).Seconds())
		memory = append(memory, float64(heap()-before)/feedLength)
		for _, n := range []int{1, runtime.GOMAXPROCS(0)} {
			rate, err := b.checkRate(ctx, g, n)
			if err != nil {
				return err
			}
			if n == 1 {
				one = append(one, rate)
			} else {
				all = append(all, rate)
			}
		}
		g.Close()
		runtime.KeepAlive(g)
	}
	fmt.Printf("\nguard within a program, %d revocations, %d rounds, median (lowest..highest)\n\n"+
		"the whole feed read, s        %s\nmemory, bytes a revocation    %s\n"+
		"checks/s in one goroutine     %s\nchecks/s in %2d goroutines     %s\n",
		feedLength, b.Rounds, spreadOf(reading).format(2), spreadOf(memory).format(1),
		spreadOf(one).format(0), runtime.GOMAXPROCS(0), spreadOf(all).format(0))
	return nil
}

// heap returns the bytes of all objects that are in use.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // what the first one has found to be free is swept now
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// checkRate returns the checks a second of so many goroutines.
func (b *bench) checkRate(ctx context.Context, g *guard.Guard, goroutines int) (float64, error) {
	tokens := make([]string, tokensPerClient)
	for n := range tokens {
		tokens[n] = b.access(n)
	}
	const length = time.Second
	var count atomic.Int64
	var group sync.WaitGroup
	failures := make([]error, goroutines)
	began := time.Now()
	for i := range goroutines {
		group.Go(func() {
			n := 0
			for ; time.Since(began) < length && failures[i] == nil; n++ {
				_, failures[i] = g.Check(ctx, tokens[n%len(tokens)])
			}
			count.Add(int64(n))
		})
	}
	group.Wait()
	if err := errors.Join(failures...); err != nil {
		return 0, fmt.Errorf("guard: %w", err)
	}
	return float64(count.Load()) / time.Since(began).Seconds(), nil
}

// stopSource ends the refreshd with the long feed, if it runs.
func (b *bench) stopSource() {
	if b.source != nil {
		b.source.stop()
	}
}

// measuresGuard reports whether a guard is among the servers.
func (s *settings) measuresGuard() bool { return slices.Contains(s.Servers, guarded) }
