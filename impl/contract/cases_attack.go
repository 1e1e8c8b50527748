package contract

import (
	"fmt"
	"slices"
	"strings"
)

// badToken is a refresh token that must be answered 422 to a refresh and, unless only its time is
// wrong, to a logout.
type badToken struct {
	name, rule string
	cause      string // judged at LevelExact
	token      func(sketch) string
	left       func(Target) string
}

// badTokens are made from an acceptable refresh token.
func badTokens() []badToken { return slices.Concat(badForLogout(), aheadTokens()) }

func badForLogout() []badToken {
	return slices.Concat(badShapes(), badSignatures(), badAlgorithms(), badClaims(), badTimes())
}

func attack(name, rule, cause string, token func(sketch) string) badToken {
	return badToken{name: name, rule: rule, cause: cause, token: token}
}

// parts returns the three parts of the signed token.
func parts(s sketch) (header, claims, signature string) {
	p := strings.Split(s.sign(), ".")
	return p[0], p[1], p[2]
}

func badShapes() []badToken {
	shape := func(name, rule string, token func(sketch) string) badToken {
		return attack("shape, "+name, rule, malformed, token)
	}
	text := func(name, rule, token string) badToken {
		return shape(name, rule, func(sketch) string { return token })
	}
	raw := func(name, rule string, header, claims func(string) string) badToken {
		return shape(name, rule, func(s sketch) string {
			return signText(header(s.header.String()), claims(s.text()), s.key)
		})
	}
	same := func(text string) string { return text }
	to := func(text string) func(string) string { return func(string) string { return text } }
	return []badToken{
		text("a word", "A string that is not a token is 422, not 400.", "hello"),
		text("a space", "A space is not a token.", " "),
		text("two dots", "Three empty parts are not a token.", ".."),
		text("Unicode", "Letters outside of base64url are not a token.", "é.é.é"),
		shape("two parts", "A token has three parts.", func(s sketch) string {
			h, c, _ := parts(s)
			return h + "." + c
		}),
		shape("five parts", "An encrypted token (five parts) is rejected.",
			func(s sketch) string { return s.sign() + ".a.b" }),
		shape("Bearer", "The prefix Bearer does not belong in the body.",
			func(s sketch) string { return "Bearer " + s.sign() }),
		shape("space at the end", "White space around a token is rejected.",
			func(s sketch) string { return s.sign() + " " }),
		shape("line feed inside", "A line feed inside a token is rejected.", func(s sketch) string {
			h, c, sig := parts(s)
			return h + "." + c[:4] + "\n" + c[4:] + "." + sig
		}),
		shape("line feed at the end", "A line feed after a token is rejected.",
			func(s sketch) string { return s.sign() + "\n" }),
		shape("padding", "base64url has no padding (RFC 7515 section 2).",
			func(s sketch) string { return s.sign() + "=" }),
		otherSpelling(),
		raw("header is no JSON", "The header must be JSON.", to("{alg:HS256}"), same),
		raw("header is an array", "The header must be a JSON object.", to(`["HS256"]`), same),
		raw("claims are no JSON", "The claims must be JSON.", same, to("claims")),
		raw("claims are null", "The claims must be a JSON object.", same, to("null")),
		raw("data after the claims", "Nothing may follow the claims.", same,
			func(claims string) string { return claims + "{}" }),
		shape("claim twice", "A claim may appear once.", func(s sketch) string {
			s.claims = s.claims.add("identity", `"another@example.com"`)
			return s.sign()
		}),
		shape("claim in another case", "IS_ADMIN is not is_admin and is rejected.",
			func(s sketch) string { return s.claim("IS_ADMIN", "true").sign() }),
		shape("alg twice", "A header parameter may appear once.", func(s sketch) string {
			s.header = s.header.add("alg", `"none"`)
			return s.sign()
		}),
		shape("invalid UTF-8", "The claims must be UTF-8.",
			func(s sketch) string { return s.claim("name", "\"\xff\"").sign() }),
		attack("shape, crit", "A token that needs an extension (crit) is rejected.", critical,
			func(s sketch) string { return s.head("crit", `["exp"]`).sign() }),
	}
}

