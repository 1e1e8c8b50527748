package clients

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// open is the option that docs/clients.md names: without it the generated clients reject an answer
// that has a field more than the contract.
const open = "disallowAdditionalPropertiesIfNotPresent=false"

// generate runs openapi-generator, which make install has brought.
func (w workshop) generate(args ...string) {
	w.t.Helper()
	generator := w.installed("venv/bin/openapi-generator-cli")
	w.run(generator, append([]string{"generate", "-i", "openapi.yaml"}, args...)...)
}

// installed returns the path of a file below tests/clients/generator. If the file is missing, the
// test fails.
func (w workshop) installed(name string) string {
	w.t.Helper()
	path := filepath.Join(w.tests, "clients/generator", name)
	if _, err := os.Stat(path); err != nil {
		w.t.Fatalf("%v: run make install", err)
	}
	return path
}

func TestOpenAPIGeneratorGo(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, contractFile, "testdata/generator-go/main.go")
	w.generate("-g", "go", "-o", "refresh", "--additional-properties=packageName=refresh,"+open)
	// The client becomes a package of the caller's module. Its own tests need another library.
	for _, name := range []string{"go.mod", "go.sum", "test"} {
		if err := os.RemoveAll(filepath.Join(w.folder, "refresh", name)); err != nil {
			t.Fatal(err)
		}
	}
	w.write("go.mod", []byte("module caller\n\ngo 1.26\n"))
	w.run("go", "build", "-o", "caller", ".")
	calls(t, func(args ...string) string { return w.run("./caller", args...) })
}

func TestOpenAPIGeneratorJava(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, contractFile, "testdata/generator-java/Main.java")
	w.generate("-g", "java", "--library", "okhttp-gson", "-o", "refresh",
		"-p", "openApiNullable=false,"+open)
	sources := []string{"Main.java"}
	main := os.DirFS(filepath.Join(w.folder, "refresh/src/main/java"))
	err := fs.WalkDir(main, ".", func(name string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(name, ".java") {
			sources = append(sources, filepath.Join("refresh/src/main/java", name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	libraries := filepath.Join(w.installed("lib"), "*")
	w.run("javac", append([]string{"-nowarn", "-d", "classes", "-cp", libraries}, sources...)...)
	calls(t, func(args ...string) string {
		command := []string{"-cp", "classes" + string(os.PathListSeparator) + libraries, "Main"}
		return w.run("java", append(command, args...)...)
	})
}
