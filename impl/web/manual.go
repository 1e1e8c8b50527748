package web

import (
	"bytes"
	"html"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// manual adds a page for each Markdown file, below the path of the file, so that relative links
// between them are right. The programs beside them are served as text, and a folder leads to its
// README.md.
func (s *site) manual(files fs.FS) {
	if files == nil {
		return
	}
	m := &manual{files: files, paths: map[string]bool{"/openapi.yaml": true, "/docs": true}}
	m.markdown = sync.OnceValue(m.newMarkdown)
	walk := func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		file := assetOf(name, policyFile, func() []byte { return m.read(name) })
		if path.Ext(name) == ".md" {
			file = assetOf("page.html", policyPage, func() []byte { return m.page(name) })
		}
		m.paths["/"+name] = true
		s.add(http.MethodGet, "/"+name, file)
		folder := "/" + path.Dir(name)
		if path.Base(name) != "README.md" || folder == "/." {
			return nil
		}
		there := http.RedirectHandler("/"+name, http.StatusFound)
		s.add(http.MethodGet, folder+"/", there)
		if !m.paths[folder] { // /docs is another page
			m.paths[folder] = true
			s.add(http.MethodGet, folder, there)
		}
		return nil
	}
	if err := fs.WalkDir(files, ".", walk); err != nil {
		panic(err) // the files are embedded
	}
}

// read returns a file. It panics if it fails.
func (m *manual) read(name string) []byte {
	data, err := fs.ReadFile(m.files, name)
	if err != nil {
		panic(err) // the files are embedded
	}
	return data
}

// manual makes pages of Markdown files.
type manual struct {
	files    fs.FS
	paths    map[string]bool // of what is served
	markdown func() goldmark.Markdown
}

// newMarkdown returns the converter. Raw HTML in a file is left out. A table has no inline styles,
// which the policy of pages forbids.
func (m *manual) newMarkdown() goldmark.Markdown {
	tables := extension.NewTable(
		extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute))
	return goldmark.New(
		goldmark.WithExtensions(tables),
		goldmark.WithParserOptions(
			parser.WithAutoHeadingID(),
			parser.WithASTTransformers(util.Prioritized(m, 100)),
		),
	)
}

// page returns the page of a Markdown file. It panics if the file cannot be converted, which a test
// does for every file.
func (m *manual) page(name string) []byte {
	source := m.read(name)
	context := parser.NewContext()
	context.Set(fileKey, name)
	var body bytes.Buffer
	if err := m.markdown().Convert(source, &body, parser.WithContext(context)); err != nil {
		panic(err)
	}
	title, _, _ := strings.Cut(strings.TrimPrefix(string(source), "# "), "\n")
	language := "en"
	if strings.HasPrefix(name, "docs/id/") {
		language = "id"
	}
	return load("docs/manual.html", func(page string) string {
		return strings.NewReplacer(
			"{{title}}", html.EscapeString(title),
			"{{language}}", language,
			"{{body}}", body.String(),
		).Replace(page)
	})
}

//nolint:gochecknoglobals // goldmark hands out the keys of contexts
var fileKey = parser.NewContextKey()

// Transform implements parser.ASTTransformer. A link to a file that is not served becomes its text.
func (m *manual) Transform(document *ast.Document, _ text.Reader, context parser.Context) {
	name, _ := context.Get(fileKey).(string)
	var dead []*ast.Link
	see := func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if link, ok := n.(*ast.Link); ok && entering && !m.serves(name, string(link.Destination)) {
			dead = append(dead, link)
		}
		return ast.WalkContinue, nil
	}
	if err := ast.Walk(document, see); err != nil {
		panic(err) // see returns no error
	}
	for _, link := range dead {
		for child := link.FirstChild(); child != nil; {
			next := child.NextSibling()
			link.Parent().InsertBefore(link.Parent(), link, child)
			child = next
		}
		link.Parent().RemoveChild(link.Parent(), link)
	}
}

// serves reports whether the destination of a link in a file can be opened.
func (m *manual) serves(file, destination string) bool {
	u, err := url.Parse(destination)
	if err != nil {
		return false
	}
	return u.IsAbs() || u.Path == "" || m.paths[path.Join("/", path.Dir(file), u.Path)]
}