// otherSpelling rewrites the last character of a token. A lax decoder reads the same signature,
// because not all of the character's six bits belong to it.
func otherSpelling() badToken {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	b := attack(
		"shape, trailing bits",
		"A second spelling of the same signature is rejected.",
		malformed,
		func(s sketch) string {
			token := s.sign()
			last := strings.IndexByte(alphabet, token[len(token)-1])
			return token[:len(token)-1] + string(alphabet[last|1])
		},
	)
	b.left = func(t Target) string {
		_, _, signature := parts(
			sketch{header: object{{"alg", quote(t.Keys[0].algorithm)}}, key: t.Keys[0]},
		)
		return reason(len(signature)%4 == 0, "a signature of this length has one spelling")
	}
	return b
}

func badSignatures() []badToken {
	forged := func(name, rule string, token func(sketch) string) badToken {
		return attack("signature, "+name, rule, signature, token)
	}
	return []badToken{
		forged("another secret", "A token signed with another key is rejected.",
			func(s sketch) string { return s.forged().sign() }),
		forged(
			"missing",
			"A token without a signature is rejected.",
			func(s sketch) string {
				h, c, _ := parts(s)
				return h + "." + c + "."
			},
		),
		forged(
			"cut off",
			"A token with a truncated signature is rejected.",
			func(s sketch) string {
				h, c, sig := parts(s)
				return h + "." + c + "." + sig[:40]
			},
		),
		forged(
			"of another token",
			"The signature of another token is rejected.",
			func(s sketch) string {
				h, c, _ := parts(s)
				_, _, other := parts(s.claim("jti", `"other"`))
				return h + "." + c + "." + other
			},
		),
		forged(
			"claims changed",
			"Claims that were changed after signing are rejected.",
			func(s sketch) string {
				h, _, sig := parts(s)
				_, c, _ := parts(s.claim("is_admin", "true"))
				return h + "." + c + "." + sig
			},
		),
		forged("expired and forged", "A forged token is 422, even if it has expired.",
			func(s sketch) string { return s.claim("exp", number(longAgo)).forged().sign() }),
		forged(
			"own key in jwk",
			"A token cannot bring its own key.",
			func(s sketch) string {
				const own = "the attacker's own key, long enough for HS256"
				s = s.head("jwk", `{"kty":"oct","k":"`+encode([]byte(own))+`"}`)
				s = s.head("jku", `"https://attacker.example/keys"`).
					head("x5u", `"https://attacker.example/cert"`)
				if s.key.secret() {
					s.key.private = []byte(own)
					return s.sign()
				}
				return s.forged().sign()
			},
		),
	}
}

func badAlgorithms() []badToken {
	all := []badToken{
		attack(
			"algorithm, missing",
			"A header without alg is rejected.",
			malformed,
			func(s sketch) string {
				s.header = s.header.drop("alg")
				return s.sign()
			},
		),
	}
	for _, alg := range []string{
		"none", "None", "NONE", "nOnE", "", "hs256", "HS384", "HS512", "RS256", "ES256", "EdDSA",
	} {
		b := attack(
			fmt.Sprintf("algorithm, %q", alg),
			"Only the algorithm of the key is accepted.",
			algorithm,
			func(s sketch) string { return s.head("alg", quote(alg)).sign() },
		)
		b.left = func(t Target) string {
			return reason(t.Keys[0].algorithm == alg, "it is the algorithm of the login's key")
		}
		all = append(all, b)
	}
	return append(
		all,
		attack("algorithm, none without a signature", "An unsigned token is rejected.", algorithm,
			func(s sketch) string {
				h, c, _ := parts(s.head("alg", `"none"`))
				return h + "." + c + "."
			}),
	)
}
