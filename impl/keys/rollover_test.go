package keys_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/keys"
	"kalsel.dev/refresh/impl/token"
)

// line describes a set: each key with its nbf and exp relative to the test's clock.
func line(set *jwk.Set) string {
	var all []string
	base := newClock().now().Unix()
	relative := func(at int64) string {
		if at == 0 {
			return ""
		}
		return fmt.Sprintf("%+d", at-base)
	}
	for _, k := range set.All() {
		all = append(all, k.ID()+"["+relative(k.NotBefore())+","+relative(k.Expires())+"]")
	}
	return strings.Join(all, " ")
}

func TestRollover(t *testing.T) {
	now := newClock().now()
	unix := now.Unix()
	key := func(alg, id string, notBefore, expires int64) *jwk.Key {
		k, err := newKey(t, alg, id).WithTimes(notBefore, expires)
		return must(t, k, err)
	}
	public, err := jwk.NewKey(
		jwk.Spec{ID: "login", Algorithm: "EdDSA", Material: newKey(t, "EdDSA", "").Public()},
	)
	must(t, public, err)
	hour := keys.Rollover{Key: newKey(t, "EdDSA", "new"), Delay: time.Hour, Keep: 24 * time.Hour}
	leaked := keys.Rollover{Key: newKey(t, "EdDSA", "new")}
	for name, c := range map[string]struct {
		rollover keys.Rollover
		set      *jwk.Set
		want     string
	}{
		"one key": {hour, newSet(t, key("EdDSA", "old", 0, 0)),
			"new[+3601,] old[,+90001]"},
		"a login's keys": {hour,
			newSet(t, key("EdDSA", "old", 0, 0), public, key("HS256", "", 0, 0)),
			"new[+3601,] old[,+90001] login[,] [,]"},
		"an older one": {hour,
			newSet(t, key("EdDSA", "old", unix-9, 0), key("EdDSA", "older", 0, unix+5)),
			"new[+3601,] old[-9,+90001] older[,+5]"},
		"an expired one": {hour,
			newSet(t, key("EdDSA", "old", 0, 0), key("EdDSA", "gone", 0, unix)),
			"new[+3601,] old[,+90001]"},
		"one that comes sooner": {hour,
			newSet(t, key("EdDSA", "next", unix+60, 0), key("EdDSA", "old", 0, 0)),
			"new[+3601,] next[+60,+90001] old[,+86460]"},
		"one that comes later": {hour,
			newSet(t, key("EdDSA", "next", unix+9999, 0), key("EdDSA", "old", 0, 0)),
			"new[+3601,] next[+9999,+90001] old[,+90001]"},
		"one behind": {hour,
			newSet(t, key("EdDSA", "old", 0, 0), key("HS256", "behind", unix+60, 0)),
			"new[+3601,] old[,+90001] behind[+60,]"},
		"a leaked key": {leaked,
			newSet(t, key("EdDSA", "next", unix+60, 0), key("EdDSA", "old", 0, 0)),
			"new[+0,] next[+60,+0] old[,+0]"},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := c.rollover.Apply(c.set, now)
			if got := line(must(t, set, err)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
	for name, set := range map[string]*jwk.Set{
		"no file":             nil,
		"no key that signs":   newSet(t, public),
		"an ID that is taken": newSet(t, key("EdDSA", "new", 0, 0)),
	} {
		if _, err := hour.Apply(set, now); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestRolloverLogsNobodyOut: whenever keys roll over, and however often, a token verifies for as
// long as the keys were to be kept, and there is always a key that signs, which was published for
// the whole delay before it did.
func TestRolloverLogsNobodyOut(t *testing.T) {
	const keep = 100 * time.Second
	rapid.Check(t, func(r *rapid.T) {
		clock, made := newClock(), 0
		next := func() *jwk.Key { made++; return newKey(t, "HS256", fmt.Sprint(made)) }
		set := newSet(t, next())
		published := map[string]time.Time{"1": {}}
		delays := map[string]time.Duration{}
		var alive []string
		for range rapid.IntRange(1, 30).Draw(r, "steps") {
			clock.move(time.Duration(rapid.IntRange(0, 40).Draw(r, "seconds")) * time.Second)
			if rapid.IntRange(0, 3).Draw(r, "roll over") > 0 {
				delay := time.Duration(rapid.IntRange(0, 90).Draw(r, "delay")) * time.Second
				rollover := keys.Rollover{Key: next(), Delay: delay, Keep: keep}
				changed, err := rollover.Apply(set, clock.now())
				if err != nil {
					r.Fatal(err)
				}
				set = changed
				published[rollover.Key.ID()], delays[rollover.Key.ID()] = clock.now(), delay
			}
			active := set.Active(clock.now())
			if active == nil {
				r.Fatal("no key signs")
			}
			if since := clock.now().Sub(published[active.ID()]); since < delays[active.ID()] {
				r.Fatalf(
					"key %s signs %s after it was published, want %s",
					active.ID(),
					since,
					delays[active.ID()],
				)
			}
			claims := fmt.Sprintf(`{"identity":"me","exp":%d}`, clock.now().Add(keep).Unix())
			raw, err := token.NewMinter(set, token.Rules{}).Issue([]byte(claims), clock.now())
			if err != nil {
				r.Fatal(err)
			}
			alive = append(alive, raw)
			v := token.NewVerifier(set, token.Rules{})
			for _, raw := range alive {
				_, err := v.Refresh(raw, clock.now())
				gone := errors.Is(err, token.ErrUnknownKey)
				if err != nil && !gone && !errors.Is(err, token.ErrExpired) {
					r.Fatal(err)
				} else if gone && unexpired(raw, clock.now()) {
					r.Fatal("a token lives and its key is gone")
				}
			}
		}
	})
}

func TestRemove(t *testing.T) {
	now := newClock().now()
	set := newSet(
		t,
		newKey(t, "EdDSA", "first"),
		newKey(t, "HS256", "second"),
		newKey(t, "HS256", ""),
	)
	for id, want := range map[string]string{"second": "first[,] [,]", "": "first[,] second[,]"} {
		left, err := keys.Remove(set, id, now)
		if got := line(must(t, left, err)); got != want {
			t.Errorf("%q removed: got %q, want %q", id, got, want)
		}
	}
	public := newKeyThatOnlyVerifies(t, "login")
	verifying := newSet(t, public, newKey(t, "EdDSA", "signs"))
	left, err := keys.Remove(verifying, "login", now)
	if got := line(must(t, left, err)); got != "signs[,]" {
		t.Errorf("the first key, which only verifies: got %q", got)
	}
	onlyPublic := newSet(t, public, newKeyThatOnlyVerifies(t, "other"))
	left, err = keys.Remove(onlyPublic, "login", now)
	if got := line(must(t, left, err)); got != "other[,]" {
		t.Errorf("of a set without a key that signs: got %q", got)
	}
	for name, c := range map[string]struct {
		set      *jwk.Set
		id, want string
	}{
		"the active key": {set, "first", `"first" is the key that signs`},
		"no such key":    {set, "third", `no key has the ID "third"`},
		"no file":        {nil, "first", "file does not exist"},
	} {
		_, err := keys.Remove(c.set, c.id, now)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	if got := line(set); got != "first[,] second[,] [,]" {
		t.Errorf("the set itself has changed: %q", got)
	}
}

func newKeyThatOnlyVerifies(t *testing.T, id string) *jwk.Key {
	key, err := jwk.NewKey(jwk.Spec{
		ID:        id,
		Algorithm: "EdDSA",
		Material:  newKey(t, "EdDSA", "").Public(),
	})
	return must(t, key, err)
}
