package main

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// The keywords that the decoders enforce for each type, and those that constrain nothing
// (description, example). Add a keyword here only together with its enforcement in strictjson.Body.
const (
	objectKeywords  = "type description example required properties additionalProperties"
	stringKeywords  = "type description example minLength maxLength"
	integerKeywords = "type description example format minimum maximum default"
)

// unsupportedKeywords lists the keywords of s that are not in supported (separated by spaces),
// extensions included. It looks at every field of openapi3.Schema, so that a keyword which a later
// version of the library learns is refused too.
func unsupportedKeywords(s *openapi3.Schema, supported string) []string {
	known := strings.Fields(supported)
	present := slices.Sorted(maps.Keys(s.Extensions))
	for field, value := range reflect.ValueOf(*s).Fields() {
		if keyword := keywordOf(field); keyword != "" && !value.IsZero() {
			present = append(present, keyword)
		}
	}
	return slices.DeleteFunc(present, func(keyword string) bool {
		return slices.Contains(known, keyword)
	})
}

// siblings lists the keywords beside a $ref. OpenAPI 3.0 ignores them, which their author may not
// know.
func siblings(ref *openapi3.SchemaRef) []string {
	var keywords map[string]any
	text, err := ref.MarshalJSON()
	if err == nil {
		err = json.Unmarshal(text, &keywords)
	}
	if err != nil {
		return []string{err.Error()}
	}
	delete(keywords, "$ref")
	return slices.Sorted(maps.Keys(keywords))
}

// keywordOf returns the keyword that a field of openapi3.Schema holds, or "" if the field holds
// none.
func keywordOf(field reflect.StructField) string {
	if field.Name == "Extensions" || field.Name == "Origin" {
		return ""
	}
	keyword, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	if keyword == "" || keyword == "-" {
		return field.Name
	}
	return keyword
}
