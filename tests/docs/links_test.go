// Package docs_test holds what is written in Markdown to what is there.
package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// links are the files that a document links to, as paths below root.
func links(t *testing.T, document string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, document))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, found := range link.FindAllStringSubmatch(string(text), -1) {
		path, _, _ := strings.Cut(found[1], "#")
		if path != "" && !strings.Contains(path, "://") {
			all = append(all, filepath.Join(filepath.Dir(document), path))
		}
	}
	return all
}

func documents(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git"):
			return filepath.SkipDir
		case filepath.Ext(path) == ".md":
			name, err := filepath.Rel(root, path)
			all = append(all, name)
			return err
		}
		return nil
	})
	if err != nil || len(all) < 10 {
		t.Fatalf("%d documents, %v", len(all), err)
	}
	return all
}

func TestLinksLeadSomewhere(t *testing.T) {
	for _, document := range documents(t) {
		for _, target := range links(t, document) {
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s links to %s, which is not there", document, target)
			}
		}
	}
}

// TestEveryDocumentIsListed: what stands in no index is found by nobody.
func TestEveryDocumentIsListed(t *testing.T) {
	for _, folder := range []string{"docs", "docs/decisions"} {
		listed := map[string]bool{filepath.Join(folder, "README.md"): true}
		for _, target := range links(t, filepath.Join(folder, "README.md")) {
			listed[target] = true
		}
		for _, document := range documents(t) {
			if filepath.Dir(document) == filepath.FromSlash(folder) && !listed[document] {
				t.Errorf("%s does not list %s", filepath.Join(folder, "README.md"), document)
			}
		}
	}
}
