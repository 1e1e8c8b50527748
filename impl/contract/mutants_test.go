package contract_test

import (
	"cmp"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"

	refresh "kalsel.dev/refresh"
	"kalsel.dev/refresh/impl/contract"
	"kalsel.dev/refresh/tests/server"
)

// TestNoLineOfTheContractIsUnenforced changes one line of the contract at a time and runs the cases
// by the changed contract. A change that the cases do not notice is a line that nothing holds the
// server to. It must stand in testdata/survivors.txt, with the reason.
func TestNoLineOfTheContractIsUnenforced(t *testing.T) {
	survivors := readSurvivors(t)
	var mu sync.Mutex
	var all, tried, lived []string
	var group sync.WaitGroup
	limit := make(chan struct{}, 4)
	mutate(t, func(name string, document func() []byte) {
		all = append(all, name)
		if len(all)%server.Rounds(160, 1) != 0 {
			return // a few every day, and all in a soak
		}
		tried = append(tried, name)
		changed := document()
		limit <- struct{}{}
		group.Go(func() {
			defer func() { <-limit }()
			if enforced(t, changed) == "" {
				mu.Lock()
				defer mu.Unlock()
				lived = append(lived, name)
			}
		})
	})
	group.Wait()
	for _, name := range lived {
		if !slices.Contains(survivors, name) {
			t.Errorf("no case notices it: %s", name)
		}
	}
	for _, name := range survivors {
		if !slices.Contains(all, name) || slices.Contains(tried, name) && !slices.Contains(lived, name) {
			t.Errorf(
				"testdata/survivors.txt lists a change that is noticed, or that does not exist: %s",
				name,
			)
		}
	}
	t.Logf("%d of %d changes tried, %d not noticed", len(tried), len(all), len(lived))
}

// TestNoMutant: a change that changes nothing must not be noticed.
func TestNoMutant(t *testing.T) {
	if breach := enforced(t, refresh.OpenAPI); breach != "" {
		t.Errorf("the unchanged contract is not kept: %s", breach)
	}
}

// enforced returns how new servers break a contract, or "".
func enforced(t *testing.T, document []byte) string {
	changed, err := contract.New(document)
	if err != nil {
		return err.Error()
	}
	for _, name := range []string{"key pairs and rotation", "plain"} {
		at := slices.IndexFunc(
			configurations(),
			func(c configuration) bool { return c.name == name },
		)
		target := configurations()[at].target(t)
		if breach := changed.Quick().FirstBreach(t.Context(), target); breach != "" {
			return breach
		}
	}
	return ""
}

func readSurvivors(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/survivors.txt")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		name, reason, found := strings.Cut(strings.TrimSpace(line), " # ")
		switch {
		case name == "" || strings.HasPrefix(name, "#"):
		case !found || reason == "":
			t.Errorf("testdata/survivors.txt: %q has no reason", name)
		default:
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names
}

// mutate calls try with every change that edits finds. document returns the changed contract; it
// must be called before try returns.
func mutate(t *testing.T, try func(name string, document func() []byte)) {
	t.Helper()
	var root yaml.Node
	if err := yaml.Unmarshal(refresh.OpenAPI, &root); err != nil {
		t.Fatal(err)
	}
	document := func() []byte {
		text, err := yaml.Marshal(&root)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if _, err := contract.New(document()); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"paths", "components"} {
		walk(member(root.Content[0], part), []string{part}, func(name string) { try(name, document) })
	}
}

// member returns a value of a YAML map, or nil.
func member(node *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == name {
			return node.Content[i+1]
		}
	}
	return nil
}

// prose are keywords that promise nothing to a program. format is one: every number has a range or
// is of the server's own making. The callback and its schemas describe the operator's user service,
// which no client sees: the tests of impl/identity hold the server to them.
func prose(name string) bool {
	return slices.Contains([]string{
		"description", "summary", "example", "examples", "tags", "operationId", "securitySchemes",
		"format",
		"callbacks", "IdentityRequest", "IdentityAnswer",
	}, name)
}

// walk makes every edit below a node, one at a time.
func walk(node *yaml.Node, path []string, try func(name string)) {
	at := strings.Join(path, ".")
	switch node.Kind {
	case yaml.MappingNode:
		for _, e := range edits(node, path) {
			before := node.Content
			e.apply()
			try(at + ": " + e.name)
			node.Content = before
			e.undo()
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if name := node.Content[i].Value; !prose(name) || path[len(path)-1] == "properties" {
				walk(node.Content[i+1], append(slices.Clone(path), name), try)
			}
		}
	case yaml.SequenceNode:
		for i, item := range node.Content {
			step := cmp.Or(item.Value, strconv.Itoa(i))
			if name := member(item, "name"); name != nil {
				step = name.Value
			}
			before := node.Content
			node.Content = slices.Delete(slices.Clone(before), i, i+1)
			try(at + ": without " + step)
			node.Content = before
			walk(item, append(slices.Clone(path), step), try)
		}
	}
}
