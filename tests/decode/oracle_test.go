package decode_test

import (
	"bufio"
	"bytes"
	"errors"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"kalsel.dev/refresh"
	"kalsel.dev/refresh/gen"
)

const componentSchemas = "#/components/schemas/"

// decoder is the method that specgen generates.
type decoder interface {
	DecodeStrict(data []byte) error
}

// decoders returns an empty request for each schema of a JSON request body in openapi.yaml.
func decoders() map[string]func() decoder {
	return map[string]func() decoder{
		"BrowserLoginRequest":   func() decoder { return new(gen.BrowserLoginRequest) },
		"BrowserRefreshRequest": func() decoder { return new(gen.BrowserRefreshRequest) },
		"RefreshRequest":        func() decoder { return new(gen.RefreshRequest) },
		"RevocationRequest":     func() decoder { return new(gen.RevocationRequest) },
		"RevokeRequest":         func() decoder { return new(gen.RevokeRequest) },
	}
}

// contract is openapi.yaml, or a copy that a test has changed.
type contract struct {
	doc    *openapi3.T
	routes map[string]*routers.Route // by the name of the schema of the request body
	media  map[string]string         // its media type
}

func newContract(t testing.TB) *contract {
	t.Helper()
	loader := openapi3.NewLoader()
	loader.IncludeOrigin = true
	doc, err := loader.LoadFromData(refresh.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	c := &contract{doc, map[string]*routers.Route{}, map[string]string{}}
	for _, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			if operation.RequestBody == nil {
				continue
			}
			for media, content := range operation.RequestBody.Value.Content {
				name := strings.TrimPrefix(content.Schema.Ref, componentSchemas)
				c.media[name] = media
				c.routes[name] = &routers.Route{
					Spec:      doc,
					PathItem:  item,
					Method:    method,
					Operation: operation,
				}
			}
		}
	}
	return c
}

func (c *contract) schema(name string) *openapi3.Schema {
	return c.doc.Components.Schemas[name].Value
}

// names lists the schemas of JSON request bodies.
func (c *contract) names() []string { return c.bodiesOf("application/json") }

// bodiesOf lists the schemas of request bodies in a media type.
func (c *contract) bodiesOf(media string) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(c.routes)) {
		if c.media[name] == media {
			names = append(names, name)
		}
	}
	return names
}

// offenders returns the members of body that kin-openapi refuses, "body" among them if it refuses the whole.
func (c *contract) offenders(t testing.TB, name string, body []byte) fields {
	t.Helper()
	route := c.routes[name]
	request, err := http.NewRequestWithContext(
		t.Context(),
		route.Method,
		"http://localhost/",
		bytes.NewReader(body),
	)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", c.media[name])
	input := &openapi3filter.RequestValidationInput{
		Request: request,
		Route:   route,
		Options: &openapi3filter.Options{MultiError: true, SkipSettingDefaults: true},
	}
	found := fields{}
	found.collect(
		openapi3filter.ValidateRequestBody(t.Context(), input, route.Operation.RequestBody.Value),
	)
	return found
}

// fields is a set of names of members; "body" stands for the whole body.
type fields map[string]bool

func (f fields) collect(err error) {
	var all openapi3.MultiError
	var inRequest *openapi3filter.RequestError
	var inSchema *openapi3.SchemaError
	switch {
	case err == nil:
	case errors.As(err, &inRequest) && inRequest.Reason != "" && errors.As(inRequest.Err, &all):
		for _, one := range all {
			f.collect(one)
		}
	case errors.As(err, &inSchema) && len(inSchema.JSONPointer()) > 0:
		f[inSchema.JSONPointer()[0]] = true
	case errors.As(err, &inSchema) && inSchema.SchemaField == "properties":
		// For an unknown member the library gives the name in its reason only.
		quoted := strings.TrimSuffix(
			strings.TrimPrefix(inSchema.Reason, "property "),
			" is unsupported",
		)
		name, err := strconv.Unquote(quoted)
		if err != nil {
			panic("the library's wording has changed: " + inSchema.Reason)
		}
		f[name] = true
	default:
		f["body"] = true
	}
}

func (f fields) String() string {
	return strings.Join(slices.Sorted(maps.Keys(f)), " | ")
}

// blamed returns the members that the causes of err name.
func blamed(err error) fields {
	found := fields{}
	for _, cause := range causes(err) {
		found[cause[:strings.LastIndex(cause, ": ")]] = true
	}
	return found
}

// bodies returns the bodies in testdata/bodies for a schema, one a line.
func bodies(t testing.TB, name string) [][]byte {
	t.Helper()
	file, err := os.Open("testdata/bodies/" + name + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var lines [][]byte
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		lines = append(lines, bytes.Clone(scanner.Bytes()))
	}
	if len(lines) == 0 {
		t.Fatal("no bodies for " + name)
	}
	return lines
}

// TestEveryRequestBodyIsChecked fails when openapi.yaml has a request body that these tests do not know.
func TestEveryRequestBodyIsChecked(t *testing.T) {
	known := slices.Sorted(maps.Keys(decoders()))
	if names := newContract(t).names(); !slices.Equal(names, known) {
		t.Errorf("request bodies of openapi.yaml: %q; known here: %q", names, known)
	}
}

// TestDeliberateDifferences has the bodies that kin-openapi accepts and the decoders refuse on purpose. If the library refuses
// one of them some day, it leaves this list and the one in docs/decisions/0002-generated-decoder.md.
func TestDeliberateDifferences(t *testing.T) {
	oracle := newContract(t)
	for name, body := range map[string]string{
		"name more than once":     `{"refresh_token":"a","limit":10,"limit":10}`,
		"fraction of zero":        `{"refresh_token":"a","limit":10.0}`,
		"exponent":                `{"refresh_token":"a","limit":1e1}`,
		"data after the value":    `{"refresh_token":"a"}{}`,
		"invalid UTF-8":           "{\"refresh_token\":\"\xff\"}",
		"half of surrogate pair":  `{"refresh_token":"\ud800"}`,
		"invalid UTF-8 after all": "{\"refresh_token\":\"a\"}\xff",
	} {
		if offenders := oracle.offenders(t, "RefreshRequest", []byte(body)); len(offenders) > 0 {
			t.Errorf("%s: kin-openapi blames %s", name, offenders)
		}
		if decoders()["RefreshRequest"]().DecodeStrict([]byte(body)) == nil {
			t.Errorf("%s: the decoder accepts it", name)
		}
	}
}
