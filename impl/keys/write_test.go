//go:build unix

package keys_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/keys"
)

func add(key *jwk.Key) keys.Change {
	return func(set *jwk.Set) (*jwk.Set, error) { return keys.Add(set, key) }
}

// edit is keys.Edit, which waits no longer than a test may.
func edit(tb testing.TB, path string, change keys.Change) error {
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	return keys.Edit(ctx, path, false, change)
}

// files are the names in a folder.
func files(tb testing.TB, dir string) []string {
	entries, err := os.ReadDir(dir)
	var names []string
	for _, e := range must(tb, entries, err) {
		names = append(names, e.Name())
	}
	return names
}

// TestWritersLoseNoKey: each of many writers at once adds a key, and readers never see half a file.
func TestWritersLoseNoKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	const writers, each = 6, 5
	var all sync.WaitGroup
	var want []string
	for w := range writers {
		for i := range each {
			want = append(want, fmt.Sprint(w, "-", i))
		}
		all.Go(func() {
			for i := range each {
				if err := edit(t, path,
					add(newKey(t, "HS256", fmt.Sprint(w, "-", i)))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	stop := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := keys.Load(path, false); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Error(err)
			}
		}
	})
	all.Wait()
	close(stop)
	reader.Wait()
	set, err := keys.Load(path, false)
	got := strings.Fields(ids(must(t, set, err)))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := files(t, filepath.Dir(path)); !slices.Equal(got, []string{"keys.json"}) {
		t.Errorf("left behind: %v", got)
	}
}

func TestEditedFileIsForItsOwnerAlone(t *testing.T) {
	path := file(t, newSet(t, newKey(t, "HS256", "a")))
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := edit(t, path, add(newKey(t, "HS256", "b"))); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if must(t, info, err).Mode() != 0o600 {
		t.Errorf("mode %o", info.Mode())
	}
}

// TestEditFollowsLinks: the target of a link is replaced, and the link stays.
func TestEditFollowsLinks(t *testing.T) {
	path := file(t, newSet(t, newKey(t, "HS256", "a")))
	link := filepath.Join(t.TempDir(), "link.json")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := edit(t, link, add(newKey(t, "HS256", "b"))); err != nil {
		t.Fatal(err)
	}
	set, err := keys.Load(path, false)
	if got := ids(must(t, set, err)); got != "a b" {
		t.Errorf("got %q", got)
	}
	if _, err := os.Readlink(link); err != nil {
		t.Error(err)
	}
}

// TestFailedEditChangesNothing, and does not stand in the way of the next one.
func TestFailedEditChangesNothing(t *testing.T) {
	path := file(t, newSet(t, newKey(t, "HS256", "a")))
	before, err := os.ReadFile(path)
	must(t, before, err)
	failure := errors.New("no")
	for name, change := range map[string]keys.Change{
		"the change fails": func(*jwk.Set) (*jwk.Set, error) { return nil, failure },
		"an ID twice":      add(newKey(t, "HS256", "a")),
	} {
		if err := edit(t, path, change); err == nil {
			t.Errorf("%s: no error", name)
		}
		after, err := os.ReadFile(path)
		if string(must(t, after, err)) != string(before) {
			t.Errorf("%s: the file has changed", name)
		}
	}
	if got := files(t, filepath.Dir(path)); len(got) != 1 {
		t.Errorf("left behind: %v", got)
	}
	writeText(t, path, "not keys")
	if err := edit(t, path, add(newKey(t, "HS256", "b"))); err == nil {
		t.Error("a file that holds something else was replaced")
	}
}

// TestLeftLock: after a crash the way out is named.
func TestLeftLock(t *testing.T) {
	path := file(t, newSet(t, newKey(t, "HS256", "a")))
	writeText(t, path+".lock", "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := keys.Edit(ctx, path, false, add(newKey(t, "HS256", "b")))
	if err == nil || !strings.Contains(err.Error(), "remove "+path+".lock") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path + ".lock"); err != nil {
		t.Error("somebody else's lock was removed")
	}
}

// TestEditKeepsTheOwner: keys that root changes stay the server's. Only root can show it.
func TestEditKeepsTheOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	path := file(t, newSet(t, newKey(t, "HS256", "a")))
	if err := os.Chown(path, 12345, 54321); err != nil {
		t.Fatal(err)
	}
	if err := edit(t, path, add(newKey(t, "HS256", "b"))); err != nil {
		t.Fatal(err)
	}
	if uid, gid := owner(t, path); uid != 12345 || gid != 54321 {
		t.Errorf("owned by %d:%d", uid, gid)
	}
}
