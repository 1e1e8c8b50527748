package oauth

import (
	"errors"
	"sync"
	"testing"

	"golang.org/x/oauth2"

	"kalsel.dev/refresh/tests/server"
)

// parallel refreshes with 32 calls of one program, which send one request, and with 32 programs
// that have the same refresh token. The server receives all of their requests before it answers one.
func parallel(t *testing.T, fake server.Fake, rotation bool) {
	t.Helper()
	const calls = 32
	a := newApp(t, fake, "parallel", 3600)
	a.refreshes(rotation) // the library knows now how the client names itself
	a.expire()
	before := a.grants()
	one := a.source()
	atOnce(t, calls, func(int) (*oauth2.Token, error) { return one.Token() })
	if n := a.grants() - before; n != 1 {
		t.Errorf("%d calls of one source sent %d requests", calls, n)
	}
	a.plan(tokenPath, "together", calls, nil)
	all := atOnce(t, calls, func(int) (*oauth2.Token, error) { return a.source().Token() })
	successors := map[string]int{}
	for _, token := range all {
		successors[token.RefreshToken]++
	}
	if len(successors) != 1 {
		t.Errorf("%d programs have %d refresh tokens", calls, len(successors))
	}
	for range 2 { // the last program's token is as good as the others'
		a.stored = all[calls-1]
		a.refreshes(rotation)
		all[calls-1] = a.stored
	}
}

// atOnce returns the tokens of n concurrent calls, none of which may fail.
func atOnce(t *testing.T, n int, call func(int) (*oauth2.Token, error)) []*oauth2.Token {
	t.Helper()
	tokens, errs := make([]*oauth2.Token, n), make([]error, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { tokens[i], errs[i] = call(i) })
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return tokens
}
