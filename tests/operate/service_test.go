// Package operate tests the parts of refreshd that operators see: the audit stream, the metrics
// with their alerts, and the commands that tell the state of a session.
package operate

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/keys"
	wiring "kalsel.dev/refresh/impl/service"
	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/tests/server"
)

var shared server.Shared

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

// eachStore runs the test on a store of each engine.
func eachStore(t *testing.T, test func(t *testing.T, store string)) {
	t.Run("sqlite", func(t *testing.T) {
		test(t, "sqlite:"+filepath.Join(t.TempDir(), "refresh.db"))
	})
	t.Run("postgres", func(t *testing.T) { test(t, shared.Postgres(t).NewDatabase(t)) })
}

// deployment is a server whose clock the test moves.
type deployment struct {
	url     string
	store   *store.Store
	keys    *keys.Source
	keyFile string
	ahead   atomic.Int64 // nanoseconds by which its clock is ahead
	audit   server.Log
	refused int // refreshes with a final answer
}

func (d *deployment) now() time.Time { return time.Now().Add(time.Duration(d.ahead.Load())) }

// forward moves the clock.
func (d *deployment) forward(by time.Duration) { d.ahead.Add(int64(by)) }

// deploy starts a server with the settings, whose keys are "old", which signs, and "new".
func deploy(t *testing.T, s wiring.Settings) *deployment {
	t.Helper()
	d := &deployment{keyFile: filepath.Join(t.TempDir(), "keys.json")}
	d.writeKeys(t, "old", "new")
	s.Keys = d.keyFile
	if s.MaxLifetime == 0 {
		s.MaxLifetime = wiring.Duration(365 * 24 * time.Hour)
	}
	log := slog.New(slog.DiscardHandler)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	d.store, err = s.OpenServerStore(t.Context())
	must(err)
	t.Cleanup(func() { _ = d.store.Close() }) // the test is over
	d.keys, err = s.OpenKeys(d.now, log)
	must(err)
	wired, err := wiring.New(wiring.Config{
		Settings: &s,
		Keys:     d.keys,
		Store:    d.store,
		Log:      log,
		Audit:    &d.audit,
		Now:      d.now,
	})
	must(err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		wired.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
	d.url = server.Serve(t, wired.Public).String()
	return d
}

// secretOf returns the secret of the key with this ID.
func secretOf(id string) []byte { return []byte(strings.Repeat(id+".", 16)[:48]) }

func (d *deployment) writeKeys(t *testing.T, ids ...string) {
	t.Helper()
	var list []map[string]string
	for _, id := range ids {
		secret := base64.RawURLEncoding.EncodeToString(secretOf(id))
		list = append(list, map[string]string{"kty": "oct", "kid": id, "alg": "HS256", "k": secret})
	}
	text, err := json.Marshal(map[string]any{"keys": list})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.keyFile, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// claims are those of a token; nil removes one of the usual claims.
type claims map[string]any

// sign returns a token with the usual claims of a refresh token and the given ones, signed by the
// key.
func (d *deployment) sign(t *testing.T, key string, given claims) string {
	t.Helper()
	now := d.now().Unix()
	all := claims{
		"identity": "ana", "type": 1, "jti": fmt.Sprint(time.Now().UnixNano()), "iat": now,
		"exp": now + 30*24*3600, "iss": "https://login.example", "aud": "refresh",
	}
	for name, value := range given {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	header := fmt.Sprintf(`{"alg":"HS256","kid":%q}`, key)
	payload, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return seal(header, payload, secretOf(key))
}

func seal(header string, payload, secret []byte) string {
	encode := base64.RawURLEncoding.EncodeToString
	input := encode([]byte(header)) + "." + encode(payload)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return input + "." + encode(mac.Sum(nil))
}

// call sends a JSON body, with an access token if there is one, and returns the status and the
// answer's body.
func (d *deployment) call(t *testing.T, method, path, bearer string, body any) (int, []byte) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, d.url+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, answer
}

// refresh redeems a token. It returns the status and the successor.
func (d *deployment) refresh(t *testing.T, raw string) (status int, successor string) {
	t.Helper()
	status, answer := d.call(t, http.MethodPost, "/api/v1/refresh", "", map[string]string{
		"refresh_token": raw,
	})
	var fields struct {
		Refresh string `json:"refresh_token"`
	}
	if err := json.Unmarshal(answer, &fields); err != nil {
		t.Fatal(err)
	}
	if status == http.StatusUnprocessableEntity || status == http.StatusMisdirectedRequest {
		d.refused++
	}
	return status, fields.Refresh
}

// begin begins a session and returns its first refresh token of our own.
func (d *deployment) begin(t *testing.T, given claims) string {
	t.Helper()
	status, successor := d.refresh(t, d.sign(t, "old", given))
	if status != http.StatusOK {
		t.Fatalf("a session cannot begin: %d", status)
	}
	return successor
}

// admin returns an access token of an administrator who has just logged in.
func (d *deployment) admin(t *testing.T) string {
	t.Helper()
	return d.sign(t, "old", claims{
		"identity": "eve", "type": 0, "is_admin": true, "fresh": true, "exp": d.now().Unix() + 600,
	})
}

// event is a line of the audit stream.
type event map[string]any

func (e event) text(name string) string {
	text, _ := e[name].(string)
	return text
}

// events returns the lines of the audit stream with this name.
func (d *deployment) events(t *testing.T, name string) []event {
	t.Helper()
	var list []event
	for line := range strings.Lines(d.audit.String()) {
		e := decode(t, []byte(line))
		if e["audit"] != 1.0 {
			t.Errorf("the line is not told from others: %s", line)
		}
		if e.text("event") == name {
			list = append(list, e)
		}
	}
	return list
}

func decode(t *testing.T, data []byte) event {
	t.Helper()
	var e event
	if err := json.Unmarshal(data, &e); err != nil {
		t.Fatalf("no JSON: %s", data)
	}
	return e
}
