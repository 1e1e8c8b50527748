package token_test

import (
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/token"
)

func TestRefuseClaims(t *testing.T) {
	exp := func(value string) string { return signed(t, instead(t, "exp", value)) }
	plus := func(members string) string { return signed(t, with(members)) }
	runAttacks(t, verifier(t, token.Rules{}), []attack{
		{"exp missing", signed(t, without(t, "exp")), token.ErrNoExpiry},
		{"exp null", exp(`null`), token.ErrMalformed},
		{"exp a string", exp(`"1611318219"`), token.ErrMalformed},
		{"exp true", exp(`true`), token.ErrMalformed},
		{"exp negative", exp(`-1`), token.ErrMalformed},
		{"exp negative zero", exp(`-0`), token.ErrMalformed},
		{"exp huge", exp(`1e400`), token.ErrMalformed},
		{"exp above 2^53", exp(`9007199254740993`), token.ErrMalformed},
		{"exp above an int64", exp(`18446744073709551616`), token.ErrMalformed},
		{"exp NaN", exp(`NaN`), token.ErrMalformed},
		{"exp Infinity", exp(`Infinity`), token.ErrMalformed},
		{"exp hexadecimal", exp(`0x60`), token.ErrMalformed},
		{"exp with a leading zero", exp(`01611318219`), token.ErrMalformed},
		{"exp with a plus", exp(`+1611318219`), token.ErrMalformed},
		{"exp an array", exp(`[1611318219]`), token.ErrMalformed},
		{"exp 2^53", exp(`9007199254740992`), nil},
		{"exp a fraction", exp(`1611318219.9`), nil},
		{"exp with an exponent", exp(`1.611318219e9`), nil},
		{"exp zero", exp(`0`), token.ErrExpired},
		{"exp a tiny fraction", exp(`1e-400`), token.ErrExpired},
		{"exp in the past", exp(`1610999999`), token.ErrExpired},
		{"exp now", exp(`1611000000`), token.ErrExpired},
		{"exp now, with a fraction", exp(`1611000000.9`), token.ErrExpired},
		{"exp in a second", exp(`1611000001`), nil},

		{"iat in 60 s", plus(`"iat":1611000060`), nil},
		{"iat in 61 s", plus(`"iat":1611000061`), &token.Early{Missing: time.Second}},
		{"iat in 15 min", plus(`"iat":1611000900`), &token.Early{Missing: 14 * time.Minute}},
		{"iat in more than 15 min", plus(`"iat":1611000901`), token.ErrNotYet},
		{"iat a string", plus(`"iat":"1611000000"`), token.ErrMalformed},
		{"nbf in 60 s", plus(`"nbf":1611000060.9`), nil},
		{"nbf in 61 s", plus(`"nbf":1611000061`), &token.Early{Missing: time.Second}},
		{"nbf null", plus(`"nbf":null`), token.ErrMalformed},
		{
			"nbf in the future of an expired token",
			signed(t, `{"identity":"a","exp":1,"nbf":1611000061}`),
			token.ErrNotYet,
		},

		{"type 1", plus(`"type":1`), nil},
		{"an access token", plus(`"type":0`), token.ErrNotRefresh},
		{
			"an expired access token",
			signed(t, `{"identity":"a","exp":1,"type":0}`),
			token.ErrNotRefresh,
		},
		{"type 2", plus(`"type":2`), token.ErrNotRefresh},
		{"type -1", plus(`"type":-1`), token.ErrNotRefresh},
		{"type 1.0", plus(`"type":1.0`), token.ErrMalformed},
		{"type 1e0", plus(`"type":1e0`), token.ErrMalformed},
		{"type \"1\"", plus(`"type":"1"`), token.ErrMalformed},
		{"type true", plus(`"type":true`), token.ErrMalformed},
		{"type null", plus(`"type":null`), token.ErrMalformed},
		{"fresh", plus(`"fresh":true`), token.ErrNotRefresh},
		{"fresh and type 1", plus(`"type":1,"fresh":true`), token.ErrNotRefresh},
		{"not fresh", plus(`"fresh":false`), nil},
		{"fresh 1", plus(`"fresh":1`), token.ErrMalformed},
		{"fresh \"false\"", plus(`"fresh":"false"`), token.ErrMalformed},
		{"is_admin 1", signed(t, instead(t, "is_admin", `1`)), token.ErrMalformed},
		{"is_admin null", signed(t, instead(t, "is_admin", `null`)), token.ErrMalformed},

		{"identity missing", signed(t, without(t, "identity")), token.ErrNoIdentity},
		{"identity empty", signed(t, instead(t, "identity", `""`)), token.ErrNoIdentity},
		{"identity null", signed(t, instead(t, "identity", `null`)), token.ErrMalformed},
		{"identity a number", signed(t, instead(t, "identity", `7`)), token.ErrMalformed},
		{"no identity in an expired token", signed(t, `{"exp":1}`), token.ErrNoIdentity},
		{"jti a number", signed(t, instead(t, "jti", `7`)), token.ErrMalformed},
		{"iss a number", plus(`"iss":7`), token.ErrMalformed},
		{"aud an object", plus(`"aud":{}`), token.ErrMalformed},
		{"aud with a number", plus(`"aud":["a",7]`), token.ErrMalformed},
		{"aud nested", plus(`"aud":[["a"]]`), token.ErrMalformed},
		{"sid and gen that mean something else", plus(`"sid":7,"gen":"third"`), nil},
	})
}

