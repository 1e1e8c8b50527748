package token_test

import (
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/impl/token"
)

// attack is one way of getting a token past a careless verifier, and the one fault that it must
// meet.
type attack struct {
	name string
	raw  string
	want error
}

func runAttacks(t *testing.T, v *token.Verifier, attacks []attack) {
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			got, err := v.Refresh(a.raw, now())
			wantFault(t, got, err, a.want)
		})
	}
}

func TestRefuseShapes(t *testing.T) {
	good := signed(t, sample)
	part := strings.Split(good, ".")
	runAttacks(t, verifier(t, token.Rules{}), []attack{
		{"good", good, nil},
		{"empty", "", token.ErrMalformed},
		{"one part", part[0], token.ErrMalformed},
		{"signature and its dot stripped", part[0] + "." + part[1], token.ErrMalformed},
		{"four parts", good + ".x", token.ErrMalformed},
		{"five parts (JWE)", "a.b.c.d.e", token.ErrMalformed},
		{"empty header", "." + part[1] + "." + part[2], token.ErrMalformed},
		{"empty claims, signature wrong", part[0] + ".." + part[2], token.ErrSignature},
		{"empty claims, signed", signed(t, ""), token.ErrMalformed},
		{"only dots", "..", token.ErrMalformed},
		{
			"1 MiB of claims",
			signed(t, with(`"x":"`+strings.Repeat("x", 1<<20)+`"`)),
			token.ErrMalformed,
		},
		{"1 MiB of dots", strings.Repeat(".", 1<<20), token.ErrMalformed},
		{"one byte too long", strings.Repeat("a", token.MaxLength+1), token.ErrMalformed},
		{"leading space", " " + good, token.ErrMalformed},
		{"trailing space", good + " ", token.ErrMalformed},
		{"Bearer in front", "Bearer " + good, token.ErrMalformed},
		{"NUL at the end", good + "\x00", token.ErrMalformed},
	})
}

func TestRefuseSecondEncodings(t *testing.T) {
	good := signed(t, sample)
	part := strings.Split(good, ".")
	runAttacks(t, verifier(t, token.Rules{}), []attack{
		{"padding behind the signature", good + "=", token.ErrMalformed},
		{"padding behind the header", part[0] + "=." + part[1] + "." + part[2], token.ErrMalformed},
		{
			"trailing bits in the signature",
			good[:len(good)-1] + next(good[len(good)-1]),
			token.ErrMalformed,
		},
		{
			"LF inside the signature",
			good[:len(good)-4] + "\n" + good[len(good)-4:],
			token.ErrMalformed,
		},
		{
			"CR inside the claims",
			part[0] + "." + part[1][:8] + "\r" + part[1][8:] + "." + part[2],
			token.ErrMalformed,
		},
		{"LF at the end", good + "\n", token.ErrMalformed},
		{
			"CR LF inside the header",
			part[0][:4] + "\r\n" + part[0][4:] + "." + part[1] + "." + part[2],
			token.ErrMalformed,
		},
		{
			"standard alphabet",
			part[0] + "." + part[1] + "." + strings.Repeat("+/", 21) + "A",
			token.ErrMalformed,
		},
		{
			"a length that base64 cannot have",
			part[0] + "." + part[1] + "." + part[2][:len(part[2])-2],
			token.ErrMalformed,
		},
	})
}

// next is the next character of the base64url alphabet: only bits change that carry nothing.
func next(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)+1])
}

func TestRefuseSignatures(t *testing.T) {
	good, other := signed(t, sample), signed(t, with(`"x":1`))
	part, foreign := strings.Split(good, "."), strings.Split(other, ".")
	runAttacks(t, verifier(t, token.Rules{}), []attack{
		{"stripped", part[0] + "." + part[1] + ".", token.ErrSignature},
		{"truncated", good[:len(good)-3], token.ErrSignature},
		{"longer", good[:len(good)-1] + "AAAAA", token.ErrSignature},
		{
			"swapped with another token's",
			part[0] + "." + part[1] + "." + foreign[2],
			token.ErrSignature,
		},
		{"claims of another token", part[0] + "." + foreign[1] + "." + part[2], token.ErrSignature},
		{"all zero", part[0] + "." + part[1] + "." + strings.Repeat("A", 43), token.ErrSignature},
		{
			"another secret",
			forge(t, jwt.SigningMethodHS256, []byte("another"), header, sample),
			token.ErrSignature,
		},
		{
			"the empty secret",
			forge(t, jwt.SigningMethodHS256, []byte{}, header, sample),
			token.ErrSignature,
		},
		{
			"claims not JSON, signature wrong",
			part[0] + "." + encode("no JSON") + "." + part[2],
			token.ErrSignature,
		},
	})
}

