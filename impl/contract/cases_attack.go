package contract

import (
	"fmt"
	"strings"
	"time"
)

// badToken is a refresh token that must be answered 422 to a refresh and, unless only its time is wrong,
// to a logout.
type badToken struct {
	name, rule string
	cause      string // judged where Target.Exact is set
	token      func(sketch) string
}

func badTokens() []badToken {
	return concat(badForLogout(), aheadTokens())
}

func badForLogout() []badToken {
	return concat(badShapes(), badSignatures(), badClaims(), badTimes())
}

func concat(lists ...[]badToken) []badToken {
	var all []badToken
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// parts splits a signed token.
func parts(s sketch) (header, claims, signature string) {
	p := strings.Split(s.sign(), ".")
	return p[0], p[1], p[2]
}

func badShapes() []badToken {
	text := func(name, rule, token string) badToken {
		return badToken{"shape, " + name, rule, malformed, func(sketch) string { return token }}
	}
	return []badToken{
		text("a word", "Any string that is no token is 422, not 400.", "hello"),
		text("a space", "A space is no token.", " "),
		text("two dots", "Three empty parts are no token.", ".."),
		text("Unicode", "Letters outside of base64url are no token.", "é.é.é"),
		{"shape, two parts", "A token has three parts.", malformed, func(s sketch) string {
			h, c, _ := parts(s)
			return h + "." + c
		}},
		{"shape, five parts", "An encrypted token (five parts) is refused.", malformed, func(s sketch) string { return s.sign() + ".a.b" }},
		{"shape, Bearer", "The prefix Bearer does not belong here.", malformed, func(s sketch) string { return "Bearer " + s.sign() }},
		{"shape, space at the end", "White space around a token is refused.", malformed, func(s sketch) string { return s.sign() + " " }},
		{"shape, line feed inside", "A line feed inside a token is refused.", malformed, func(s sketch) string {
			h, c, sig := parts(s)
			return h + "." + c[:4] + "\n" + c[4:] + "." + sig
		}},
		{"shape, line feed at the end", "A line feed at the end is refused.", malformed, func(s sketch) string { return s.sign() + "\n" }},
		{"shape, padding", "base64url is written without padding (RFC 7515 section 2).", malformed, func(s sketch) string { return s.sign() + "=" }},
		{"shape, trailing bits", "A second spelling of the same signature is refused.", malformed, otherTrailingBits},
		{"shape, header is no JSON", "The header must be JSON.", malformed, func(s sketch) string { return signText("{alg:HS256}", s.claims.String(), s.key) }},
		{"shape, header is an array", "The header must be a JSON object.", malformed, func(s sketch) string { return signText(`["HS256"]`, s.claims.String(), s.key) }},
		{"shape, claims are no JSON", "The claims must be JSON.", malformed, func(s sketch) string { return signText(s.header.String(), "claims", s.key) }},
		{"shape, claims are null", "The claims must be a JSON object.", malformed, func(s sketch) string { return signText(s.header.String(), "null", s.key) }},
		{"shape, data after the claims", "Nothing may follow the claims.", malformed, func(s sketch) string { return signText(s.header.String(), s.claims.String()+"{}", s.key) }},
		{"shape, claim twice", "A claim may appear once.", malformed, func(s sketch) string {
			s.claims = s.claims.add("identity", `"somebody.else@example.com"`)
			return s.sign()
		}},
		{"shape, claim in another case", "IS_ADMIN is not is_admin and is refused.", malformed, func(s sketch) string { return s.claim("IS_ADMIN", "true").sign() }},
		{"shape, alg twice", "A header parameter may appear once.", malformed, func(s sketch) string {
			s.header = s.header.add("alg", `"none"`)
			return s.sign()
		}},
		{"shape, invalid UTF-8", "The claims must be UTF-8.", malformed, func(s sketch) string { return s.claim("name", "\"\xff\"").sign() }},
		{"shape, crit", "A token that needs an extension (crit) is refused.", critical, func(s sketch) string { return s.head("crit", `["exp"]`).sign() }},
	}
}

// otherTrailingBits rewrites the last character so that a lax decoder reads the same signature: of its six bits two mean nothing.
func otherTrailingBits(s sketch) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	token := s.sign()
	last := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + string(alphabet[last|1])
}

