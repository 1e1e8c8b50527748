package token_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/token"
)

func TestAnyLimitDecidesExp(t *testing.T) {
	v, m := verifier(t, token.Rules{}), minter(t, token.Rules{})
	raw := signed(t, sample)
	rapid.Check(t, func(r *rapid.T) {
		limit := rapid.Int64Range(10, 10080).Draw(r, "limit in minutes")
		at := time.Unix(
			rapid.Int64Range(0, 1_611_318_218).Draw(r, "now"),
			rapid.Int64Range(0, 999_999_999).Draw(r, "nanoseconds"),
		)
		got, err := v.Refresh(raw, at)
		wantFault(t, got, err, nil)
		minted, err := m.Access(got, token.Session{}, time.Duration(limit)*time.Minute, at)
		must(t, minted, err)
		access, err := v.Access(minted.Token, at)
		wantFault(t, access, err, nil)
		if want := at.Unix() + limit*60; minted.Expires != want || access.Expires != want ||
			access.IssuedAt != at.Unix() {
			r.Fatalf("expires %d, exp %d, want %d", minted.Expires, access.Expires, want)
		}
	})
}

func TestAnyChangedBitIsRefused(t *testing.T) {
	m := newMaterial(t)
	keys := map[string]*jwk.Set{
		"HS256": secretKeys(t),
		"ES256": keySet(t, newKey(t, "", "ES256", m.p256)),
		"EdDSA": keySet(t, newKey(t, "", "EdDSA", m.ed)),
		"RS256": keySet(t, newKey(t, "", "RS256", m.rsa)),
	}
	for alg, set := range keys {
		t.Run(alg, func(t *testing.T) {
			v := token.NewVerifier(set, token.Rules{})
			raw, err := token.NewMinter(set, token.Rules{}).Issue([]byte(sample), now())
			must(t, raw, err)
			got, err := v.Refresh(raw, now())
			wantFault(t, got, err, nil)
			rapid.Check(t, func(r *rapid.T) {
				changed := []byte(raw)
				at := rapid.IntRange(0, len(changed)*8-1).Draw(r, "bit")
				changed[at/8] ^= 1 << (at % 8)
				if got, err := v.Refresh(string(changed), now()); err == nil || got != nil {
					r.Fatalf("accepted with bit %d changed", at)
				}
			})
		})
	}
}

// value draws JSON values with every liberty of form that JSON allows.
func value() *rapid.Generator[string] {
	scalar := rapid.OneOf(
		rapid.SampledFrom(
			[]string{
				"null",
				"true",
				"false",
				`""`,
				`"\u0041\n\/"`,
				`"ünïcödé 😀"`,
				`"\ud83d\ude00"`,
				"-0",
				"1.50",
				"1E+2",
				"12345678901234567890",
			},
		),
		rapid.StringMatching(`"[a-zA-Z0-9 <>&'/]{0,20}"`),
		rapid.StringMatching(`-?[1-9][0-9]{0,30}(\.[0-9]{1,10})?`),
	)
	array := rapid.Custom(func(r *rapid.T) string {
		space := rapid.SampledFrom([]string{"", " ", "\n\t"}).Draw(r, "space")
		return "[" + space + strings.Join(
			rapid.SliceOfN(scalar, 0, 4).Draw(r, "elements"),
			space+","+space,
		) + space + "]"
	})
	object := rapid.Custom(func(r *rapid.T) string {
		return `{ "a" : ` + array.Draw(r, "a") + `,"A":` + scalar.Draw(r, "A") + " }"
	})
	return rapid.OneOf(scalar, array, object)
}

func TestCustomClaimsSurviveByteForByte(t *testing.T) {
	v, m := verifier(t, token.Rules{}), minter(t, token.Rules{})
	rapid.Check(t, func(r *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`x[A-Za-z0-9_./:-]{0,12}`), 0, 6,
			rapid.ID[string]).
			Draw(r, "names")
		values := make(map[string]string, len(names))
		claims := `{"exp":9999999999`
		for _, name := range names {
			values[name] = value().Draw(r, "value")
			claims += ` , "` + name + `" : ` + values[name]
		}
		raw := signed(t, claims+`,"identity":"a"}`)
		got, err := v.Refresh(raw, now())
		wantFault(t, got, err, nil)
		access, err := m.Access(got, token.Session{}, time.Hour, now())
		must(t, access, err)
		s := token.Successor{
			Session:    sessionID,
			Generation: 1,
			IssuedAt:   now().Unix(),
			Expires:    9_999_999_999,
		}
		next, err := m.Refresh(got, s)
		must(t, next, err)
		for _, minted := range []string{access.Token, next.Token} {
			var members map[string]json.RawMessage
			if err := json.Unmarshal([]byte(decode(t, strings.Split(minted, ".")[1])),
				&members); err != nil {
				r.Fatal(err)
			}
			for name, want := range values {
				if !bytes.Equal(members[name], []byte(want)) {
					r.Fatalf("%s: got %s, want %s", name, members[name], want)
				}
			}
		}
		again, err := v.Refresh(next.Token, now())
		wantFault(t, again, err, nil)
		second, err := m.Refresh(again, s)
		if must(t, second, err) != next {
			r.Fatalf("a successor's successor differs:\n%s\n%s", next.Token, second.Token)
		}
	})
}
