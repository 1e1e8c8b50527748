// Package oauth lets the OAuth clients that people have refresh and log out, at a server that loses
// answers, delays them, and is unavailable. The client in browsers is tested in tests/web/browser.
package oauth

import (
	"os"
	"testing"

	"kalsel.dev/refresh/tests/server"
)

var shared server.Shared

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

// inBothModes runs a test with a server that rotates refresh tokens, and with one that does not.
// The server is the fake: the real handlers, with plans for requests that are to fail. Rotation has
// no window: each refresh rotates, and an old refresh token that comes back is reuse.
func inBothModes(t *testing.T, test func(t *testing.T, fake server.Fake, rotation bool)) {
	t.Helper()
	for name, rotation := range map[string]bool{"rotation": true, "no rotation": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var args []string
			if rotation {
				args = []string{"--rotation", "--rotation-window=0s", "--clock-skew=0s"}
			}
			test(t, shared.StartFake(t, args...), rotation)
		})
	}
}
