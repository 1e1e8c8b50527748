package contract

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// undeclared returns the fields and headers of the answer that the document does not declare.
// Headers that the prose of the document promises for all answers, or that HTTP itself has, count as
// declared.
func (e *exchange) undeclared() []string {
	response := e.declared()
	if response == nil {
		return nil
	}
	var all []string
	known := []string{
		"Allow", "Cache-Control", "Connection", "Content-Length", "Content-Type", "Date", "Vary", "X-Request-Id",
	}
	for name := range response.Headers {
		known = append(known, http.CanonicalHeaderKey(name))
	}
	for name := range e.answer.Header {
		if !slices.Contains(known, name) {
			all = append(all, "the header "+name)
		}
	}
	var body any
	media := response.Content.Get(e.answer.Header.Get("Content-Type"))
	switch {
	case len(e.answer.Body) == 0:
		return all
	case media == nil || media.Schema == nil:
		return append(all, "a body")
	case json.Unmarshal(e.answer.Body, &body) != nil:
		return all
	}
	return append(all, undeclaredFields(media.Schema.Value, body, "")...)
}

func undeclaredFields(schema *openapi3.Schema, value any, path string) []string {
	var all []string
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			property := schema.Properties[name]
			// additionalProperties: true declares every name.
			open := schema.AdditionalProperties.Has
			switch {
			case property == nil && open != nil && *open:
				continue
			case property == nil:
				all = append(all, "the field "+path+name)
				continue
			}
			all = append(all, undeclaredFields(property.Value, inner, path+name+".")...)
		}
	case []any:
		for _, inner := range value {
			if schema.Items != nil {
				all = append(all, undeclaredFields(schema.Items.Value, inner, path)...)
			}
		}
	}
	return all
}
