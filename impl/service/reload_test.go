package service_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/service"
)

// TestReloadTwoSecrets: a reload takes both secrets into use, each for its own kind of token. If
// one of the files cannot be used, both secrets stay.
func TestReloadTwoSecrets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, secret string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const (
		first  = "first secret, which is long enough for HS256"
		second = "second secret, which is long enough for HS256"
		third  = "third secret, which is long enough for HS256"
	)
	s := service.Settings{
		SecretFile:       write("refresh", first),
		AccessSecretFile: write("access", second),
	}
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	source, err := s.OpenKeys(time.Now, logger)
	if err != nil {
		t.Fatal(err)
	}
	signsWith := func(set *jwk.Set, secret string) bool {
		want, err := jwk.SecretSet([]byte(secret), false)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := set.Active(time.Now()).AppendSignature(nil, []byte("text"))
		return err == nil && want.Active(time.Now()).Verify([]byte("text"), signature)
	}
	for _, step := range []struct {
		name, refresh, access         string
		wantRefresh, wantAccess, logs string
	}{
		{"a new access secret", first, third, first, third, ""},
		{"a new refresh secret", second, third, second, third, ""},
		{"a short access secret", first, "short", second, third, "stays in use"},
		{"the same secret twice", first, first, second, third, "has the same secret"},
	} {
		write("refresh", step.refresh)
		write("access", step.access)
		s.ReloadSecret(source, logger)
		set := source.Keys()
		if !signsWith(set, step.wantRefresh) || !signsWith(set.Access(), step.wantAccess) {
			t.Errorf("%s: a token is signed with another secret", step.name)
		}
		if !strings.Contains(log.String(), step.logs) || step.logs == "" && log.Len() > 0 {
			t.Errorf("%s: log %s", step.name, log.String())
		}
	}
}
