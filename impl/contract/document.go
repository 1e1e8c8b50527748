package contract

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"
)

// The rules that the document itself must obey, so that the cases can judge by it.

// checkErrors returns an error unless the envelope requires its four fields, and every status from
// 400 has the envelope and no other content. The one field more is for OAuth errors.
func (s *spec) checkErrors() error {
	if len(s.envelope.Required) != 4 || len(s.envelope.Properties) != 5 {
		return errors.New("the schema ErrorEnvelope must have four fields that are required, and " +
			"error_description")
	}
	for path, item := range s.doc.Paths.Map() {
		for method, operation := range item.Operations() {
			for status, response := range operation.Responses.Map() {
				content := response.Value.Content
				media := content["application/json"]
				ok := len(content) == 1 && media != nil && media.Schema != nil &&
					media.Schema.Value == s.envelope
				if status >= "400" && !ok {
					return fmt.Errorf(
						"%s %s: status %s must have the schema ErrorEnvelope, as application/json only",
						method,
						path,
						status,
					)
				}
			}
		}
	}
	return nil
}

// checkRequired returns an error unless every field of an answer is required, or its description
// says when it is absent.
func (s *spec) checkRequired() error {
	var optional []string
	requests := s.requestSchemas()
	for name, schema := range s.doc.Components.Schemas {
		for _, field := range schema.Value.Required {
			if schema.Value.Properties[field] == nil {
				return fmt.Errorf("the field %s.%s is required and must be declared", name, field)
			}
		}
		if requests[schema.Value] {
			continue
		}
		for field, property := range schema.Value.Properties {
			explained := strings.Contains(property.Value.Description, "Absent ") ||
				strings.Contains(property.Value.Description, "Present only ")
			if !slices.Contains(schema.Value.Required, field) && !explained {
				optional = append(optional, name+"."+field)
			}
		}
	}
	if len(optional) > 0 {
		return fmt.Errorf(
			"the field %s must be required, or its description must say when it is absent",
			slices.Min(optional),
		)
	}
	return nil
}

// requestSchemas returns the schemas of all request bodies.
func (s *spec) requestSchemas() map[*openapi3.Schema]bool {
	found := map[*openapi3.Schema]bool{}
	for _, item := range s.doc.Paths.Map() {
		for _, operation := range item.Operations() {
			if operation.RequestBody == nil {
				continue
			}
			for _, media := range operation.RequestBody.Value.Content {
				if media.Schema != nil {
					found[media.Schema.Value] = true
				}
			}
		}
	}
	return found
}

// checkTypes returns an error unless every schema has a type or refers to another schema.
func checkTypes(document []byte) error {
	var root map[string]any
	if err := yaml.Unmarshal(document, &root); err != nil {
		return err
	}
	var untyped []string
	findUntyped(root, "", &untyped)
	if len(untyped) > 0 {
		return fmt.Errorf("the schema %s must have a type", untyped[0])
	}
	return nil
}

// findUntyped collects the schemas without a type below a value.
func findUntyped(value any, path string, untyped *[]string) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			findUntyped(item, path, untyped)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			at := path + "/" + name
			switch name {
			case "example", "examples":
				continue
			case "schemas", "properties":
				schemas, _ := value[name].(map[string]any)
				for _, schema := range slices.Sorted(maps.Keys(schemas)) {
					checkTyped(schemas[schema], at+"/"+schema, untyped)
				}
			case "schema", "items":
				checkTyped(value[name], at, untyped)
			}
			findUntyped(value[name], at, untyped)
		}
	}
}

func checkTyped(schema any, path string, untyped *[]string) {
	fields, _ := schema.(map[string]any)
	if fields["type"] == nil && fields["$ref"] == nil {
		*untyped = append(*untyped, path)
	}
}
