package contract

// Refresh tokens whose claims must be rejected.

func badClaims() []badToken {
	claim := func(name, rule, cause, claim, value string) badToken {
		return attack(
			"claims, "+name,
			rule,
			cause,
			func(s sketch) string { return s.claim(claim, value).sign() },
		)
	}
	// The form of the claim type, and of an identity, is that of the kalsel page.
	kalsel := func(name, rule, cause, member, value string) badToken {
		b := claim(name, rule, cause, member, value)
		b.left = needsKalsel
		return b
	}
	const onlyFault = "A token gives 421 only if expiry is its only fault."
	return []badToken{
		claim(
			"access token",
			"An access token (type 0) cannot be refreshed.",
			notRefresh,
			"type",
			"0",
		),
		kalsel("type 2", "An unknown type is rejected.", notRefresh, "type", "2"),
		kalsel("type 1.0", "type must be a whole number.", malformed, "type", "1.0"),
		kalsel("type in quotes", "type must be a number.", malformed, "type", `"1"`),
		kalsel("type null", "type must be a number.", malformed, "type", "null"),
		claim("fresh", "A fresh token is never a refresh token.", notRefresh, "fresh", "true"),
		claim("fresh in quotes", "fresh must be true or false.", malformed, "fresh", `"false"`),
		claim(
			"is_admin in quotes",
			"is_admin must be true or false.",
			malformed,
			"is_admin",
			`"true"`,
		),
		claim("is_admin 1", "is_admin must be true or false.", malformed, "is_admin", "1"),
		claim("identity empty", "A token must have an identity.", noIdentity, "identity", `""`),
		kalsel("identity number", "identity must be a string.", malformed, "identity", "7"),
		fraction("identity 42.0", "42.0"),
		fraction("identity 4e1", "4e1"),
		fraction("identity -0", "-0"),
		claim("identity null", "identity must be a string.", malformed, "identity", "null"),
		attack("claims, no identity", "A token must have an identity.", noIdentity,
			func(s sketch) string { return s.without("identity").sign() }),
		attack(
			"claims, access token expired",
			onlyFault,
			notRefresh,
			func(s sketch) string { return s.claim("type", "0").claim("exp", number(longAgo)).sign() },
		),
		attack(
			"claims, no identity and expired",
			onlyFault,
			noIdentity,
			func(s sketch) string { return s.without("identity").claim("exp", number(longAgo)).sign() },
		),
	}
}

// fraction is an identity that is a number, but not a whole number in canonical form.
func fraction(name, value string) badToken {
	b := attack("claims, "+name, "A number as identity is a whole number without a fraction or exponent.",
		malformed, func(s sketch) string { return s.claim("identity", value).sign() })
	b.left = needsNumbers
	return b
}

func badTimes() []badToken {
	exp := func(name, rule, value string) badToken {
		return attack(
			"times, exp "+name,
			rule,
			malformed,
			func(s sketch) string { return s.claim("exp", value).sign() },
		)
	}
	return []badToken{
		attack("times, no exp", "A token without exp is rejected.", noExpiry,
			func(s sketch) string { return s.without("exp").sign() }),
		exp("null", "exp must be a number.", "null"),
		exp("in quotes", "exp must be a number.", `"4102444800"`),
		exp("boolean", "exp must be a number.", "true"),
		exp("negative", "exp must not be negative.", "-1"),
		exp("beyond 2^53", "exp must not be above 2^53.", "9007199254740994"),
		exp("1e400", "exp must be a number that a double can hold.", "1e400"),
		exp("NaN", "NaN is not JSON.", "NaN"),
	}
}

// aheadTokens are not valid yet. Logout ignores that: an early revocation does no harm.
func aheadTokens() []badToken {
	ahead := func(claim string) badToken {
		return attack("times, "+claim+" ahead", claim+" an hour in the future is rejected.", notYet,
			func(s sketch) string { return s.claim(claim, number(s.now+3600)).sign() })
	}
	return []badToken{
		ahead("iat"),
		ahead("nbf"),
		attack(
			"times, nbf ahead and expired",
			"A token gives 421 only if expiry is its only fault.",
			notYet,
			func(s sketch) string {
				return s.claim("nbf", number(s.now+3600)).claim("exp", number(longAgo)).sign()
			},
		),
	}
}