func badSignatures() []badToken {
	all := []badToken{
		{"signature, another secret", "A token that somebody else signed is refused.", signature, func(s sketch) string {
			s.key = []byte("another secret, long enough for HS256, and wrong")
			return s.sign()
		}},
		{"signature, missing", "A token whose signature was taken away is refused.", signature, func(s sketch) string {
			h, c, _ := parts(s)
			return h + "." + c + "."
		}},
		{"signature, cut off", "A token whose signature was cut off is refused.", signature, func(s sketch) string {
			h, c, sig := parts(s)
			return h + "." + c + "." + sig[:40]
		}},
		{"signature, of another token", "The signature of another token is refused.", signature, func(s sketch) string {
			h, c, _ := parts(s)
			_, _, other := parts(s.claim("jti", `"other"`))
			return h + "." + c + "." + other
		}},
		{"signature, claims changed", "Claims that were changed after signing are refused.", signature, func(s sketch) string {
			h, _, sig := parts(s)
			_, c, _ := parts(s.claim("is_admin", "true"))
			return h + "." + c + "." + sig
		}},
		{"signature, expired and forged", "A forged token is 422, expired or not.", signature, func(s sketch) string {
			s.key = []byte("another secret, long enough for HS256, and wrong")
			return s.claim("exp", "1611318219").sign()
		}},
		{"signature, own key in jwk", "A token cannot bring its own key.", signature, func(s sketch) string {
			own := []byte("the attacker's own key, long enough for HS256")
			s = s.head("jwk", `{"kty":"oct","k":"`+encode(own)+`"}`).head("jku", `"https://attacker.example/keys"`).head("x5u", `"https://attacker.example/cert"`)
			s.key = own
			return s.sign()
		}},
		{"algorithm, missing", "A header without alg is refused.", malformed, func(s sketch) string {
			s.header = s.header.drop("alg")
			return s.sign()
		}},
	}
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "", "hs256", "HS384", "HS512", "RS256", "ES256", "EdDSA"} {
		all = append(all, badToken{
			name: fmt.Sprintf("algorithm, %q", alg), rule: "Only the key's own algorithm is accepted, HS256.", cause: algorithm,
			token: func(s sketch) string { return s.head("alg", quote(alg)).sign() },
		})
	}
	return append(all, badToken{"algorithm, none without a signature", "An unsigned token is refused.", algorithm, func(s sketch) string {
		h, c, _ := parts(s.head("alg", `"none"`))
		return h + "." + c + "."
	}})
}

func badClaims() []badToken {
	claim := func(name, rule, cause, claim, value string) badToken {
		return badToken{"claims, " + name, rule, cause, func(s sketch) string { return s.claim(claim, value).sign() }}
	}
	return []badToken{
		claim("access token", "An access token (type 0) cannot extend itself.", notRefresh, "type", "0"),
		claim("type 2", "An unknown type is refused.", notRefresh, "type", "2"),
		claim("type 1.0", "type must be a whole number.", malformed, "type", "1.0"),
		claim("type in quotes", "type must be a number.", malformed, "type", `"1"`),
		claim("type null", "type must be a number.", malformed, "type", "null"),
		claim("fresh", "A fresh token is never a refresh token.", notRefresh, "fresh", "true"),
		claim("fresh in quotes", "fresh must be true or false.", malformed, "fresh", `"false"`),
		claim("is_admin in quotes", "is_admin must be true or false.", malformed, "is_admin", `"true"`),
		claim("is_admin 1", "is_admin must be true or false.", malformed, "is_admin", "1"),
		claim("identity empty", "A token must say whose it is.", noIdentity, "identity", `""`),
		claim("identity number", "identity must be a string.", malformed, "identity", "7"),
		claim("identity null", "identity must be a string.", malformed, "identity", "null"),
		{"claims, no identity", "A token must say whose it is.", noIdentity, func(s sketch) string { return s.without("identity").sign() }},
		{"claims, access token expired", "421 only if expiry is the only fault.", notRefresh, func(s sketch) string {
			return s.claim("type", "0").claim("exp", "1611318219").sign()
		}},
		{"claims, no identity and expired", "421 only if expiry is the only fault.", noIdentity, func(s sketch) string {
			return s.without("identity").claim("exp", "1611318219").sign()
		}},
	}
}

func badTimes() []badToken {
	exp := func(name, rule, value string) badToken {
		return badToken{"times, exp " + name, rule, malformed, func(s sketch) string { return s.claim("exp", value).sign() }}
	}
	return []badToken{
		{"times, no exp", "A token without exp is refused.", noExpiry, func(s sketch) string { return s.without("exp").sign() }},
		exp("null", "exp must be a number.", "null"),
		exp("in quotes", "exp must be a number.", `"4102444800"`),
		exp("boolean", "exp must be a number.", "true"),
		exp("negative", "exp must not be negative.", "-1"),
		exp("beyond 2^53", "exp must not be above 2^53.", "9007199254740994"),
		exp("1e400", "exp must be a number that exists.", "1e400"),
		exp("NaN", "NaN is not JSON.", "NaN"),
	}
}

// aheadTokens are not valid yet. Logout ignores that: to revoke a session early harms nobody.
func aheadTokens() []badToken {
	ahead := func(claim string) badToken {
		return badToken{"times, " + claim + " ahead", claim + " in the future is refused.", notYet, func(s sketch) string {
			return s.claim(claim, number(time.Now().Unix()+3600)).sign()
		}}
	}
	return []badToken{
		ahead("iat"),
		ahead("nbf"),
		{"times, nbf ahead and expired", "421 only if expiry is the only fault.", notYet, func(s sketch) string {
			return s.claim("nbf", number(time.Now().Unix()+3600)).claim("exp", "1611318219").sign()
		}},
	}
}
