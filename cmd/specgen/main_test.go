package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

func TestGolden(t *testing.T) {
	const golden = "testdata/example/decode.gen.go"
	got := generated(t, "testdata/example/openapi.yaml")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(got, read(t, golden)) {
		t.Errorf(
			"the output differs from %s; see what changed with go test ./cmd/specgen -update",
			golden,
		)
	}
}

func TestGenIsUpToDate(t *testing.T) {
	if !bytes.Equal(generated(t, "../../openapi.yaml"), read(t, "../../gen/decode.gen.go")) {
		t.Error("gen/decode.gen.go differs from what openapi.yaml asks for: go generate ./...")
	}
}

// TestRefused changes one line of the example at a time.
func TestRefused(t *testing.T) {
	const (
		body   = "spec.yaml: #/components/schemas/RevokeRequest: "
		page   = "spec.yaml: #/components/schemas/VisitRequest/properties/page: "
		reason = "spec.yaml: #/components/schemas/VisitRequest/properties/reason: "
		search = "spec.yaml: #/components/schemas/SearchForm"
		post   = "spec.yaml: #/paths/~1revoke/post/requestBody"
	)
	const pageLine = "page: {type: integer, format: int32, default: 1, example: 7}"
	for _, test := range []struct{ name, old, new, want string }{
		{"OpenAPI 3.1", "openapi: 3.0.3", "openapi: 3.1.0",
			"spec.yaml: #/openapi: version \"3.1.0\" is not supported, only 3.0"},
		{"optional body", "        required: true\n        content:", "        content:",
			post + `: keyword "required" must be true`},
		{"another media type", "          application/json:", "          text/plain:",
			post + "/content/text~1plain: media type is not supported, only application/json and application/x-www-form-urlencoded"},
		{"two media types",
			"          application/json:\n            schema:\n              $ref: '#/components/schemas/RevokeRequest'", "          application/json:\n            schema:\n              $ref: '#/components/schemas/RevokeRequest'\n          application/x-www-form-urlencoded:\n            schema:\n              $ref: '#/components/schemas/RevokeRequest'", post + ": must have one media type"},
		{"schema in JSON and in a form", "$ref: '#/components/schemas/SearchForm'",
			"$ref: '#/components/schemas/RevokeRequest'",
			"schema RevokeRequest is also used in another media type"},
		{"closed form", "      required: [visit_text]",
			"      additionalProperties: false\n      required: [visit_text]",
			search + `: keyword "additionalProperties" must be true, because forms ignore unknown parameters (RFC 6749, section 3.2)`},
		{"number in a form", "order: {type: string, maxLength: 3}",
			"order: {type: integer, format: int32}",
			search + `/properties/order: keyword "type" must be string in a form`},
		{"required parameter that may be empty", "minLength: 2, maxLength: 4", "maxLength: 4",
			search + `/properties/visit_text: keyword "minLength" must be at least 1 for a required parameter of a form`},
		{"optional parameter that may not be empty", "maxLength: 3", "minLength: 1",
			search + `/properties/order: keyword "minLength" must be absent for an optional parameter of a form`},
		{"no schema",
			"            schema:\n              $ref: '#/components/schemas/RevokeRequest'",
			"            example: {}",
			post + `/content/application~1json: keyword "schema" is missing`},
		{"inline schema", "              $ref: '#/components/schemas/RevokeRequest'",
			"              type: object",
			post + "/content/application~1json/schema: must be a $ref to #/components/schemas/"},
		{"keyword beside $ref", "              $ref: '#/components/schemas/RevokeRequest'",
			"              $ref: '#/components/schemas/RevokeRequest'\n              minProperties: 1", post + `/content/application~1json/schema: keyword "minProperties" is not supported`},
		{"array as body", "type: object\n      description: One",
			"type: array\n      items: {}\n      description: One",
			body + `keyword "type" must be object`},
		{"open object", "      additionalProperties: false\n      required: [refresh_token]",
			"      required: [refresh_token]",
			body + `keyword "additionalProperties" must be false`},
		{"additionalProperties true",
			"additionalProperties: false\n      required: [refresh_token]",
			"additionalProperties: true\n      required: [refresh_token]",
			body + `keyword "additionalProperties" must be false`},
		{"additionalProperties schema",
			"additionalProperties: false\n      required: [refresh_token]",
			"additionalProperties: {type: string}\n      required: [refresh_token]",
			body + `keyword "additionalProperties" must be false`},
		{"required, but no property", "required: [refresh_token]",
			"required: [refresh_token, device]",
			body + `keyword "required" names "device", which is not among "properties"`},
		{"no properties",
			"required: [refresh_token]\n      properties:\n        refresh_token: {type: string, minLength: 1, description: A token, example: abc}", "title: x", body + `keyword "properties" is missing`},
		{"extension on the object", "      description: One required string.",
			"      x-go-name: Revocation", body + `keyword "x-go-name" is not supported`},
		{"$ref as property", pageLine, "page: {$ref: '#/components/schemas/Unused'}",
			page + `keyword "$ref" is not supported`},
		{"object as property", pageLine, "page: {type: object}",
			page + `keyword "type" must be string or integer`},
		{"array as property", pageLine, "page: {type: array, items: {}}",
			page + `keyword "type" must be string or integer`},
		{"boolean", pageLine, "page: {type: boolean}",
			page + `keyword "type" must be string or integer`},
		{"number", pageLine, "page: {type: number}",
			page + `keyword "type" must be string or integer`},
		{"no type", pageLine, "page: {description: anything}",
			page + `keyword "type" must be string or integer`},
		{"int64", "format: int32, default", "format: int64, default",
			page + `keyword "format" must be int32`},
		{"integer of any size", "format: int32, default", "default",
			page + `keyword "format" must be int32`},
		{"minimum with a fraction", "default: 1,", "minimum: 0.5,",
			page + `keyword "minimum" must be a whole number that fits int32`},
		{"maximum above int32", "default: 1,", "maximum: 2147483648,",
			page + `keyword "maximum" must be a whole number that fits int32`},
		{"minimum below int32", "default: 1,", "minimum: -2147483649,",
			page + `keyword "minimum" must be a whole number that fits int32`},
		{"default of another type", "default: 1,", "default: one,",
			"invalid default: value must be an integer"},
		{"default out of range", "default: 1,", "default: 1, minimum: 2,",
			"invalid default: number must be at least 2"},
		{"endless maxLength", "maxLength: 200", "maxLength: 2147483648",
			reason + `keyword "maxLength" must fit int32`},
		{"endless minLength", "maxLength: 200", "minLength: 2147483648",
			reason + `keyword "minLength" must fit int32`},
		{"extension on a property", "maxLength: 200", "x-go-type: Reason",
			reason + `keyword "x-go-type" is not supported`},
		{"keyword of another type", "maxLength: 200", "maximum: 200",
			reason + `keyword "maximum" is not supported`},
		{"format of a string", "maxLength: 200", "format: uuid",
			reason + `keyword "format" is not supported`},
		{"keyword of nobody", "maxLength: 200", "maxLenght: 200",
			reason + `keyword "maxLenght" is not supported`},
		{"not OpenAPI", "openapi: 3.0.3", "swagger: 2.0",
			"spec.yaml: #/openapi: version \"\" is not supported, only 3.0"},
		{"property without a schema", "reason: {type: string, maxLength: 200}", "reason:",
			"spec.yaml: invalid schema"},
		{"no paths", "paths:", "x-paths:", "spec.yaml: #/paths: is missing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantRefusal(t, edited(t, test.old, test.new), test.want)
		})
	}
}

