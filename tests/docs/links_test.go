// Package docs_test compares the Markdown pages with the files of the repository.
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

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	noWord  = regexp.MustCompile(`[^a-z0-9 _-]`)
	mapped  = regexp.MustCompile("(?m)^\\| `((?:impl|cmd|tests|gen|docs)[a-z/]*)` \\|")
)

func read(t *testing.T, document string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, document))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// target is a link to a file, and to a heading in it if anchor is not empty.
type target struct{ file, anchor string }

// links returns the links of a document into the repository. Their paths start at root.
func links(t *testing.T, document string) []target {
	t.Helper()
	var all []target
	for _, found := range link.FindAllStringSubmatch(read(t, document), -1) {
		if strings.Contains(found[1], "://") {
			continue
		}
		path, anchor, _ := strings.Cut(found[1], "#")
		file := document
		if path != "" {
			file = filepath.Join(filepath.Dir(document), path)
		}
		all = append(all, target{file, anchor})
	}
	return all
}

// anchors returns the anchors that GitHub gives to the headings of a document.
func anchors(t *testing.T, document string) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, found := range heading.FindAllStringSubmatch(read(t, document), -1) {
		words := noWord.ReplaceAllString(strings.ToLower(found[1]), "")
		all[strings.ReplaceAll(words, " ", "-")] = true
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

func TestLinks(t *testing.T) {
	for _, document := range documents(t) {
		for _, to := range links(t, document) {
			if _, err := os.Stat(filepath.Join(root, to.file)); err != nil {
				t.Errorf("%s links to %s, which does not exist", document, to.file)
			} else if to.anchor != "" && !anchors(t, to.file)[to.anchor] {
				t.Errorf("%s links to %s#%s, which has no such heading", document, to.file,
					to.anchor)
			}
		}
	}
}

// TestEveryDocumentIsListed: a page that no index links to is not found.
func TestEveryDocumentIsListed(t *testing.T) {
	for _, folder := range []string{"docs", "docs/decisions", "docs/id"} {
		index := filepath.Join(folder, "README.md")
		listed := map[string]bool{index: true}
		for _, to := range links(t, index) {
			listed[to.file] = true
		}
		for _, document := range documents(t) {
			if filepath.Dir(document) == filepath.FromSlash(folder) && !listed[document] {
				t.Errorf("%s does not list %s", index, document)
			}
		}
	}
}

// TestMap: the map in the README names every package of the product, and only folders that exist.
func TestMap(t *testing.T) {
	rows := map[string]bool{}
	for _, found := range mapped.FindAllStringSubmatch(read(t, "README.md"), -1) {
		rows[strings.TrimSuffix(found[1], "/")] = true
		if _, err := os.Stat(filepath.Join(root, found[1])); err != nil {
			t.Errorf("the map names %s, which does not exist", found[1])
		}
	}
	for _, parent := range []string{"impl", "cmd"} {
		folders, err := os.ReadDir(filepath.Join(root, parent))
		if err != nil || len(folders) == 0 {
			t.Fatalf("%d folders in %s, %v", len(folders), parent, err)
		}
		for _, folder := range folders {
			if !rows[parent+"/"+folder.Name()] {
				t.Errorf("the map does not name %s/%s", parent, folder.Name())
			}
		}
	}
}
