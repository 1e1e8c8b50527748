//go:build linux

package deploy

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/tests/server"
)

// gateway starts a gateway with its file in deploy/gateways, in front of refreshd and an API, and
// returns its URL.
type gateway func(t *testing.T, refreshd, api string) string

func gateways() map[string]gateway {
	return map[string]gateway{"nginx": nginxGateway, "Caddy": caddyGateway, "HAProxy": haproxyGateway}
}

// configured writes the files with other addresses into a folder, and returns the folder.
func configured(t *testing.T, public, refreshd, api string, names ...string) string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range names {
		text := read(t, "deploy/gateways/"+name)
		for from, to := range map[string]string{
			"127.0.0.1:8000": public, "127.0.0.1:8080": refreshd, "127.0.0.1:8081": api,
		} {
			text = strings.ReplaceAll(text, from, to)
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func nginxGateway(t *testing.T, refreshd, api string) string {
	t.Helper()
	address := freeAddress(t)
	folder := configured(t, address, refreshd, api, "nginx.conf")
	main := fmt.Sprintf("daemon off;\nmaster_process off;\npid %[1]s/pid;\nerror_log stderr;\n"+
		"events {}\nhttp {\naccess_log off;\nclient_body_temp_path %[1]s/body;\n"+
		"proxy_temp_path %[1]s/proxy;\nfastcgi_temp_path %[1]s/fastcgi;\nuwsgi_temp_path %[1]s/uwsgi;\n"+
		"scgi_temp_path %[1]s/scgi;\ninclude %[1]s/nginx.conf;\n}\n", folder)
	config := filepath.Join(folder, "main.conf")
	if err := os.WriteFile(config, []byte(main), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/sbin/nginx", "-p", folder, "-c", config, "-e", "stderr")
	server.Run(t, cmd).AwaitPort(t, address)
	return "http://" + address
}

func caddyGateway(t *testing.T, refreshd, api string) string {
	t.Helper()
	address := freeAddress(t)
	folder := configured(t, "", refreshd, api, "Caddyfile")
	config := filepath.Join(folder, "main")
	main := "{\n\tadmin off\n\tauto_https off\n}\nimport " + filepath.Join(folder, "Caddyfile") + "\n"
	if err := os.WriteFile(config, []byte(main), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program(t, "caddy"), "run", "--adapter", "caddyfile", "--config", config)
	cmd.Dir = folder
	cmd.Env = []string{
		"HOME=" + folder, "SITE=http://" + address, "API=" + api, "REFRESH_SERVER=" + refreshd,
	}
	server.Run(t, cmd).AwaitPort(t, address)
	return "http://" + address
}

func haproxyGateway(t *testing.T, refreshd, api string) string {
	t.Helper()
	address := freeAddress(t)
	folder := configured(t, address, refreshd, api, "haproxy.cfg", "haproxy.lua")
	cmd := exec.Command("/usr/sbin/haproxy", "-C", folder, "-f", filepath.Join(folder, "haproxy.cfg"))
	server.Run(t, cmd).AwaitPort(t, address)
	return "http://" + address
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := server.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// echo is an API that returns what it has received.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var auth []string
	for name, values := range r.Header {
		if strings.HasPrefix(strings.ReplaceAll(strings.ToUpper(name), "_", "-"), "X-AUTH-") {
			auth = append(auth, strings.Join(values, ","))
		}
	}
	fmt.Fprintf(w, "%s %s %q identity=%s session=%s claims=%s headers=%d", r.Method, r.URL.Path, body,
		r.Header.Get("X-Auth-Identity"), r.Header.Get("X-Auth-Session"), r.Header.Get("X-Auth-Claims"),
		len(auth))
}

// access returns an access token as a login signs it.
func access(t *testing.T, identity string, fresh bool) string {
	t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"identity": identity,
		"type":     0,
		"fresh":    fresh,
		"iat":      time.Now().Unix(),
		"exp":      time.Now().Add(time.Hour).Unix(),
	}).SignedString([]byte(server.Secret))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// through sends a request with headers that pretend to be the gateway's.
func through(t *testing.T, method, url, token, body string) (status int, text string, h http.Header) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"X-Auth-Identity", "X-Auth-Session", "X-Auth-Claims", "X_Auth_Identity"} {
		r.Header[name] = []string{"mallory"}
	}
	r.Header.Set("Cookie", "refresh="+token)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer), response.Header
}

// TestGateways: each gateway passes a request on only with an acceptable access token, and with the
// headers of refreshd in place of the client's.
func TestGateways(t *testing.T) {
	t.Parallel()
	node := shared.Start(t)
	api := httptest.NewServer(http.HandlerFunc(echo))
	t.Cleanup(api.Close)
	busy := http.NewServeMux() // refreshd with a status that passes
	busy.HandleFunc("/api/v1/authenticate", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(map[bool]int{true: 429, false: 503}[strings.HasSuffix(r.Header.Get("Authorization"), "429")])
	})
	refusing := httptest.NewServer(busy)
	t.Cleanup(refusing.Close)
	plain := func(url string) string { return strings.TrimPrefix(url, "http://") }
	for name, start := range gateways() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := start(t, plain(node.URL), plain(api.URL))
			for _, c := range []struct {
				method, path, token, body string
				status                    int
				want                      string
			}{
				{"GET", "/orders", access(t, "märy@x", false), "", 200,
					`GET /orders "" identity=m%C3%A4ry@x session=- claims=- headers=3`},
				{"POST", "/orders", access(t, "-", false), "a body", 200,
					`POST /orders "a body" identity=%2D session=- claims=- headers=3`},
				{"GET", "/orders", "", "", 401, ""},
				{"POST", "/orders", "forged", "a body", 401, ""},
				{"GET", "/orders", signed(t, time.Hour), "", 401, ""},
				{"DELETE", "/password", access(t, "ana", false), "", 403, ""},
				{"PUT", "/password", access(t, "ana", true), "x", 200,
					`PUT /password "x" identity=ana session=- claims=- headers=3`},
			} {
				status, text, _ := through(t, c.method, url+c.path, c.token, c.body)
				if status != c.status || c.want != "" && text != c.want {
					t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, status, text, c.status, c.want)
				}
			}
			url = start(t, plain(refusing.URL), plain(api.URL))
			for token, want := range map[string]int{"429": 429, "503": 503} {
				status, text, h := through(t, "GET", url+"/orders", token, "")
				if status != want || h.Get("Retry-After") != "7" {
					t.Errorf("refreshd answers %d, the gateway %d %s with Retry-After %q", want, status,
						text, h.Get("Retry-After"))
				}
			}
			status, text, _ := through(t, "GET", start(t, freeAddress(t), plain(api.URL))+"/orders", "a", "")
			if status < 500 {
				t.Errorf("without refreshd the gateway answers %d %s", status, text)
			}
		})
	}
}
