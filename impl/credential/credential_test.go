package credential_test

import (
	"bytes"
	"encoding/base64"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/credential"
)

const (
	secret = "0123456789abcdef0123456789abcdef"
	other  = "fedcba9876543210fedcba9876543210"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func basic(name, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+secret))
}

func TestCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials")
	write(t, path, "# comment\n\n shop:"+secret+" \r\nreader:"+other+
		":feed\nshop:a/b%c+d0123456789abcdef0123456789\n")
	file, err := credential.Open(path, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for authorization, want := range map[string]string{
		basic("shop", secret):     "shop",
		basic("reader", other):    "reader",
		"bearer " + secret:        "shop",
		"Bearer  " + other:        "reader",
		basic("reader", secret):   "",
		basic("shop", other):      "",
		basic("shop", secret+"a"): "",
		basic("shop", ""):         "",
		basic("", secret):         "",
		"Bearer ":                 "",
		"Bearer " + secret[1:]:    "",
		"Digest " + secret:        "",
		"Basic !":                 "",
		"Basic " + secret:         "",
		"":                        "",
		"Basic c2hvcA==":          "", // without a colon
		basic("shop", "a/b%c+d0123456789abcdef0123456789"): "shop", // as it is
		basic("sh%6Fp", secret):                            "shop",
		basic("sh%ZZp", secret):                            "",
		basic("shop",
			"a%2Fb%25c%2Bd0123456789abcdef0123456789"): "shop", // as OAuth clients encode it
	} {
		one, ok := file.Check(authorization)
		if ok != (want != "") || one.Name != want {
			t.Errorf("%s: %q, %t, want %q", authorization, one.Name, ok, want)
		}
	}
	one, _ := file.Check("Bearer " + secret)
	if !one.Has(credential.Feed) || !one.Has(credential.Introspect) {
		t.Error("a credential without scopes must have both")
	}
	if one, _ := file.Check("Bearer " + other); one.Has(credential.Introspect) ||
		!one.Has(credential.Feed) {
		t.Error("a credential must have the scopes of its line alone")
	}
}

func TestOpenRefuses(t *testing.T) {
	for content, want := range map[string]string{
		"":                                 "has no credential",
		"# only a comment\n":               "has no credential",
		"shop\n":                           "line 1: must be name:secret",
		"\nshop:" + secret + ":feed:x":     "line 2: must be name:secret",
		":" + secret:                       "line 1: the name must be",
		"\ufeffshop:" + secret:             "line 1: the name must be", // a byte order mark
		"my shop:" + secret:                "line 1: the name must be",
		"shop:" + secret[1:]:               "line 1: the secret must have at least 32 characters",
		"shop:" + secret + "ü":             "line 1: the secret must be printable ASCII",
		"shop:" + secret + ":":             "line 1: the scopes must be",
		"shop:" + secret + ":feed,writing": "line 1: the scopes must be",
	} {
		path := filepath.Join(t.TempDir(), "credentials")
		write(t, path, content)
		_, err := credential.Open(path, time.Now, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), want) ||
			strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v, want %q", content, err, want)
		}
	}
	if _, err := credential.Open(t.TempDir(), time.Now, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a folder must be refused")
	}
}

// TestChanges: the file is read again after a second, and a change that cannot be used leaves the
// credentials in force and is logged once.
func TestChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials")
	write(t, path, "shop:"+secret+"\n")
	now := time.Unix(1e9, 0)
	var log bytes.Buffer
	file, err := credential.Open(path, func() time.Time {
		return now
	}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		name, content string
		passes        time.Duration
		accepted      []string
	}{
		{"unchanged", "shop:" + secret + "\n", time.Second, []string{secret}},
		{"within the second", "shop:" + other + "\n", time.Second / 2, []string{secret}},
		{"after the second", "shop:" + other + "\n", time.Second, []string{other}},
		{"both while a secret is replaced", "shop:" + other + "\nshop:" + secret, time.Second,
			[]string{other, secret}},
		{"unusable", "shop", time.Second, []string{other, secret}},
		{"still unusable", "shop", time.Second, []string{other, secret}},
		{"clock set back", "shop:" + secret, -time.Hour, []string{secret}},
	}
	for _, step := range steps {
		write(t, path, step.content)
		now = now.Add(step.passes)
		for _, one := range []string{secret, other} {
			if _, ok := file.Check("Bearer " + one); ok != slices.Contains(step.accepted, one) {
				t.Errorf("%s: %s is accepted: %t", step.name, one, ok)
			}
		}
	}
	if n := strings.Count(log.String(), "cannot be used"); n != 1 {
		t.Errorf("an unusable file was logged %d times:\n%s", n, log.String())
	}
	if strings.Contains(log.String(), secret) || strings.Contains(log.String(), other) {
		t.Error("the log has a secret")
	}
}
