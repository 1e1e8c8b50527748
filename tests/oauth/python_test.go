package oauth

import (
	"os"
	"os/exec"
	"testing"

	"kalsel.dev/refresh/tests/server"
)

// TestRequestsOAuthlib runs the tests in Python. make install has brought the library.
func TestRequestsOAuthlib(t *testing.T) {
	t.Parallel()
	const interpreter = "../logins/venv/bin/python"
	if _, err := os.Stat(interpreter); err != nil {
		t.Fatalf("%s is missing: run make install", interpreter)
	}
	inBothModes(t, func(t *testing.T, fake server.Fake, rotation bool) {
		cmd := exec.CommandContext(t.Context(), interpreter, "testdata/requests_oauthlib_test.py")
		cmd.Env = append(environment(fake, rotation), "PYTHONDONTWRITEBYTECODE=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	})
}

// environment returns the variables of a client in another language.
func environment(fake server.Fake, rotation bool) []string {
	env := append(os.Environ(), "FAKE="+fake.URL)
	if rotation {
		return append(env, "ROTATION=1")
	}
	return append(env, "ROTATION=0")
}
