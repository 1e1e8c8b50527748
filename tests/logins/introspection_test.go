package logins

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const credential = "api:0123456789abcdef0123456789abcdef"

// TestIntrospection runs the programs of docs/apis that ask refreshd about each access token. After
// a logout the API answers 401, and without refreshd 503.
func TestIntrospection(t *testing.T) {
	t.Parallel()
	for profile, program := range map[string]string{
		"flask-jwt-extended": "flask_login.py",
		"simplejwt":          "django_login.py",
	} {
		t.Run(profile, func(t *testing.T) {
			t.Parallel()
			credentials := filepath.Join(t.TempDir(), "credentials")
			if err := os.WriteFile(credentials, []byte(credential+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			process := shared.Start(t, "--login="+profile, "--api-credentials="+credentials,
				"--secret-file="+secretFile(t, refreshSecret))
			service := refreshd{t, process.URL}
			api := python(t, program, refreshSecret, process.URL, credential)

			entered := api.enter(42, false, time.Hour)
			refreshed := service.want(http.StatusOK, entered.Refresh)
			api.accepts("/me", entered.Access, 42)
			api.accepts("/me", refreshed.Access, 42)

			service.revoke(entered.Refresh)
			api.rejects("/me", refreshed.Access)
			api.accepts("/me", entered.Access, 42) // it names no session

			process.Kill()
			status, text := exchange(t, http.MethodGet, api.url+"/me", entered.Access, "")
			if status != http.StatusServiceUnavailable {
				t.Errorf("without refreshd the API answers %d: %s", status, text)
			}
		})
	}
}
