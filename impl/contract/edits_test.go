package contract_test

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// edit is one change of a map in the contract. undo restores values; the caller restores the list
// of members.
type edit struct {
	name        string
	apply, undo func()
}

// edits returns the changes of a map that could each mislead a caller.
func edits(node *yaml.Node, path []string) []edit {
	var all []edit
	container := slices.Contains(
		[]string{"properties", "schemas", "parameters", "paths", "headers", "responses"},
		path[len(path)-1],
	)
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i].Value, node.Content[i+1]
		if prose(name) && !container {
			continue
		}
		removed := slices.Concat(node.Content[:i], node.Content[i+2:])
		all = append(all, edit{"without " + name, func() { node.Content = removed }, func() {}})
		if !container && value.Kind == yaml.ScalarNode {
			for _, other := range others(name, value.Value) {
				was := *value
				all = append(all, edit{
					name + " " + other,
					func() { value.Value, value.Tag, value.Style = other, "", 0 },
					func() { *value = was },
				})
			}
		}
	}
	add := func(text string) {
		var more yaml.Node
		if err := yaml.Unmarshal([]byte(text), &more); err != nil {
			panic(err) // it is written below
		}
		content := slices.Concat(node.Content, more.Content[0].Content)
		all = append(all, edit{"with " + text, func() { node.Content = content }, func() {}})
	}
	if container {
		return all
	}
	kind := member(node, "type")
	switch {
	case kind == nil:
	case kind.Value == "string":
		add("maxLength: 3")
		add("pattern: ^never$")
		add("minLength: 5000")
	case kind.Value == "integer":
		add("minimum: 3000000000000")
		add("maximum: -1")
	case kind.Value == "object":
		if member(node, "required") == nil {
			add("required: [never]")
		}
	}
	if method := member(node, "operationId"); method != nil {
		responses := member(node, "responses")
		was := responses.Content
		all = append(all, edit{"with status 409", func() {
			responses.Content = slices.Concat(was, []*yaml.Node{
				{Kind: yaml.ScalarNode, Tag: "!!str", Value: "409", Style: yaml.SingleQuotedStyle},
				last(was),
			})
		}, func() { responses.Content = was }})
	}
	return all
}

func last(nodes []*yaml.Node) *yaml.Node { return nodes[len(nodes)-1] }

// others returns other values of a keyword.
func others(keyword, value string) []string {
	switch keyword {
	case "minimum", "maximum", "minLength", "maxLength":
		n, err := strconv.Atoi(value)
		if err != nil {
			return nil
		}
		return []string{strconv.Itoa(n - 1), strconv.Itoa(n + 1)}
	case "type":
		all := []string{"string", "integer", "number", "boolean", "object", "array"}
		return slices.DeleteFunc(all, func(other string) bool {
			return other == value || value == "integer" && other == "number"
		})
	case "required", "additionalProperties", "nullable":
		if value == "true" {
			return []string{"false"}
		}
		return []string{"true"}
	case "$ref":
		// Other responses differ in prose alone.
		const other = "#/components/schemas/SessionList"
		if strings.HasPrefix(value, "#/components/schemas/") && value != other {
			return []string{other}
		}
	}
	return nil
}