func TestRefuseHeaders(t *testing.T) {
	h := func(header string) string { return withHeader(t, header, sample) }
	unsigned := func(alg string) string {
		return encode(`{"alg":`+alg+`,"typ":"JWT"}`) + "." + encode(sample) + "."
	}
	evil := `{"kty":"oct","k":"` + encode(secret) + `"}`
	runAttacks(t, verifier(t, token.Rules{}), []attack{
		{"alg none, unsigned", unsigned(`"none"`), token.ErrAlgorithm},
		{"alg None, unsigned", unsigned(`"None"`), token.ErrAlgorithm},
		{"alg NONE, unsigned", unsigned(`"NONE"`), token.ErrAlgorithm},
		{"alg nOnE, unsigned", unsigned(`"nOnE"`), token.ErrAlgorithm},
		{"alg none with a space, unsigned", unsigned(`"none "`), token.ErrAlgorithm},
		{"alg none escaped, unsigned", unsigned(`"\u006eone"`), token.ErrAlgorithm},
		{"alg none with NUL, unsigned", unsigned(`"none\u0000"`), token.ErrAlgorithm},
		{"alg empty, unsigned", unsigned(`""`), token.ErrAlgorithm},
		{"alg null, unsigned", unsigned(`null`), token.ErrMalformed},
		{"alg none, properly signed", h(`{"alg":"none"}`), token.ErrAlgorithm},
		{"alg in lower case", h(`{"alg":"hs256"}`), token.ErrAlgorithm},
		{
			"another hash",
			forge(t, jwt.SigningMethodHS512, []byte(secret), `{"alg":"HS512"}`, sample),
			token.ErrAlgorithm,
		},
		{"another family", h(`{"alg":"RS256"}`), token.ErrAlgorithm},
		{"an algorithm that is not supported", h(`{"alg":"ES512"}`), token.ErrAlgorithm},
		{"alg missing", h(`{"typ":"JWT"}`), token.ErrMalformed},
		{"alg a number", h(`{"alg":256}`), token.ErrMalformed},
		{"alg an array", h(`{"alg":["HS256"]}`), token.ErrMalformed},
		{"alg twice", h(`{"alg":"HS256","alg":"none"}`), token.ErrMalformed},
		{"alg twice, once escaped", h(`{"alg":"HS256","\u0061lg":"none"}`), token.ErrMalformed},
		{"alg in another case", h(`{"alg":"HS256","ALG":"none"}`), token.ErrMalformed},
		{"crit", h(`{"alg":"HS256","crit":["b64"],"b64":true}`), token.ErrCritical},
		{"crit empty", h(`{"alg":"HS256","crit":[]}`), token.ErrCritical},
		{"crit null", h(`{"alg":"HS256","crit":null}`), token.ErrCritical},
		{"crit in another case", h(`{"alg":"HS256","Crit":["x"]}`), token.ErrMalformed},
		{"kid not a string", h(`{"alg":"HS256","kid":1}`), token.ErrMalformed},
		{"kid twice", h(`{"alg":"HS256","kid":"a","kid":"b"}`), token.ErrMalformed},
		{"typ not a string", h(`{"alg":"HS256","typ":{}}`), token.ErrMalformed},
		{"header an array", h(`["HS256"]`), token.ErrMalformed},
		{"header not JSON", h(`alg=HS256`), token.ErrMalformed},
		{"header with trailing data", h(header + `{}`), token.ErrMalformed},
		{"header with invalid UTF-8", h("{\"alg\":\"HS256\",\"x\":\"\xff\"}"), token.ErrMalformed},

		{"jwk of an attacker", forge(
			t,
			jwt.SigningMethodHS256,
			[]byte("attacker"),
			`{"alg":"HS256","jwk":{"kty":"oct","k":"`+encode(
				"attacker",
			)+`"}}`,
			sample,
		), token.ErrSignature},
		{"jwk ignored", h(`{"alg":"HS256","jwk":` + evil + `}`), nil},
		{"jku ignored", h(`{"alg":"HS256","jku":"https://attacker.example/keys"}`), nil},
		{"x5u ignored", h(`{"alg":"HS256","x5u":"https://attacker.example/cert"}`), nil},
		{"kid ignored with a plain secret", h(`{"alg":"HS256","kid":"../../../../dev/null"}`), nil},
	})
}

func TestRefuseKeyIDs(t *testing.T) {
	v := token.NewVerifier(keySet(t, newKey(t, "main", "HS256", []byte(secret))), token.Rules{})
	h := func(kid string) string { return withHeader(t, `{"alg":"HS256","kid":`+kid+`}`, sample) }
	empty := forge(t, jwt.SigningMethodHS256, []byte{}, `{"alg":"HS256","kid":"/dev/null"}`, sample)
	runAttacks(t, v, []attack{
		{"the right one", h(`"main"`), nil},
		{"the right one, escaped", h(`"\u006dain"`), nil},
		{"unknown", h(`"other"`), token.ErrUnknownKey},
		{"absent, and no key is marked for that", signed(t, sample), token.ErrUnknownKey},
		{"empty, and no key is marked for that", h(`""`), token.ErrUnknownKey},
		{"traversal to an empty file", empty, token.ErrUnknownKey},
		{"traversal", h(`"../../../../etc/passwd"`), token.ErrUnknownKey},
		{"SQL injection", h(`"x' UNION SELECT 'main' --"`), token.ErrUnknownKey},
		{"command injection", h(`"main|whoami"`), token.ErrUnknownKey},
		{"another case", h(`"MAIN"`), token.ErrUnknownKey},
		{"trailing NUL", h(`"main\u0000"`), token.ErrUnknownKey},
		{"null", h(`null`), token.ErrMalformed},
		{
			"alg none, and unknown",
			withHeader(t, `{"alg":"none","kid":"other"}`, sample),
			token.ErrAlgorithm,
		},
	})
}
