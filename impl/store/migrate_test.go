package store_test

import (
	"crypto/rand"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"kalsel.dev/refresh/impl/service"
	"kalsel.dev/refresh/impl/store"
)

// TestWithoutRights: if the user may not create tables, the error names refreshd migrate. With the
// GRANTs of docs/operations.md every call works for such a user.
func TestWithoutRights(t *testing.T) {
	url := shared.Postgres(t).NewDatabase(t)
	role := "app" + strings.ToLower(rand.Text())
	exec1(t, url, "CREATE ROLE "+role+" LOGIN")
	_, err := (&service.Settings{Store: userOf(url, role)}).OpenStore(t.Context())
	if !errors.Is(err, store.ErrNoRights) ||
		!strings.Contains(err.Error(), "run refreshd migrate") {
		t.Errorf("without tables: %v", err)
	}
	prepare(t, open(t, url))
	page, err := os.ReadFile("../../docs/operations.md")
	must(t, err)
	block := regexp.MustCompile("(?s)```sql\n(GRANT .*?)```").FindSubmatch(page)
	if block == nil {
		t.Fatal("docs/operations.md has no GRANTs")
	}
	exec1(t, url, regexp.MustCompile(
		`TO refresh;`).ReplaceAllString(string(block[1]), "TO "+role+";"))
	s := open(t, userOf(url, role))
	if done := s.Migrated(); len(done) > 0 {
		t.Errorf("applied %v", done)
	}
	for _, c := range reliedOn() {
		if err := c.do(t.Context(), s); err != nil {
			t.Errorf("%s: %v", c.method, err)
		}
	}
}
