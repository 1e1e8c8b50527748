package identity

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	refresh "kalsel.dev/refresh"
	"kalsel.dev/refresh/gen"
)

func TestAnswers(t *testing.T) {
	const isJSON = "application/json"
	for name, c := range map[string]struct {
		status     int
		media      string
		body       string
		verdict    verdict
		claims     string
		wantReason reason
	}{
		"claims": {200, isJSON, `{"claims":{"a":1}}`, updated, `{"a":1}`, ""},
		"with the identity": {200, isJSON, `{"identity":"\u0061na","claims":{}}`, updated,
			`{}`, ""},
		"further members": {200, isJSON, `{"claims":{},"more":[{}]}`, updated, `{}`, ""},
		"a character set": {200, isJSON + "; charset=utf-8", ` {"claims":{}} `, updated,
			`{}`, ""},
		"forbidden": {403, isJSON, `{}`, notAllowed, "", ""},
		"not found": {404, isJSON, `{"detail":"none"}`, gone, "", ""},
		"gone":      {410, isJSON, `{"identity":"ana"}`, gone, "", ""},
		"another identity": {200, isJSON, `{"identity":"eve","claims":{}}`, updated, "",
			otherIdentity},
		"another in capitals": {200, isJSON, `{"identity":"Ana","claims":{}}`, updated, "",
			otherIdentity},
		"another is gone":       {404, isJSON, `{"identity":"eve"}`, updated, "", otherIdentity},
		"another is forbidden":  {403, isJSON, `{"identity":"eve"}`, updated, "", otherIdentity},
		"an identity as number": {200, isJSON, `{"identity":7,"claims":{}}`, updated, "", invalid},
		"an identity as null":   {200, isJSON, `{"identity":null,"claims":{}}`, updated, `{}`, ""},
		"null is gone":          {404, isJSON, `{"identity":null}`, gone, "", ""},
		"no claims":             {200, isJSON, `{}`, updated, "", invalid},
		"claims as a list":      {200, isJSON, `{"claims":[]}`, updated, "", invalid},
		"claims as null":        {200, isJSON, `{"claims":null}`, updated, "", invalid},
		"claims twice":          {200, isJSON, `{"claims":{},"claims":{}}`, updated, "", invalid},
		"a list":                {404, isJSON, `[]`, updated, "", invalid},
		"nothing":               {404, isJSON, ``, updated, "", invalid},
		"cut off":               {404, isJSON, `{"a":`, updated, "", invalid},
		"two objects":           {404, isJSON, `{}{}`, updated, "", invalid},
		"a name twice within":   {200, isJSON, `{"claims":{"a":{"b":1,"b":2}}}`, updated, "", invalid},
		"invalid UTF-8":         {200, isJSON, "{\"claims\":{\"a\":\"\xff\"}}", updated, "", invalid},
		"half a surrogate":      {200, isJSON, `{"claims":{"a":"\ud800"}}`, updated, "", invalid},
		"a byte order mark":     {404, isJSON, "\ufeff{}", updated, "", invalid},
		"a number out of range": {200, isJSON, `{"claims":{"a":1e400}}`, updated, "", invalid},
		"a number beyond 2^53": {200, isJSON, `{"claims":{"a":9007199254740993}}`, updated,
			`{"a":9007199254740993}`, ""},
		"a page":             {404, "text/html", `<html></html>`, updated, "", invalid},
		"JSON as a page":     {404, "text/html", `{}`, updated, "", invalid},
		"a problem document": {404, "application/problem+json", `{}`, updated, "", invalid},
		"no media type":      {410, "", `{}`, updated, "", invalid},
		"two media types":    {404, isJSON + "|text/html", `{}`, updated, "", invalid},
		"a malformed one":    {404, isJSON + ";;=", `{}`, updated, "", invalid},
		"as large as allowed": {
			200, isJSON, `{"claims":{}}` + strings.Repeat(" ", maxAnswer-len(`{"claims":{}}`)),
			updated, `{}`, "",
		},
		"too large": {200, isJSON, `{"claims":{}}` + strings.Repeat(" ", maxAnswer), updated, "",
			invalid},
	} {
		t.Run(name, func(t *testing.T) {
			response := &http.Response{StatusCode: c.status, Header: http.Header{}}
			if c.media != "" {
				response.Header["Content-Type"] = strings.Split(c.media, "|")
			}
			a, err := read(response, []byte(c.body), "ana")
			got := reason("")
			if f, ok := errors.AsType[*failure](err); ok {
				got = f.reason
			}
			if got != c.wantReason {
				t.Fatalf("got %v, want %q", err, c.wantReason)
			}
			if a.verdict != c.verdict || string(a.claims) != c.claims {
				t.Errorf("got %v with the claims %s", a.verdict, a.claims)
			}
		})
	}
}

// TestSchemas: the body of a question has the form of openapi.yaml, and an answer that is made with
// the generated type is understood.
func TestSchemas(t *testing.T) {
	document, err := openapi3.NewLoader().LoadFromData(refresh.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []question{
		{"ana", strings.Repeat("0", 64), json.RawMessage(`{"exp":1,"deep":{"a":[null]}}`)},
		{"ana", "", json.RawMessage(`{}`)},
	} {
		text, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		var asked any
		if err := json.Unmarshal(text, &asked); err != nil {
			t.Fatal(err)
		}
		if err := document.Components.Schemas["IdentityRequest"].Value.VisitJSON(
			asked); err != nil {
			t.Error(err)
		}
		var generated gen.IdentityRequest
		if err := json.Unmarshal(text, &generated); err != nil || generated.Identity != "ana" {
			t.Errorf("%v: %+v", err, generated)
		}
	}
	identity := "ana"
	text, err := json.Marshal(gen.IdentityAnswer{
		Identity: &identity,
		Claims:   map[string]any{"role": "new"},
	})
	if err != nil {
		t.Fatal(err)
	}
	ok := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}}
	if a, err := read(ok, text, identity); err != nil || string(a.claims) != `{"role":"new"}` {
		t.Errorf("%v: %s", err, a.claims)
	}
}
