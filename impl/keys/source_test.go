package keys_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/keys"
)

func TestFileIsReloadedWhenItChanges(t *testing.T) {
	a, b := newKey(t, "EdDSA", "a"), newKey(t, "HS256", "b")
	path := file(t, newSet(t, a))
	var log journal
	s := running(t, keys.Config{File: path, Now: newClock().now, Log: log.logger()})
	if got := ids(s.Keys()); got != "a" {
		t.Fatalf("got %q", got)
	}
	t.Run("written in place", func(t *testing.T) {
		write(t, path, newSet(t, b, a))
		eventually(t, "b a", func() bool { return ids(s.Keys()) == "b a" })
	})
	t.Run("replaced by another file", func(t *testing.T) {
		other := path + ".other"
		write(t, other, newSet(t, a))
		if err := os.Rename(other, path); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a", func() bool { return ids(s.Keys()) == "a" })
	})
	inUse := func() int { return strings.Count(log.String(), "keys are in use") }
	eventually(t, "the last line", func() bool { return inUse() >= 3 }) // it comes after the keys
	if got := inUse(); got != 3 {
		t.Errorf("%d reloads are logged, want 3: %s", got, log.String())
	}
}

// TestFolderSwappedByALink is how Kubernetes replaces a mounted secret: keys.json is a link through
// ..data, which is swapped.
func TestFolderSwappedByALink(t *testing.T) {
	dir := t.TempDir()
	for _, id := range []string{"one", "two"} {
		if err := os.Mkdir(filepath.Join(dir, id), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, id, "keys.json"), newSet(t, newKey(t, "EdDSA", id)))
	}
	link := func(from, to string) {
		if err := os.Symlink(from, filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	link("one", "..data")
	link("..data/keys.json", "keys.json")
	var log journal
	s := running(
		t,
		keys.Config{File: filepath.Join(dir, "keys.json"), Now: newClock().now, Log: log.logger()},
	)
	link("two", "..data_new")
	if err := os.Rename(filepath.Join(dir, "..data_new"),
		filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other folder's keys", func() bool { return ids(s.Keys()) == "two" })
}

// TestBadFileKeepsTheOldKeys: all or nothing, and one line says why.
func TestBadFileKeepsTheOldKeys(t *testing.T) {
	clock := newClock()
	later, err := newKey(t, "EdDSA", "later").WithTimes(clock.now().Unix()+1, 0)
	good := newSet(t, newKey(t, "EdDSA", "good"))
	data, err2 := newSet(t, newKey(t, "EdDSA", "new"), must(t, later, err)).MarshalPrivate()
	halfGood := strings.Replace(must(t, string(data), err2), `"later"`, `"new"`, 1)
	onlyLater, err := newSet(t, later).MarshalPrivate()
	for name, c := range map[string]struct{ text, why string }{
		"cut off":         {halfGood[:len(halfGood)/2], "not strict JSON"},
		"empty":           {"", "is empty"},
		"one bad key":     {halfGood, "appears more than once"},
		"no key may sign": {must(t, string(onlyLater), err), "no key of the set may sign now"},
		"too large":       {strings.Repeat(" ", 256<<10) + "x", "larger than"},
		"refused":         {strings.Replace(halfGood, `"new"`, `"refused"`, 1), "not this one"},
		"a secret of JSON": {`{"keys":[{"kty":"oct","alg":"HS256","kid":"s","k":"c2VjcmV0"}]}`,
			"6 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t, good)
			var log journal
			s := running(
				t,
				keys.Config{
					File: path,
					Now:  clock.now,
					Log:  log.logger(),
					Check: func(set *jwk.Set) error {
						if ids(set) == "refused new" {
							return errors.New("not this one")
						}
						return nil
					},
				},
			)
			before := s.Keys()
			writeText(t, path, c.text)
			eventually(
				t,
				"a line in the log",
				func() bool { return strings.Contains(log.String(), "level=ERROR") },
			)
			s.Reload()
			if s.Keys() != before {
				t.Error("the keys have changed")
			}
			if !strings.Contains(log.String(), c.why) || !strings.Contains(log.String(), path) {
				t.Errorf("the log does not say %q: %s", c.why, log.String())
			}
			if strings.Contains(log.String(), "c2VjcmV0") {
				t.Errorf("the log has a secret: %s", log.String())
			}
		})
	}
	t.Run("gone, and back", func(t *testing.T) {
		path := file(t, good)
		var log journal
		s := running(t, keys.Config{File: path, Now: clock.now, Log: log.logger()})
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		eventually(
			t,
			"a line in the log",
			func() bool { return strings.Contains(log.String(), "no such file") },
		)
		if ids(s.Keys()) != "good" {
			t.Error("the keys have changed")
		}
		write(t, path+".next", newSet(t, newKey(t, "EdDSA", "next")))
		if err := os.Rename(path+".next", path); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the new file", func() bool { return ids(s.Keys()) == "next" })
		if got := strings.Count(log.String(), "level=ERROR"); got != 1 {
			t.Errorf("%d lines about one missing file: %s", got, log.String())
		}
	})
}

func TestNewRefuses(t *testing.T) {
	set := newSet(t, newKey(t, "HS256", "a"))
	public, err := newSet(t, newKey(t, "EdDSA", "a")).MarshalPublic(newClock().now())
	onlyPublic := filepath.Join(t.TempDir(), "public.json")
	writeText(t, onlyPublic, must(t, string(public), err))
	for name, c := range map[string]struct {
		config keys.Config
		want   string
	}{
		"no file": {keys.Config{File: filepath.Join(t.TempDir(), "none")},
			"no such file"},
		"a folder":             {keys.Config{File: t.TempDir()}, "is a directory"},
		"a device without end": {keys.Config{File: "/dev/zero"}, "larger than"},
		"only public keys":     {keys.Config{File: onlyPublic}, "no key of the set may sign now"},
		"http to another host": {keys.Config{Set: set, Issuer: "http://login.example/jwks.json"},
			"https://"},
		"http to a like name": {keys.Config{
			Set:    set,
			Issuer: "http://localhost.example/jwks.json",
		}, "https://"},
		"a scheme of its own": {keys.Config{Set: set, Issuer: "file:///etc/passwd"}, "malformed"},
		"another scheme": {keys.Config{Set: set, Issuer: "ftp://127.0.0.1/jwks.json"},
			"https://"},
		"a password in the URL": {keys.Config{
			Set:    set,
			Issuer: "https://me:secret@login.example/",
		}, "password"},
	} {
		t.Run(name, func(t *testing.T) {
			c.config.Now, c.config.Log = newClock().now, new(journal).logger()
			_, err := keys.New(c.config)
			if err == nil || !strings.Contains(err.Error(), c.want) ||
				strings.Contains(err.Error(), "secret@") {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestWarnsOfReaders(t *testing.T) {
	path := file(t, newSet(t, newKey(t, "HS256", "a")))
	for mode, warns := range map[os.FileMode]bool{0o600: false, 0o640: false, 0o644: true} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		var log journal
		s, err := keys.New(keys.Config{File: path, Now: newClock().now, Log: log.logger()})
		must(t, s, err)
		if got := strings.Contains(log.String(), "every user"); got != warns {
			t.Errorf("%o: warned: %v", mode, got)
		}
	}
}
