//go:build linux

package chaos

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"maps"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/token"
	"kalsel.dev/refresh/tests/server"
)

// service returns a service with a store in memory, for tests without time and other nodes.
func service(t *testing.T, keys jwk.Source) *session.Service {
	t.Helper()
	db := openStore(t, "sqlite::memory:")
	return newService(keys, db, newMachine(db))
}

func end(t *testing.T, n *session.Service, raw string) {
	t.Helper()
	if err := verdict(n, raw); err != nil {
		t.Fatalf("before its end the token must be accepted: %v", err)
	}
	if err := n.Logout(context.Background(), raw); err != nil {
		t.Fatal(err)
	}
	if !revoked(n, raw) {
		t.Fatalf("after its end: %v", verdict(n, raw))
	}
}

// TestRewrittenToken: without the key a revoked token can be rewritten in many ways, and none of
// them is accepted.
func TestRewrittenToken(t *testing.T) {
	for name, claims := range map[string]jwt.MapClaims{
		"with jti":    {"identity": "me", "jti": "7", "exp": time.Now().Add(time.Hour).Unix()},
		"without jti": {"identity": "me", "jti": "", "exp": time.Now().Add(time.Hour).Unix()},
	} {
		t.Run(name, func(t *testing.T) {
			n, raw := service(t, secretKeys(t)), sign(claims)
			end(t, n, raw)
			rapid.Check(t, func(t *rapid.T) {
				if other := rewrite(t, raw); accepts(n, other) {
					t.Fatalf("accepted: %q", other)
				}
			})
		})
	}
}

