//go:build linux

package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func TestRefreshAnswers(t *testing.T) {
	secret := []byte("a secret of the test that is long enough")
	expires := time.Now().Add(limitMinutes * time.Minute).Unix()
	sign := func(change func(jwt.MapClaims), key []byte) string {
		claims := jwt.MapClaims{"identity": identity(0, 0), "type": 0, "exp": expires}
		change(claims)
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`{"access_token":%q,"expired":%d}`, token, expires)
	}
	same := func(jwt.MapClaims) {}
	good := sign(same, secret)
	for name, c := range map[string]struct {
		answer   answer
		constant bool
		err      string
	}{
		"good":                      {answer{200, []byte(good)}, false, ""},
		"another status":            {answer{422, []byte(good)}, false, "status 422"},
		"another shape":             {answer{200, []byte(`{"token":"x","expired":1}`)}, false, "not a refresh answer"},
		"another key":               {answer{200, []byte(sign(same, []byte("another")))}, false, "signature is invalid"},
		"another identity":          {answer{200, []byte(sign(func(m jwt.MapClaims) { m["identity"] = "x" }, secret))}, false, "answer for x"},
		"another identity, allowed": {answer{200, []byte(sign(func(m jwt.MapClaims) { m["identity"] = "x" }, secret))}, true, ""},
		"another time in the token": {answer{200, []byte(sign(func(m jwt.MapClaims) { m["exp"] = expires + 1 }, secret))}, true, "not the token's exp"},
		"a refresh token":           {answer{200, []byte(sign(func(m jwt.MapClaims) { m["type"] = 1 }, secret))}, true, "type is not 0"},
	} {
		t.Run(name, func(t *testing.T) {
			talk := newTokens(secret, 1).refreshing(0)
			if c.constant {
				talk = newTokens(secret, 1).reading(0)
			}
			talk.next()
			err := talk.accept(c.answer)
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("got %v, want %q", err, c.err)
			}
		})
	}
}

func TestLaterAnswersHaveTheLengthOfTheFirst(t *testing.T) {
	talk := &refreshDialogue{requests: [][]byte{nil}, length: 100}
	talk.next()
	talk.next()
	if err := talk.accept(answer{200, []byte(`{"access_token":"short","expired":1}`)}); err == nil {
		t.Error("no error")
	}
}