func TestRefuseLooseJSON(t *testing.T) {
	plus := func(members string) string { return signed(t, with(members)) }
	runAttacks(t, verifier(t, token.Rules{}), []attack{
		{"a claim twice", plus(`"is_admin":false`), token.ErrMalformed},
		{"a claim twice, once escaped", plus(`"is\u005fadmin":false`), token.ErrMalformed},
		{"a custom claim twice", plus(`"name":"x"`), token.ErrMalformed},
		{"a name twice within a claim", plus(`"x":{"a":1,"a":2}`), token.ErrMalformed},
		{"IS_ADMIN", plus(`"IS_ADMIN":true`), token.ErrMalformed},
		{"Exp", plus(`"Exp":9999999999`), token.ErrMalformed},
		{"identity in Kelvin signs and long s", plus(`"i\u017fs":"x"`), token.ErrMalformed},
		{"EXP alone", signed(t, `{"identity":"a","EXP":9999999999}`), token.ErrMalformed},
		{"a custom claim in capitals", plus(`"ROLE":"x"`), nil},
		{"trailing data", signed(t, sample+`{}`), token.ErrMalformed},
		{"trailing comma", signed(t, strings.TrimSuffix(sample, "}")+",}"), token.ErrMalformed},
		{"a comment", signed(t, "/**/"+sample), token.ErrMalformed},
		{"not closed", signed(t, strings.TrimSuffix(sample, "}")), token.ErrMalformed},
		{"an array", signed(t, "["+sample+"]"), token.ErrMalformed},
		{"null", signed(t, "null"), token.ErrMalformed},
		{"a string", signed(t, `"x"`), token.ErrMalformed},
		{"nothing", signed(t, ""), token.ErrMalformed},
		{"a byte order mark", signed(t, "\ufeff"+sample), token.ErrMalformed},
		{"invalid UTF-8 in a value", plus("\"x\":\"\xc3\x28\""), token.ErrMalformed},
		{"invalid UTF-8 in a name", plus("\"\xff\":1"), token.ErrMalformed},
		{"half a surrogate pair", plus(`"x":"\ud800"`), token.ErrMalformed},
		{"a raw control character", plus("\"x\":\"\x01\""), token.ErrMalformed},
		{"a number beyond a float64", plus(`"x":1e400`), token.ErrMalformed},
		{"such a number within a claim", plus(`"x":[{"y":-1e400}]`), token.ErrMalformed},
		{
			"such a number without exponent",
			plus(`"x":` + strings.Repeat("9", 400)),
			token.ErrMalformed,
		},
		{
			"too deep",
			plus(`"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100)),
			token.ErrMalformed,
		},
		{"deep enough", plus(`"x":` + strings.Repeat("[", 60) + strings.Repeat("]", 60)), nil},
		{"white space around", signed(t, " \t\r\n"+sample+"\n"), nil},
	})
}

func TestAccess(t *testing.T) {
	v := verifier(t, token.Rules{})
	for _, a := range []attack{
		{"access token", signed(t, with(`"type":0`)), nil},
		{"refresh token", signed(t, with(`"type":1`)), token.ErrNotAccess},
		{"no type", signed(t, sample), token.ErrNotAccess},
		{"type false", signed(t, with(`"type":false`)), token.ErrMalformed},
		{"type negative zero", signed(t, with(`"type":-0`)), token.ErrMalformed},
		{"fresh", signed(t, with(`"type":0,"fresh":true`)), nil},
		{"iat in 61 s", signed(t, with(`"type":0,"iat":1611000061`)),
			&token.Early{Missing: time.Second}},
		{"iat in more than 15 min", signed(t, with(`"type":0,"iat":1611000901`)), token.ErrNotYet},
		{"bound to a key", signed(t, with(`"type":0,"cnf":{}`)), token.ErrBound},
		{"typ of an access token",
			withHeader(t, `{"alg":"HS256","typ":"at+jwt"}`, with(`"type":0`)), nil},
		{"typ of a logout token",
			withHeader(t, `{"alg":"HS256","typ":"logout+jwt"}`, with(`"type":0`)),
			token.ErrNotAccess},
		{"expired", signed(t, `{"identity":"a","type":0,"exp":1}`), token.ErrExpired},
		{"is_admin \"true\"",
			signed(t, `{"identity":"a","type":0,"exp":9999999999,"is_admin":"true"}`),
			token.ErrMalformed},
	} {
		t.Run(a.name, func(t *testing.T) {
			got, err := v.Access(a.raw, now())
			wantFault(t, got, err, a.want)
		})
	}
}

func TestTokenTellsWhatItSays(t *testing.T) {
	raw := signed(
		t,
		`{"identity":"a\u0041","exp":1611003600.5,"iat":1610999000,"nbf":1610999001,"jti":"j","iss":"i",`+
			`"aud":["x","\u0079"],"type":1,"is_admin":true,"fresh":false,"sid":"s\u0041","gen":3}`,
	)
	got, err := verifier(t, token.Rules{}).Refresh(raw, now())
	wantFault(t, got, err, nil)
	if got.Identity != "aA" || got.ID != "j" || got.Issuer != "i" ||
		strings.Join(got.Audience, " ") != "x y" ||
		got.Session != "sA" {
		t.Errorf("texts: %+v", got)
	}
	if got.Expires != 1611003600 || got.IssuedAt != 1610999000 || got.NotBefore != 1610999001 ||
		got.Generation != 3 {
		t.Errorf("numbers: %+v", got)
	}
	if !got.HasType || !got.HasIssuedAt || !got.HasNotBefore || !got.Admin || got.Fresh || got.Own {
		t.Errorf("flags: %+v", got)
	}
	if got.SigningInput != raw[:strings.LastIndexByte(raw, '.')] {
		t.Errorf("signing input: %q", got.SigningInput)
	}
}

func TestGenerationIsAPositiveInteger(t *testing.T) {
	for value, want := range map[string]int64{
		`1`:                    1,
		`9007199254740993`:     9007199254740993,
		`0`:                    0,
		`-1`:                   0,
		`1.0`:                  0,
		`1e3`:                  0,
		`"1"`:                  0,
		`null`:                 0,
		`[1]`:                  0,
		`99999999999999999999`: 0,
	} {
		got, err := verifier(t, token.Rules{}).Refresh(signed(t, with(`"gen":`+value)), now())
		wantFault(t, got, err, nil)
		if got.Generation != want {
			t.Errorf("gen %s: got %d, want %d", value, got.Generation, want)
		}
	}
}

func TestIssued(t *testing.T) {
	month := token.Rules{TokenLifetime: 30 * 24 * 3_600_000_000_000}
	for name, c := range map[string]struct {
		rules token.Rules
		raw   string
		at    int64
		known bool
	}{
		"iat":               {month, signed(t, with(`"iat":1610000000`)), 1610000000, true},
		"exp less lifetime": {month, signed(t, sample), 1611318219 - 30*24*3600, true},
		"unknown":           {token.Rules{}, signed(t, sample), 0, false},
	} {
		got, err := verifier(t, c.rules).Refresh(c.raw, now())
		wantFault(t, got, err, nil)
		if at, known := got.Issued(); at != c.at || known != c.known {
			t.Errorf("%s: got %d %v, want %d %v", name, at, known, c.at, c.known)
		}
	}
}
