// Package identity tests refreshd together with a user service (--identity-url) in a process of its
// own: refreshd fake --identity, which fails in every way that such a service fails in.
package identity

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/tests/server"
)

var shared server.Shared

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

// deployment is refreshd with its user service.
type deployment struct {
	*server.Refreshd

	users *server.Refreshd
}

// modes are the two modes of refreshd. Without a window each refresh of a newest token rotates.
func modes() map[string][]string {
	return map[string][]string{
		"stateless": nil,
		"rotation":  {"--rotation", "--rotation-window=0s", "--clock-skew=0s"},
	}
}

// deploy starts refreshd with the arguments, and its user service.
func deploy(t *testing.T, args ...string) deployment {
	t.Helper()
	users := shared.Start(t, "fake", "--identity")
	return deployment{start(t, users.URL, append([]string{"--log-format=json"}, args...)...), users}
}

// start starts refreshd with the arguments and a user service. On a busy machine an answer may take
// longer than the default of --identity-timeout.
func start(t *testing.T, users string, args ...string) *server.Refreshd {
	t.Helper()
	return shared.Start(t,
		append([]string{"--identity-url=" + users + "/claims", "--identity-timeout=10s"}, args...)...)
}

// control sends a request to a control of the user service, and reads the answer into v unless v is
// nil.
func (d deployment) control(t *testing.T, method, path, body string, v any) {
	t.Helper()
	status, _, text := send(t, method, d.users.URL+path, "application/json", body)
	if status != http.StatusOK && status != http.StatusNoContent {
		t.Fatalf("%s %s answers %d: %s", method, path, status, text)
	}
	if v != nil {
		if err := json.Unmarshal([]byte(text), v); err != nil {
			t.Fatal(err)
		}
	}
}

// next orders a behaviour for the next question about a user.
func (d deployment) next(t *testing.T, identity, behaviour string, status int) {
	t.Helper()
	d.order(t, identity, behaviour, map[string]any{"status": status})
}

// order orders a behaviour for questions about a user. more are further members of the order.
func (d deployment) order(t *testing.T, identity, behaviour string, more map[string]any) {
	t.Helper()
	body := map[string]any{"behaviour": behaviour, "identity": identity}
	maps.Copy(body, more)
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	d.control(t, http.MethodPost, "/fake/next", string(text), nil)
}

// set sets the answer to all questions about a user.
func (d deployment) set(t *testing.T, identity, user string) {
	t.Helper()
	d.control(t, http.MethodPut, "/fake/users/"+identity, user, nil)
}

// question is an entry in the user service's list of requests.
type question struct {
	Identity, Session, Traceparent string
	RequestID                      string `json:"request_id"`
	Authorized                     bool
}

// questions returns the questions about a user so far.
func (d deployment) questions(t *testing.T, identity string) []question {
	t.Helper()
	var list struct{ Requests []question }
	d.control(t, http.MethodGet, "/fake/requests?identity="+identity, "", &list)
	return list.Requests
}

// send sends a request and returns the answer.
func send(t *testing.T, method, url, mediaType, body string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", mediaType)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(text)
}

// answer is the answer to a refresh.
type answer struct {
	Status     int
	Causes     []string
	RetryAfter string
	Access     string `json:"access_token"`
	Refresh    string `json:"refresh_token"`
	text       string
}

// refresh redeems a refresh token.
func (d deployment) refresh(t *testing.T, token string) answer {
	t.Helper()
	body, err := json.Marshal(map[string]any{"refresh_token": token, "limit": 10})
	if err != nil {
		t.Fatal(err)
	}
	status, header, text := send(t, http.MethodPost, d.URL+"/api/v1/refresh", "application/json",
		string(body))
	var a answer
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	a.Status, a.RetryAfter, a.text = status, header.Get("Retry-After"), text
	return a
}

// wants fails unless the answer has the status.
func (a answer) wants(t *testing.T, status int) {
	t.Helper()
	if a.Status != status || (status == http.StatusServiceUnavailable) != (a.RetryAfter != "") {
		t.Fatalf("got %d (Retry-After %q), want %d: %s", a.Status, a.RetryAfter, status, a.text)
	}
}

// login signs a refresh token as a login does. more are further claims.
func login(t *testing.T, identity string, more map[string]any) string {
	t.Helper()
	claims := map[string]any{
		"identity": identity,
		"type":     1,
		"iat":      time.Now().Unix(),
		"exp":      time.Now().Add(time.Hour).Unix(),
		"jti":      identity,
		"role":     "old",
	}
	maps.Copy(claims, more)
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." +
		base64.RawURLEncoding.EncodeToString(payload)
	mac := hmac.New(sha256.New, []byte(server.Secret))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// claims returns the claims of a token, which is not verified.
func claims(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no token", token)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.NewDecoder(bytes.NewReader(payload)).Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

// metrics returns the metrics of refreshd.
func (d deployment) metrics(t *testing.T) string {
	t.Helper()
	_, _, text := send(t, http.MethodGet, d.Operations+"/metrics", "", "")
	return text
}

// series fails unless the metrics have the line.
func (d deployment) series(t *testing.T, line string) {
	t.Helper()
	if !slices.Contains(strings.Split(d.metrics(t), "\n"), line) {
		t.Errorf("the metrics have no line %q", line)
	}
}

// logs waits until the log has the text.
func (d deployment) logs(t *testing.T, text string) {
	t.Helper()
	d.Await(t, "the log line "+text, func() bool { return d.Log.Contains(text) })
}
