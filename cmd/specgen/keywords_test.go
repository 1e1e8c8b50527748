package main

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// samples has each keyword that openapi3.Schema knows, with a value that says something.
var samples = map[string]string{
	"oneOf":                "[{type: string}]",
	"anyOf":                "[{type: string}]",
	"allOf":                "[{type: string}]",
	"not":                  "{type: integer}",
	"type":                 "string",
	"title":                "Reason",
	"format":               "uuid",
	"description":          "Why",
	"enum":                 "[a, b]",
	"default":              "a",
	"example":              "a",
	"externalDocs":         "{url: 'https://example.org/'}",
	"uniqueItems":          "true",
	"minItems":             "1",
	"maxItems":             "2",
	"items":                "{type: string}",
	"exclusiveMinimum":     "true",
	"exclusiveMaximum":     "true",
	"minimum":              "1",
	"maximum":              "2",
	"multipleOf":           "2",
	"nullable":             "true",
	"readOnly":             "true",
	"writeOnly":            "true",
	"allowEmptyValue":      "true",
	"deprecated":           "true",
	"xml":                  "{name: a}",
	"minLength":            "1",
	"maxLength":            "2",
	"pattern":              "a",
	"required":             "[a]",
	"properties":           "{a: {type: string}}",
	"minProperties":        "1",
	"maxProperties":        "2",
	"additionalProperties": "false",
	"discriminator":        "{propertyName: a}",
	// Since OpenAPI 3.1:
	"const":                 "a",
	"examples":              "[a]",
	"prefixItems":           "[{type: string}]",
	"contains":              "{type: string}",
	"minContains":           "1",
	"maxContains":           "2",
	"patternProperties":     "{a: {type: string}}",
	"dependentSchemas":      "{a: {type: string}}",
	"propertyNames":         "{type: string}",
	"unevaluatedItems":      "false",
	"unevaluatedProperties": "false",
	"if":                    "{type: string}",
	"then":                  "{type: string}",
	"else":                  "{type: string}",
	"dependentRequired":     "{a: [b]}",
	"$defs":                 "{a: {type: string}}",
	"$schema":               "'https://example.org/'",
	"$comment":              "a",
	"$id":                   "a",
	"$anchor":               "a",
	"$dynamicRef":           "a",
	"$dynamicAnchor":        "a",
	"contentMediaType":      "text/plain",
	"contentEncoding":       "base64",
	"contentSchema":         "{type: string}",
	"Always":                "", // the schema true or false
}

// TestEveryKeyword puts each keyword into a property and into a request body: the generator
// supports it or names it.
func TestEveryKeyword(t *testing.T) {
	for keyword, value := range samples {
		line := keyword + ": " + value
		if keyword == "Always" {
			wantRefusal(
				t,
				edited(t, "{type: string, maxLength: 200}", "true"),
				"/properties/reason: ",
			)
			continue
		}
		want := fmt.Sprintf("keyword %q", keyword)
		if !slices.Contains(strings.Fields(stringKeywords), keyword) {
			t.Run("string/"+keyword, func(t *testing.T) {
				wantRefusal(t, edited(t, "maxLength: 200", line), want)
			})
		}
		if !slices.Contains(strings.Fields(objectKeywords), keyword) {
			t.Run("object/"+keyword, func(t *testing.T) {
				wantRefusal(t, edited(t, "description: One required string.", line), want)
			})
		}
		if !slices.Contains(strings.Fields(integerKeywords), keyword) {
			t.Run("integer/"+keyword, func(t *testing.T) {
				wantRefusal(t, edited(t, "default: 1", line), want)
			})
		}
	}
}

// TestSamplesAreComplete fails when a new version of the library knows a keyword that samples
// lacks.
func TestSamplesAreComplete(t *testing.T) {
	for field := range reflect.TypeFor[openapi3.Schema]().Fields() {
		keyword := keywordOf(field)
		if keyword == "" {
			continue
		}
		if _, ok := samples[keyword]; !ok {
			t.Errorf("openapi3.Schema has the new keyword %q", keyword)
		}
	}
}

// TestKeywordByReflection sets each field of openapi3.Schema alone: where validation of the
// document lets a keyword pass, the generator sees it nevertheless.
func TestKeywordByReflection(t *testing.T) {
	for field := range reflect.TypeFor[openapi3.Schema]().Fields() {
		keyword := keywordOf(field)
		if keyword == "" {
			continue
		}
		schema := new(openapi3.Schema)
		fill(t, reflect.ValueOf(schema).Elem().FieldByIndex(field.Index))
		if got := unsupportedKeywords(schema, ""); !slices.Equal(got, []string{keyword}) {
			t.Errorf("%s: got %q, want [%q]", field.Name, got, keyword)
		}
	}
}

func fill(t *testing.T, field reflect.Value) {
	switch field.Kind() {
	case reflect.Pointer:
		field.Set(reflect.New(field.Type().Elem()))
	case reflect.Slice:
		field.Set(reflect.MakeSlice(field.Type(), 1, 1))
	case reflect.Map:
		field.Set(reflect.MakeMap(field.Type()))
	case reflect.String:
		field.SetString("a")
	case reflect.Bool:
		field.SetBool(true)
	case reflect.Uint64:
		field.SetUint(1)
	case reflect.Interface:
		field.Set(reflect.ValueOf("a"))
	case reflect.Struct:
		fill(t, field.Field(0))
	default:
		t.Fatalf("a field of type %s is new", field.Type())
	}
}
