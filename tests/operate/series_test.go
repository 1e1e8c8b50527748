package operate

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/tests/server"
)

const root = "../.."

// TestAlertRules runs the unit tests of the alerts with Prometheus's own tool.
func TestAlertRules(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("promtool is missing: .ci/install installs it")
		}
		t.Skip("promtool is missing")
	}
	for _, args := range [][]string{
		{"check", "rules", "alerts.yaml"},
		{"test", "rules", "alerts_test.yaml"},
	} {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir = filepath.Join(root, "deploy/prometheus")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	tested := read(t, "deploy/prometheus/alerts_test.yaml")
	for _, alert := range alerts(t) {
		if !strings.Contains(tested, "alertname: "+alert+"\n") {
			t.Errorf("%s has no test", alert)
		}
	}
}

// TestRunbook: each alert has a section of the runbook with its three parts, and each section an
// alert.
func TestRunbook(t *testing.T) {
	sections := map[string]string{}
	for section := range strings.SplitSeq(read(t, "docs/runbook.md"), "\n## ") {
		title, text, _ := strings.Cut(section, "\n")
		sections[title] = text
	}
	for _, alert := range alerts(t) {
		text, ok := sections[alert]
		if !ok {
			t.Errorf("the runbook has no section %s", alert)
		}
		for _, part := range []string{"**Meaning.**", "**Where to look.**", "**What to do.**"} {
			if ok && !strings.Contains(text, part) {
				t.Errorf("the section %s has no %s", alert, part)
			}
		}
		delete(sections, alert)
	}
	for title := range sections {
		if !strings.HasPrefix(title, "# Runbook") {
			t.Errorf("the section %q has no alert", title)
		}
	}
}

// TestSeries: alerts and dashboard use only series that a real server has, with their labels.
func TestSeries(t *testing.T) {
	scraped := map[string]bool{"up": true, `up{job="refreshd"}`: true} // Prometheus's own
	eachStore(t, func(t *testing.T, store string) {
		maps.Copy(scraped, scrape(t, store))
	})
	expressions := map[string]string{"alerts.yaml": read(t, "deploy/prometheus/alerts.yaml")}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, "deploy/grafana/dashboard.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			expressions["panel "+panel.Title] += target.Expr + "\n"
		}
	}
	if len(expressions) < 15 {
		t.Fatalf("only %d expressions: the dashboard was not read", len(expressions))
	}
	selector := regexp.MustCompile(`\b((?:refreshd|process|go)_[a-z_0-9]+|up\b)(\{[^}]*\})?`)
	matcher := regexp.MustCompile(`(\w+)="([^"]*)"`)
	for where, text := range expressions {
		for _, found := range selector.FindAllStringSubmatch(text, -1) {
			name := found[1]
			if !scraped[name] {
				t.Errorf("%s uses %s, which no server has", where, name)
				continue
			}
			for _, label := range matcher.FindAllStringSubmatch(found[2], -1) {
				if label[1] == "job" || label[1] == "instance" || label[1] == "status" {
					continue // Prometheus adds the first two; a healthy server has no 500
				}
				if one := name + "{" + label[1] + `="` + label[2] + `"}`; !scraped[one] {
					t.Errorf("%s uses %s, which no server has", where, one)
				}
			}
		}
	}
}

// scrape starts a server with everything on, refreshes once, and returns the names of its series,
// each also with each of its labels.
func scrape(t *testing.T, store string) map[string]bool {
	t.Helper()
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"login","alg":"EdDSA",`+
			`"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`) // RFC 8037 appendix A.1
	}))
	t.Cleanup(issuer.Close)
	users := shared.Start(t, "fake", "--identity")
	r := shared.Start(t, "--store="+store, "--rotation", "--issuer=login", "--issuer-jwks="+issuer.URL,
		"--identity-url="+users.URL)
	r.Await(t, "refreshd to be ready", func() bool { return get(t, r.Operations+"/readyz") != "" })
	d := &deployment{url: r.URL}
	payload := fmt.Appendf(nil, `{"identity":"ana","iss":"login","type":1,"jti":"1","exp":%d}`,
		time.Now().Add(time.Hour).Unix())
	if status, _ := d.refresh(t, seal(`{"alg":"HS256"}`, payload, []byte(server.Secret))); status != 200 {
		t.Fatalf("refresh: %d", status)
	}
	label := regexp.MustCompile(`(\w+)="([^"]*)"`)
	series := map[string]bool{}
	for line := range strings.Lines(get(t, r.Operations+"/metrics")) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if at := strings.IndexByte(line, '{'); at > 0 {
			name, rest = line[:at], line[at:]
		}
		series[name] = true
		for _, pair := range label.FindAllString(rest, -1) {
			series[name+"{"+pair+"}"] = true
		}
	}
	return series
}

// get returns the body of a 200 answer, else "".
func get(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return ""
	}
	return string(body)
}

// alerts returns the names of all alerts.
func alerts(t *testing.T) []string {
	t.Helper()
	var names []string
	alert := regexp.MustCompile(`(?m)^\s+- alert: (\w+)$`)
	for _, found := range alert.FindAllStringSubmatch(read(t, "deploy/prometheus/alerts.yaml"), -1) {
		names = append(names, found[1])
	}
	if len(names) < 20 || len(slices.Compact(slices.Sorted(slices.Values(names)))) != len(names) {
		t.Fatalf("alerts: %q", names)
	}
	return names
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
