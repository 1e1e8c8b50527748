package main

import (
	"math"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// member is one property of a request body.
type member struct {
	Name     string // in JSON
	Field    string // in Go
	Kind     string // method of strictjson.Body: String or Integer
	Required bool
	Min, Max int64  // of an integer; of a string the length in characters
	Default  *int64 // of an integer, nil if there is none
}

// member reads the schema of one property.
func (r *reader) member(place, name string, ref *openapi3.SchemaRef) member {
	m := member{Name: name, Field: goName(name)}
	if ref.Ref != "" {
		r.refuseKeywords(place, []string{"$ref"})
		return m
	}
	switch schema := ref.Value; {
	case schema.Type.Is(openapi3.TypeString):
		m.Kind = "String"
		m.Min, m.Max = r.length(place, "minLength", schema.MinLength), math.MaxInt32
		if schema.MaxLength != nil {
			m.Max = r.length(place, "maxLength", *schema.MaxLength)
		}
		r.refuseKeywords(place, unsupportedKeywords(schema, stringKeywords))
	case schema.Type.Is(openapi3.TypeInteger):
		m.Kind = "Integer"
		if schema.Format != "int32" {
			r.refuse(place, `keyword "format" must be int32`)
		}
		m.Min = r.whole(place, "minimum", schema.Min, math.MinInt32)
		m.Max = r.whole(place, "maximum", schema.Max, math.MaxInt32)
		m.Default = r.preset(place, schema)
		r.refuseKeywords(place, unsupportedKeywords(schema, integerKeywords))
	default:
		r.refuse(place, `keyword "type" must be string or integer`)
	}
	return m
}

// length returns the value of a keyword of a string. No body is as long as the greatest int32.
func (r *reader) length(place, keyword string, value uint64) int64 {
	if value > math.MaxInt32 {
		r.refuse(place, "keyword %q must fit int32", keyword)
		return 0
	}
	return int64(value)
}

// whole returns the value of a keyword of an int32, or otherwise if the keyword is absent.
func (r *reader) whole(place, keyword string, value *float64, otherwise int64) int64 {
	if value == nil {
		return otherwise
	}
	if *value != math.Trunc(*value) || *value < math.MinInt32 || *value > math.MaxInt32 {
		r.refuse(place, "keyword %q must be a whole number that fits int32", keyword)
	}
	return int64(*value)
}

// preset returns the value of the keyword "default" of an int32, or nil if the keyword is absent.
func (r *reader) preset(place string, schema *openapi3.Schema) *int64 {
	if schema.Default == nil {
		return nil
	}
	value, _ := schema.Default.(float64) // a number: Validate has compared it with the schema
	number := r.whole(place, "default", &value, 0)
	return &number
}

// goName spells a JSON name as oapi-codegen spells the Go field. If they ever differ, the generated
// code does not compile.
func goName(name string) string {
	words := strings.FieldsFunc(name, func(c rune) bool { return strings.ContainsRune("_-. ", c) })
	for i, word := range words {
		switch word {
		case "id", "ip", "url", "uri", "ttl", "uid", "api":
			words[i] = strings.ToUpper(word)
		default:
			words[i] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return strings.Join(words, "")
}
