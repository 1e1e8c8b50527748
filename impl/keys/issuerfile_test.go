package keys_test

import (
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/keys"
)

func TestIssuersFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "theirs.json")
	var log journal
	s := running(t, besideIssuer(t, path, newClock().now, log.logger()))
	eventually(
		t,
		"a line in the log",
		func() bool { return strings.Contains(log.String(), "no such file") },
	)
	if !errors.Is(s.Ready(), keys.ErrUnavailable) ||
		!errors.Is(s.Refetch(t.Context(), "invented", "EdDSA"), keys.ErrUnavailable) {
		t.Error("ready without the issuer's keys")
	}
	publish := func(set *jwk.Set) {
		data, err := set.MarshalPublic(newClock().now())
		writeText(t, path, must(t, string(data), err))
	}
	publish(newSet(t, newKey(t, "EdDSA", "one")))
	eventually(t, "the file", func() bool {
		return known(s, "one") && s.Ready() == nil &&
			s.Refetch(t.Context(), "invented", "EdDSA") == nil
	})
	publish(newSet(t, newKey(t, "EdDSA", "two")))
	eventually(t, "the new file", func() bool { return ids(s.Keys()) == "ours two" })
	write(t, path, newSet(t, newKey(t, "HS256", "three")))
	eventually(
		t,
		"a refusal",
		func() bool { return strings.Contains(log.String(), "must not hold a secret") },
	)
	if got := ids(s.Keys()); got != "ours two" {
		t.Errorf("got %q", got)
	}
}

// TestLargestSets: 256 KiB, from a file and from an issuer, and not a byte more.
func TestLargestSets(t *testing.T) {
	const largest = 256 << 10
	theirs := publicSet(t, newKey(t, "EdDSA", "theirs"))
	private, err := newSet(t, newKey(t, "HS256", "ours")).MarshalPrivate()
	must(t, private, err)
	padded := func(set []byte, size int) string {
		return string(set) + strings.Repeat(" ", size-len(set))
	}
	i := newIssuer(t, newSet(t, newKey(t, "EdDSA", "theirs")))
	path := filepath.Join(t.TempDir(), "keys.json")
	for size, ok := range map[int]bool{largest: true, largest + 1: false} {
		writeText(t, path, padded(private, size))
		if _, err := keys.Load(path, false); (err == nil) != ok {
			t.Errorf("a file of %d bytes: %v", size, err)
		}
		i.serve(
			func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(padded(theirs, size)))
			},
		)
		s, err := keys.New(besideIssuer(t, i.URL, newClock().now, new(journal).logger()))
		must(t, s, err)
		if err := s.Once(t.Context()); (err == nil) != ok {
			t.Errorf("an answer of %d bytes: %v", size, err)
		}
	}
}
