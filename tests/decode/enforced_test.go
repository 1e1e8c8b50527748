package decode_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// mutation changes one constraint of a request schema.
type mutation struct {
	keyword string
	change  string
	apply   func(*openapi3.Schema)
}

// TestEveryLineOfTheSpecIsEnforced changes the constraints of the request schemas one at a time. The bodies in
// testdata/bodies must show each change: at least one of them is then judged otherwise by the contract than by the
// decoder. If no body shows the change of a constraint, the constraint could be wrong in the decoder too, unnoticed.
func TestEveryLineOfTheSpecIsEnforced(t *testing.T) {
	original := newContract(t)
	for _, name := range original.names() {
		if !original.agrees(t, name) {
			t.Fatalf("%s: decoder and contract differ before any change", name)
		}
		optional := newContract(t)
		optional.routes[name].Operation.RequestBody.Value.Required = false
		if optional.agrees(t, name) {
			t.Errorf(
				"openapi.yaml: request body of %s: required removed: not noticed, not enforced by the tests",
				name,
			)
		}
		object := original.schema(name)
		for _, m := range mutations(t, object) {
			changed := newContract(t)
			m.apply(changed.schema(name))
			report(t, name, object, m, changed.agrees(t, name))
		}
		for _, property := range slices.Sorted(maps.Keys(object.Properties)) {
			for _, m := range mutations(t, object.Properties[property].Value) {
				changed := newContract(t)
				m.apply(changed.schema(name).Properties[property].Value)
				report(
					t,
					name+"/properties/"+property,
					object.Properties[property].Value,
					m,
					changed.agrees(t, name),
				)
			}
		}
	}
}

func report(t *testing.T, place string, schema *openapi3.Schema, m mutation, unnoticed bool) {
	t.Helper()
	line := schema.Origin.Key.Line
	if at, ok := schema.Origin.Fields.Lookup(m.keyword); ok {
		line = at.Line
	}
	what := fmt.Sprintf(
		"openapi.yaml:%d: %s%s: %s %s",
		line,
		componentSchemas,
		place,
		m.keyword,
		m.change,
	)
	if unnoticed {
		t.Errorf("%s: not noticed, not enforced by the tests", what)
		return
	}
	t.Log(what + ": noticed")
}

// agrees reports whether the contract and the decoder blame the same members of each body.
func (c *contract) agrees(t *testing.T, name string) bool {
	for _, body := range bodies(t, name) {
		err := decoders()[name]().DecodeStrict(body)
		if !agree(blamed(err), c.expected(t, name, body), causes(err)) {
			return false
		}
	}
	return true
}

// mutations lists the changes to the constraints of one schema.
func mutations(t *testing.T, s *openapi3.Schema) []mutation {
	list := []mutation{{"type", "removed", func(s *openapi3.Schema) { s.Type = nil }}}
	for _, name := range s.Required {
		list = append(list, mutation{"required", "without " + name, func(s *openapi3.Schema) {
			s.Required = slices.DeleteFunc(
				s.Required,
				func(other string) bool { return other == name },
			)
		}})
	}
	for name := range s.Properties {
		list = append(
			list,
			mutation{
				"properties",
				"without " + name,
				func(s *openapi3.Schema) { delete(s.Properties, name) },
			},
		)
		if !slices.Contains(s.Required, name) {
			list = append(
				list,
				mutation{
					"required",
					"with " + name,
					func(s *openapi3.Schema) { s.Required = append(s.Required, name) },
				},
			)
		}
	}
	if s.AdditionalProperties.Has != nil {
		list = append(list, mutation{"additionalProperties", "removed", func(s *openapi3.Schema) {
			s.AdditionalProperties = openapi3.AdditionalProperties{}
		}})
	}
	for _, by := range []float64{-1, 1} {
		change := fmt.Sprintf("%+g", by)
		if s.Min != nil {
			list = append(
				list,
				mutation{"minimum", change, func(s *openapi3.Schema) { *s.Min += by }},
			)
		}
		if s.Max != nil {
			list = append(
				list,
				mutation{"maximum", change, func(s *openapi3.Schema) { *s.Max += by }},
			)
		}
		if s.MinLength > 0 {
			list = append(
				list,
				mutation{
					"minLength",
					change,
					func(s *openapi3.Schema) { s.MinLength += uint64(int64(by)) },
				},
			)
		}
		if s.MaxLength != nil {
			list = append(
				list,
				mutation{
					"maxLength",
					change,
					func(s *openapi3.Schema) { *s.MaxLength += uint64(int64(by)) },
				},
			)
		}
	}
	wantOnlyKnown(t, s)
	return list
}

// wantOnlyKnown fails for a keyword that mutations does not change. A default is the handler's matter; the format chooses the
// Go type, and minimum and maximum lie within it; description and example constrain nothing.
func wantOnlyKnown(t *testing.T, s *openapi3.Schema) {
	t.Helper()
	const known = " type required properties additionalProperties minimum maximum minLength maxLength default format description example "
	text, err := s.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var keywords map[string]any
	if err := json.Unmarshal(text, &keywords); err != nil {
		t.Fatal(err)
	}
	for keyword := range keywords {
		if !strings.Contains(known, " "+keyword+" ") {
			t.Errorf("keyword %q of openapi.yaml is not tried", keyword)
		}
	}
	if s.Format != "" && (s.Min == nil || s.Max == nil) {
		t.Error(
			"a format without minimum and maximum is a constraint of its own, which is not tried",
		)
	}
}
