package session_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/token"
)

const ownSession = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

// login is a login service's token with the sample's claims, which has the session that any change
// is compared with.
func login(change func(*token.Token)) *token.Token {
	t := &token.Token{SigningInput: "aaa.bbb"}
	t.Issuer, t.Identity, t.ID = "iss", "whois.muchlis@gmail.com", "jti"
	if change != nil {
		change(t)
	}
	return t
}

func TestIDOf(t *testing.T) {
	base := session.IDOf(login(nil))
	for _, c := range []struct {
		name   string
		change func(*token.Token)
		same   bool
	}{
		{"another signing input", func(t *token.Token) { t.SigningInput = "aaa.ccc" }, true},
		{"another key", func(t *token.Token) { t.KeyID, t.IssuerKey = "other", "thumbprint" },
			true},
		{"foreign sid and gen", func(t *token.Token) { t.Session, t.Generation = ownSession, 1 },
			true},
		{"own sid and gen",
			func(t *token.Token) { t.Own, t.Session, t.Generation = true, ownSession, 1 }, false},
		{"own gen, sid of zeros, which names no session", func(t *token.Token) {
			t.Own, t.Session, t.Generation = true, strings.Repeat("0", 64), 1
		}, true},
		{"another jti", func(t *token.Token) { t.ID = "jtj" }, false},
		{"jti with a space", func(t *token.Token) { t.ID = "jti " }, false},
		{"another identity", func(t *token.Token) { t.Identity = "Whois.muchlis@gmail.com" },
			false},
		{"another issuer", func(t *token.Token) { t.Issuer = "" }, false},
		{"parts shifted",
			func(t *token.Token) { t.Issuer, t.Identity = "issw", "hois.muchlis@gmail.com" },
			false},
		{"no jti", func(t *token.Token) { t.ID = "" }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := session.IDOf(login(c.change)); (got == base) != c.same {
				t.Errorf("session %v, the login's is %v", got, base)
			}
		})
	}
	t.Run("own sid is the session", func(t *testing.T) {
		got := session.IDOf(login(func(t *token.Token) {
			t.Own, t.Session, t.Generation = true, ownSession, 7
		}))
		if got.String() != ownSession {
			t.Errorf("got %v", got)
		}
	})
	t.Run("without jti each signing input is a session", func(t *testing.T) {
		first := session.IDOf(login(func(t *token.Token) { t.ID = "" }))
		other := session.IDOf(login(func(t *token.Token) { t.ID, t.SigningInput = "", "aaa.ccc" }))
		if first == other {
			t.Error("two tokens have one session")
		}
	})
	t.Run("pinned", func(t *testing.T) {
		// printf '\0\0\0\0\0\0\0\3iss\0\0\0\0\0\0\0\27whois.muchlis@gmail.com\0\0\0\0\0\0\0\3jti' |
		// sha256sum
		const want = "11bf1e6fdfc5ab7b633953cfe22e530256dbe7fa69053b804fb5578b29a02aa6"
		if got := base.String(); got != want {
			t.Errorf("got %s, want %s: sessions that were revoked before would come back", got,
				want)
		}
	})
}

func TestIDOfDoesNotAllocate(t *testing.T) {
	tok := login(nil)
	if n := testing.AllocsPerRun(100, func() { session.IDOf(tok) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestIDOfIsInjective: two tokens of logins have one session only if issuer, identity and jti are
// the same.
func TestIDOfIsInjective(t *testing.T) {
	part := rapid.StringOfN(rapid.SampledFrom([]rune("a\x00\x01\r\n.é")), 0, 4, -1)
	draw := func(t *rapid.T, name string) *token.Token {
		return login(func(tok *token.Token) {
			tok.Issuer, tok.Identity, tok.ID = part.Draw(t,
				name+" iss"), part.Draw(t, name+" identity"), "j"+part.Draw(t, name+" jti")
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw(t, "a"), draw(t, "b")
		same := fmt.Sprintf("%q%q%q", a.Issuer, a.Identity,
			a.ID) == fmt.Sprintf("%q%q%q", b.Issuer, b.Identity, b.ID)
		if (session.IDOf(a) == session.IDOf(b)) != same {
			t.Errorf("%v and %v", a.Claims, b.Claims)
		}
	})
}
