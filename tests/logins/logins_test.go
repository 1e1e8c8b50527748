package logins

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/tests/server"
)

var shared server.Shared

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

// library is a login that people have, with the settings for it.
type library struct {
	name     string
	start    func(t *testing.T) login
	settings []string
	// identities are those that the library can write, as JSON values.
	identities []any
	// twoSecrets says that access tokens have a secret of their own.
	twoSecrets bool
	// noFresh says that the library has no notion of fresh tokens.
	noFresh bool
}

func libraries() []library {
	sub := func(name, access, marks string) func(*testing.T) login {
		return func(t *testing.T) login { return node(t, name, refreshSecret, access, marks) }
	}
	var all []library
	for _, name := range []string{"jsonwebtoken", "jose"} {
		all = append(all,
			library{
				name:       name + " with one secret",
				start:      sub(name, refreshSecret, `{"use":"refresh"}`),
				settings:   []string{"--login=sub", "--refresh-claim=use=refresh"},
				identities: []any{"ana@example.com", 42},
			},
			library{
				name:       name + " with two secrets",
				start:      sub(name, accessSecret, `{}`),
				settings:   []string{"--login=sub"},
				identities: []any{"ana@example.com", 42},
				twoSecrets: true,
			})
	}
	return append(all,
		library{
			name: "Flask-JWT-Extended",
			start: func(t *testing.T) login {
				return python(t, "flask_login.py", refreshSecret)
			},
			settings:   []string{"--login=flask-jwt-extended"},
			identities: []any{"märy@example.com", 42},
		},
		library{
			name: "SimpleJWT",
			start: func(t *testing.T) login {
				return python(t, "django_login.py", refreshSecret)
			},
			settings:   []string{"--login=simplejwt"},
			identities: []any{42, "42"},
			noFresh:    true,
		},
		library{
			name:       "kalsel.dev",
			start:      kalsel,
			identities: []any{"ana@example.com"},
		})
}

func (l library) refreshd(t *testing.T) refreshd {
	t.Helper()
	args := append([]string{"--rotation",
		"--secret-file=" + secretFile(t, refreshSecret)}, l.settings...)
	if l.twoSecrets {
		args = append(args, "--access-secret-file="+secretFile(t, accessSecret))
	}
	return refreshd{t, shared.Start(t, args...).URL}
}

func TestLogins(t *testing.T) {
	t.Parallel()
	for _, l := range libraries() {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			have, service := l.start(t), l.refreshd(t)
			for _, identity := range l.identities {
				t.Run(fmt.Sprint(identity), func(t *testing.T) {
					have.t, service.t = t, t
					l.refreshes(have, service, identity)
				})
			}
			have.t, service.t = t, t
			expired := have.enter(l.identities[0], false, -time.Minute)
			service.want(http.StatusMisdirectedRequest, expired.Refresh)
			l.administers(have, service)
		})
	}
}

// refreshes logs in, redeems the refresh token twice, and logs out. The login's own API judges all
// tokens.
func (l library) refreshes(have login, service refreshd, identity any) {
	t := have.t
	t.Helper()
	entered := have.enter(identity, false, time.Hour)
	have.accepts("/me", entered.Access, identity)
	have.rejects("/me", entered.Refresh)
	service.want(http.StatusUnprocessableEntity, entered.Access)

	first := service.want(http.StatusOK, entered.Refresh)
	second := service.want(http.StatusOK, first.Refresh)
	for _, got := range []pair{first, second} {
		have.accepts("/me", got.Access, identity)
		have.rejects("/me", got.Refresh)
		have.accepts("/refresh", got.Refresh, identity)
		have.rejects("/refresh", got.Access)
		if !l.noFresh {
			have.rejects("/fresh", got.Access)
		}
		service.want(http.StatusUnprocessableEntity, got.Access)
	}
	for _, access := range []string{entered.Access, first.Access} {
		status, text := service.sessions(access, "")
		if status != http.StatusOK || strings.Count(text, `"id"`) != 1 {
			t.Errorf("the list of sessions: %d %s", status, text)
		}
	}
	if status, text := service.sessions(entered.Refresh, ""); status != http.StatusUnauthorized {
		t.Errorf("a refresh token lists sessions: %d %s", status, text)
	}

	service.revoke(second.Refresh)
	service.want(http.StatusUnprocessableEntity, second.Refresh)
	service.want(http.StatusUnprocessableEntity, entered.Refresh)
}

// administers lists the sessions of another identity with the login's own access token, which needs
// is_admin and fresh. An access token of a refresh does not allow it.
func (l library) administers(have login, service refreshd) {
	t := have.t
	t.Helper()
	user := have.enter(l.identities[0], false, time.Hour)
	service.want(http.StatusOK, user.Refresh)
	query := "?identity=" + strings.ReplaceAll(fmt.Sprint(l.identities[0]), "ä", "%C3%A4")

	var other any = "admin@example.com"
	if _, number := l.identities[0].(int); number {
		other = 1
	}
	admin := have.enter(other, true, time.Hour)
	status, text := service.sessions(admin.Access, query)
	switch {
	case l.noFresh && status != http.StatusForbidden:
		t.Errorf("administration without fresh: %d %s", status, text)
	case !l.noFresh && (status != http.StatusOK || strings.Count(text, `"id"`) != 1):
		t.Errorf("an administrator's list of sessions: %d %s", status, text)
	}
	later := service.want(http.StatusOK, admin.Refresh)
	if status, text := service.sessions(later.Access, query); status != http.StatusForbidden {
		t.Errorf("administration after a refresh: %d %s", status, text)
	}
}

// TestOneIdentity: 42 and "42" are one identity, for sessions and for sign-outs.
func TestOneIdentity(t *testing.T) {
	t.Parallel()
	l := library{settings: []string{"--login=flask-jwt-extended"}}
	have, service := python(t, "flask_login.py", refreshSecret), l.refreshd(t)
	number := have.enter(42, false, time.Hour)
	text := have.enter("42", false, time.Hour)
	other := have.enter("042", false, time.Hour)
	service.want(http.StatusOK, number.Refresh)
	last := service.want(http.StatusOK, text.Refresh)
	status, list := service.sessions(last.Access, "")
	if status != http.StatusOK || strings.Count(list, `"id"`) != 2 {
		t.Errorf("the list of sessions: %d %s", status, list)
	}

	admin := have.enter("admin@example.com", true, time.Hour)
	if status, text := exchange(t, http.MethodPost, service.url+"/api/v1/admin/revocations",
		admin.Access, `{"identity":"42"}`); status != http.StatusOK {
		t.Fatalf("the sign-out: %d %s", status, text)
	}
	for _, token := range []string{number.Refresh, text.Refresh, last.Refresh} {
		service.want(http.StatusUnprocessableEntity, token)
	}
	service.want(http.StatusOK, other.Refresh)
}
