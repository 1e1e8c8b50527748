package identity

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/session"
)

// The breaker opens after that many failures in a row, and for so long, as the manual says.
const (
	inARow  = 20
	openFor = 2 * time.Second
)

// scripted is a client whose user service does as the test says, and counts the calls.
type scripted struct {
	*Client

	registry *prometheus.Registry
	answer   func(context.Context) (*http.Response, error)
	calls    int
}

// RoundTrip implements http.RoundTripper.
func (s *scripted) RoundTrip(r *http.Request) (*http.Response, error) {
	s.calls++
	return s.answer(r.Context())
}

func newScripted(t *testing.T) *scripted {
	t.Helper()
	registry := prometheus.NewRegistry()
	client, err := New(Config{
		URL:       "http://127.0.0.1/claims",
		Timeout:   time.Hour,
		InFlight:  100,
		GoneLimit: 1,
		Now:       time.Now,
		Log:       slog.New(slog.DiscardHandler),
		Registry:  registry,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &scripted{Client: client, registry: registry}
	client.sender.client.Transport = s
	return s
}

// wants asks so many times, and fails unless each time has the outcome: a reason, or "" for claims.
func (s *scripted) wants(t *testing.T, times int, want reason) {
	t.Helper()
	for range times {
		got := reason("")
		_, err := s.Claims(t.Context(), asked())
		if f, ok := errors.AsType[*failure](err); ok {
			got = f.reason
		}
		if got != want {
			t.Fatalf("call %d: got %v, want %q", s.calls, err, want)
		}
	}
}

func answers(context.Context) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{"Content-Type": {"application/json"}},
		Body:       io.NopCloser(strings.NewReader(`{"claims":{}}`)),
	}, nil
}

func fails(context.Context) (*http.Response, error) { return nil, io.EOF }

func hangs(ctx context.Context) (*http.Response, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestBreakerOpens: the failures in a row count, and nothing but failures.
func TestBreakerOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScripted(t)
		for range 3 {
			s.answer = fails
			s.wants(t, inARow-1, unreachable)
			s.answer = answers
			s.wants(t, 1, "")
		}
		s.answer = fails
		s.wants(t, inARow-1, unreachable)
		s.answer = hangs
		for range inARow { // clients that hang up tell nothing about the user service
			ctx, hangUp := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, hangUp)
			_, err := s.Claims(ctx, asked())
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		s.answer = fails
		s.wants(t, 1, unreachable)
		calls := s.calls
		s.wants(t, 10, breakerOpen)
		if s.calls != calls {
			t.Errorf("%d calls while the breaker is open", s.calls-calls)
		}
	})
}

// TestBreakerTries: after two seconds one call tries, and no other call runs beside it. If its
// client hangs up, the next question tries. If it fails, two seconds begin again.
func TestBreakerTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScripted(t)
		s.answer = fails
		s.wants(t, inARow, unreachable)
		time.Sleep(openFor)
		s.wants(t, 1, breakerOpen)
		time.Sleep(time.Millisecond)
		s.wants(t, 1, unreachable)
		s.wants(t, 1, breakerOpen)
		time.Sleep(openFor + time.Millisecond)

		for try := range 3 {
			s.answer = hangs
			ctx, hangUp := context.WithCancel(t.Context())
			tried := make(chan error, 1)
			go func() {
				_, err := s.Claims(ctx, session.UserQuestion{
					Identity: strconv.Itoa(try),
					Claims:   "{}",
				})
				tried <- err
			}()
			synctest.Wait()
			s.wants(t, 5, breakerOpen)
			hangUp()
			if err := <-tried; !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		s.answer = answers
		s.wants(t, 10, "")
	})
}

// TestKeep: the claims of the refresh token are kept only if the settings say so, never after an
// answer about another user or over the limit, and never for a client that has hung up.
func TestKeep(t *testing.T) {
	s := newScripted(t)
	hungUp, hangUp := context.WithCancel(t.Context())
	hangUp()
	for _, c := range []struct {
		ctx       context.Context //nolint:containedctx // an input of the table
		setting   bool
		err       error
		wantsKeep bool
	}{
		{t.Context(), true, &failure{reason: timeout}, true},
		{t.Context(), true, errors.New("claims: is_admin must be true or false"), true},
		{t.Context(), true, &failure{reason: otherIdentity, final: true}, false},
		{t.Context(), false, &failure{reason: timeout}, false},
		{hungUp, true, context.Canceled, false},
	} {
		s.c.Keep = c.setting
		if keep := s.Failed(c.ctx, asked(), c.err); keep != c.wantsKeep {
			t.Errorf("%v with keep %t: got %t", c.err, c.setting, keep)
		}
	}
}

// TestTimeout: a call ends after the timeout, also while the body arrives.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScripted(t)
		s.answer = hangs
		began := time.Now()
		s.wants(t, 1, timeout)
		s.answer = func(ctx context.Context) (*http.Response, error) {
			response, err := answers(ctx)
			response.Body = io.NopCloser(endless{ctx})
			return response, err
		}
		s.wants(t, 1, timeout)
		if took := time.Since(began); took != 2*s.sender.timeout {
			t.Errorf("two calls took %v", took)
		}
	})
}

// endless is a body whose next byte never arrives.
type endless struct{ context.Context }

// Read implements io.Reader.
func (e endless) Read([]byte) (int, error) {
	<-e.Done()
	return 0, e.Err()
}
