package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

const componentSchemas = "#/components/schemas/"

// The media types of request bodies.
const (
	mediaJSON = "application/json"
	mediaForm = "application/x-www-form-urlencoded"
)

// request is a request body.
type request struct {
	Type     string   // name of the schema, and of the Go type
	Form     bool     // the body is a form, else JSON
	Members  []member // sorted by name
	Required []member // in the order of the document
}

// reader collects the faults of a document while it walks through it.
type reader struct {
	file   string
	faults []error
}

// refuse notes that the document demands something at place that the decoders do not do.
func (r *reader) refuse(place, format string, args ...any) {
	fault := fmt.Sprintf(format, args...)
	r.faults = append(r.faults, fmt.Errorf("%s: %s: %s", r.file, place, fault))
}

func (r *reader) refuseKeywords(place string, keywords []string) {
	for _, keyword := range keywords {
		r.refuse(place, "keyword %q is not supported", keyword)
	}
}

// readRequests returns the request bodies that the document declares, sorted by name.
func readRequests(file string, spec []byte) ([]request, error) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(spec)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if doc.Paths == nil {
		return nil, fmt.Errorf("%s: #/paths: is missing", file)
	}

	r := &reader{file: file}
	if !strings.HasPrefix(doc.OpenAPI, "3.0.") {
		r.refuse("#/openapi", "version %q is not supported, only 3.0", doc.OpenAPI)
	}
	bodies := r.bodies(doc)
	var requests []request
	for _, name := range slices.Sorted(maps.Keys(bodies)) {
		requests = append(requests, r.object(name, bodies[name].schema, bodies[name].form))
	}
	if len(r.faults) > 0 {
		return nil, errors.Join(r.faults...)
	}
	if err := doc.Validate(loader.Context); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return requests, nil
}

// body is the schema of a request body in one media type.
type body struct {
	schema *openapi3.Schema
	form   bool
}

// bodies returns the schemas of all request bodies by name.
func (r *reader) bodies(doc *openapi3.T) map[string]body {
	found := map[string]body{}
	paths := doc.Paths.Map()
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		operations := paths[path].Operations()
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			requestBody := operations[method].RequestBody
			if requestBody == nil {
				continue
			}
			place := "#/paths/" + escape(path) + "/" + strings.ToLower(method) + "/requestBody"
			if !requestBody.Value.Required {
				r.refuse(place, `keyword "required" must be true`)
			}
			if len(requestBody.Value.Content) != 1 {
				r.refuse(place, "must have one media type")
			}
			r.collect(place, requestBody.Value.Content, found)
		}
	}
	return found
}

// collect adds the schemas of a request body to those that were found before.
func (r *reader) collect(place string, content openapi3.Content, found map[string]body) {
	for _, mediaType := range slices.Sorted(maps.Keys(content)) {
		name, schema := r.body(place, mediaType, content[mediaType].Schema)
		if schema == nil {
			continue
		}
		one := body{schema: schema, form: mediaType == mediaForm}
		if other, ok := found[name]; ok && other.form != one.form {
			r.refuse(place, "schema %s is also used in another media type", name)
		}
		found[name] = one
	}
}

// body returns the schema of a request body in one media type and its name.
func (r *reader) body(place, mediaType string, ref *openapi3.SchemaRef) (string, *openapi3.Schema) {
	place += "/content/" + escape(mediaType)
	if mediaType != mediaJSON && mediaType != mediaForm {
		r.refuse(place, "media type is not supported, only "+mediaJSON+" and "+mediaForm)
		return "", nil
	}
	if ref == nil {
		r.refuse(place, `keyword "schema" is missing`)
		return "", nil
	}
	place += "/schema"
	name, ok := strings.CutPrefix(ref.Ref, componentSchemas)
	if !ok {
		r.refuse(place, "must be a $ref to %s", componentSchemas)
		return "", nil
	}
	r.refuseKeywords(place, siblings(ref))
	return name, ref.Value
}

// object reads the schema of a request body.
func (r *reader) object(name string, schema *openapi3.Schema, form bool) request {
	place := componentSchemas + name
	if !schema.Type.Is(openapi3.TypeObject) {
		r.refuse(place, `keyword "type" must be object`)
	}
	switch open := schema.AdditionalProperties.Has; {
	case !form && (open == nil || *open):
		r.refuse(place, `keyword "additionalProperties" must be false`)
	case form && open != nil && !*open:
		r.refuse(place, `keyword "additionalProperties" must be true, because forms ignore `+
			`unknown parameters (RFC 6749, section 3.2)`)
	}
	if len(schema.Properties) == 0 {
		r.refuse(place, `keyword "properties" is missing`)
	}
	r.refuseKeywords(place, unsupportedKeywords(schema, objectKeywords))

	result := request{Type: name, Form: form}
	for _, property := range slices.Sorted(maps.Keys(schema.Properties)) {
		at := place + "/properties/" + escape(property)
		m := r.member(at, property, schema.Properties[property])
		m.Required = slices.Contains(schema.Required, property)
		if form {
			r.parameter(at, m)
		}
		result.Members = append(result.Members, m)
	}
	for _, property := range schema.Required {
		i := slices.IndexFunc(result.Members, func(m member) bool { return m.Name == property })
		if i < 0 {
			r.refuse(
				place,
				`keyword "required" names %q, which is not among "properties"`,
				property,
			)
			continue
		}
		result.Required = append(result.Required, result.Members[i])
	}
	return result
}

// parameter refuses a member of a form that is not text, or whose length does not agree with the
// rule that an empty value counts as absent.
func (r *reader) parameter(place string, m member) {
	switch {
	case m.Kind != "String":
		r.refuse(place, `keyword "type" must be string in a form`)
	case m.Required && m.Min < 1:
		r.refuse(place, `keyword "minLength" must be at least 1 for a required parameter of a form`)
	case !m.Required && m.Min > 0:
		r.refuse(place, `keyword "minLength" must be absent for an optional parameter of a form`)
	}
}

// escape makes name a part of a JSON Pointer (RFC 6901, section 3).
func escape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