// rewrite changes a token in a few places, mostly in ways that lax decoders do not see.
func rewrite(t *rapid.T, raw string) string {
	invisible := []string{
		"\r",
		"\n",
		"\r\n",
		" ",
		"\t",
		"\x00",
		"=",
		"==",
		"\u200b",
		"\ufeff",
		".",
		"A",
		"-",
		"+",
		"/",
		"%3D",
	}
	for range rapid.IntRange(1, 3).Draw(t, "changes") {
		at := rapid.IntRange(0, len(raw)).Draw(t, "at")
		switch rapid.IntRange(0, 2).Draw(t, "how") {
		case 0:
			raw = raw[:at] + rapid.SampledFrom(invisible).Draw(t, "what") + raw[at:]
		case 1:
			raw = raw[:at] + string(rapid.Byte().Draw(t, "byte")) + raw[min(at+1, len(raw)):]
		default:
			raw = raw[:len(raw)-1] + string(
				rapid.SampledFrom(
					[]rune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")).
					Draw(t, "last"),
			)
		}
	}
	return raw
}

// TestMalleableSignature: a thief can change an ECDSA signature (r, s) to (r, n-s), which is valid
// too. The token still belongs to the same session.
func TestMalleableSignature(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	n := service(t, keySet(t, jwk.Spec{ID: "ec", Algorithm: "ES256", Material: key}))
	raw := signWith(
		t,
		jwt.SigningMethodES256,
		key,
		"ec",
		jwt.MapClaims{"identity": "me", "jti": "", "exp": time.Now().Add(time.Hour).Unix()},
	)
	other := otherSignature(t, raw)
	if other == raw || !accepts(n, other) {
		t.Fatalf("the other signature must be genuine: %v", verdict(n, other))
	}
	end(t, n, raw)
	if !revoked(n, other) {
		t.Errorf("with the other signature: %v", verdict(n, other))
	}
}

// otherSignature replaces s by n-s.
func otherSignature(t *testing.T, raw string) string {
	t.Helper()
	dot := strings.LastIndexByte(raw, '.')
	signature, err := base64.RawURLEncoding.DecodeString(raw[dot+1:])
	if err != nil {
		t.Fatal(err)
	}
	s := new(big.Int).SetBytes(signature[32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(signature[32:])
	return raw[:dot+1] + base64.RawURLEncoding.EncodeToString(signature)
}

// TestForeignNames: a login service whose key is not ours cannot move its tokens into other
// sessions, nor out of theirs, by the claims that we write into our own.
func TestForeignNames(t *testing.T) {
	theirs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys := keySet(t,
		jwk.Spec{ID: "ours", Algorithm: "HS256", Material: []byte(server.Secret)},
		jwk.Spec{ID: "theirs", Algorithm: "RS256", Material: &theirs.PublicKey},
	)
	claims := func(more jwt.MapClaims) string {
		all := jwt.MapClaims{"identity": "me", "jti": "7", "exp": time.Now().Add(time.Hour).Unix()}
		maps.Copy(all, more)
		return signWith(t, jwt.SigningMethodRS256, theirs, "theirs", all)
	}
	n := service(t, keys)
	zero, one := strings.Repeat("0", 64), strings.Repeat("0", 63)+"1"
	variants := []jwt.MapClaims{
		{"sid": one, "gen": 1}, {"sid": one},
		{
			"sid": zero,
			"gen": 1,
		}, {"sid": zero}, {"gen": 5}, {"sid": "", "gen": 0},
		{"sid": strings.Repeat("F", 64), "gen": 1}, {"name": "Other"},
		{"exp": time.Now().Add(30 * 24 * time.Hour).Unix()}, {"type": 1},
	}
	end(t, n, claims(nil))
	for _, v := range variants {
		if raw := claims(v); !revoked(n, raw) {
			t.Errorf("with %v: %v", v, verdict(n, raw))
		}
	}
	// And the session that the claims name is not theirs to end.
	id, err := revocation.ParseSessionID(one)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.RevokeSession(context.Background(), id, "", session.Origin{}); err != nil {
		t.Fatal(err)
	}
	if raw := claims(jwt.MapClaims{"jti": "8", "sid": one, "gen": 1}); !accepts(n, raw) {
		t.Errorf("a foreign sid named a session: %v", verdict(n, raw))
	}
}

// TestSpelledOtherwise: JSON can spell one jti in many ways. All of them mean the same session.
func TestSpelledOtherwise(t *testing.T) {
	n := service(t, secretKeys(t))
	claims := func(jti string) string {
		return signText(
			t,
			`{"identity":"me","jti":`+jti+`,"exp":`+big.NewInt(time.Now().Add(time.Hour).Unix()).
				String()+
				`}`,
		)
	}
	end(t, n, claims(`"a/é"`))
	for _, jti := range []string{`"\u0061/é"`, `"a\/é"`, `"a\u002Fé"`, `"a\u002f\u00e9"`,
		`"a/\u00E9"`} {
		if raw := claims(jti); !revoked(n, raw) {
			t.Errorf("%s: %v", jti, verdict(n, raw))
		}
	}
	if raw := claims(`"a/\u00e8"`); !accepts(n, raw) {
		t.Errorf("another jti is another session: %v", verdict(n, raw))
	}
}

// TestPartsDoNotRun: characters cannot move from one part of a session's name to the next without
// making another session.
func TestPartsDoNotRun(t *testing.T) {
	n := service(t, secretKeys(t))
	exp := time.Now().Add(time.Hour).Unix()
	end(t, n, sign(jwt.MapClaims{"iss": "ab", "identity": "c", "jti": "d", "exp": exp}))
	for _, other := range []jwt.MapClaims{
		{"iss": "a", "identity": "bc", "jti": "d", "exp": exp},
		{"iss": "ab", "identity": "cd", "jti": "", "exp": exp},
		{"identity": "abc", "jti": "d", "exp": exp},
	} {
		if raw := sign(other); !accepts(n, raw) {
			t.Errorf("%v shares a session with another: %v", other, verdict(n, raw))
		}
	}
}

// TestForgedLogout: a token that is not genuine ends nothing.
func TestForgedLogout(t *testing.T) {
	n, raw := service(t, secretKeys(t)), newToken()
	if err := n.Logout(context.Background(), raw[:len(raw)-4]+"AAAA"); !errors.Is(
		err,
		token.ErrSignature,
	) &&
		!errors.Is(err, token.ErrMalformed) {
		t.Errorf("got %v", err)
	}
	if !accepts(n, raw) {
		t.Errorf("the session was ended: %v", verdict(n, raw))
	}
}