func TestEveryRefusalIsListed(t *testing.T) {
	spec := strings.Replace(
		edited(t, "maxLength: 200", "pattern: a, title: b"),
		"default: 1",
		"multipleOf: 2",
		1,
	)
	want := `spec.yaml: #/components/schemas/VisitRequest/properties/page: keyword "multipleOf" is not supported
spec.yaml: #/components/schemas/VisitRequest/properties/reason: keyword "title" is not supported
spec.yaml: #/components/schemas/VisitRequest/properties/reason: keyword "pattern" is not supported`
	if _, err := generate("spec.yaml", []byte(spec)); err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out.go")
	refused := filepath.Join(dir, "refused.yaml")
	if err := os.WriteFile(refused, []byte(edited(t, "maxLength: 200", "pattern: a")),
		0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		args []string
		ok   bool
	}{
		{"no document", nil, false},
		{"two documents", []string{"a.yaml", "b.yaml"}, false},
		{"unknown flag", []string{"-x", "a.yaml"}, false},
		{"no such document", []string{filepath.Join(dir, "absent.yaml")}, false},
		{"refused document", []string{"-o", out, refused}, false},
		{"OK", []string{"-o", out, "testdata/example/openapi.yaml"}, true},
	} {
		err := run(test.args, new(bytes.Buffer))
		_, statErr := os.Stat(out)
		if (err == nil) != test.ok || (statErr == nil) != test.ok {
			t.Errorf("%s: error %v; output: %v", test.name, err, statErr)
		}
	}
	if !bytes.Equal(read(t, out), generated(t, "testdata/example/openapi.yaml")) {
		t.Error("the file differs from what was generated")
	}
}

func generated(t *testing.T, spec string) []byte {
	t.Helper()
	source, err := generate(spec, read(t, spec))
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// edited returns the example with old, which is there once, replaced.
func edited(t *testing.T, old, replacement string) string {
	t.Helper()
	spec := string(read(t, "testdata/example/openapi.yaml"))
	if strings.Count(spec, old) != 1 {
		t.Fatalf("the example has %q %d times", old, strings.Count(spec, old))
	}
	return strings.Replace(spec, old, replacement, 1)
}

func wantRefusal(t *testing.T, spec, want string) {
	t.Helper()
	source, err := generate("spec.yaml", []byte(spec))
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error:\n%v\nwant:\n%s", err, want)
	}
	if source != nil {
		t.Error("there is output in spite of the error")
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
