// Command mutants changes one operator of the product code at a time and runs the package's tests
// against it, with go-gremlins. A change that no test notices must stand in survivors.txt beside
// this file, with the reason why it is harmless.
//
//	go run ./tests/mutants GREMLINS PACKAGE...
//
// The tests run with -short: without the models of the protocol, which do not run product code.
//
// GREMLINS is the command that runs gremlins. Each PACKAGE is a folder, such as ./impl/token.
package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed survivors.txt
var listed string

func main() {
	if len(os.Args) < 3 {
		fail(errors.New("give the command of gremlins and at least one package"))
	}
	folder, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		fail(err)
	}
	defer os.RemoveAll(folder)
	if err := run(folder, strings.Fields(os.Args[1]), os.Args[2:]); err != nil {
		_ = os.RemoveAll(folder)
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "mutants:", err)
	os.Exit(1)
}

func run(folder string, gremlins, packages []string) error {
	// Gremlins copies the whole module for each worker, so it gets a copy without node_modules.
	if err := copyModule(folder); err != nil {
		return err
	}
	known, err := readSurvivors()
	if err != nil {
		return err
	}
	var failures []string
	for _, path := range packages {
		survivors, err := survivorsOf(folder, gremlins, path)
		if err != nil {
			return err
		}
		prefix := filepath.Clean(path) + "/"
		for _, s := range survivors {
			if !slices.Contains(known, s) {
				failures = append(failures, "no test notices: "+s)
			}
		}
		for _, s := range known {
			if strings.HasPrefix(s, prefix) && !slices.Contains(survivors, s) {
				failures = append(
					failures,
					"survivors.txt lists a change that is noticed or gone: "+s,
				)
			}
		}
	}
	if len(failures) > 0 {
		return errors.New(strings.Join(failures, "\n"))
	}
	return nil
}

func copyModule(folder string) error {
	list, err := exec.Command("git", "ls-files", "-z", "--", ".", ":!tests/web").Output()
	if err != nil {
		return fmt.Errorf("list the files of the repository: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		data, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted here
		}
		to := filepath.Join(folder, name)
		if err = errors.Join(err, os.MkdirAll(filepath.Dir(to), 0o700)); err != nil {
			return err
		}
		if err := os.WriteFile(to, data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// readSurvivors returns the listed changes. Each line is a change, " # " and a reason.
func readSurvivors() ([]string, error) {
	var all []string
	for line := range strings.Lines(listed) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.LastIndex(line, " # ")
		if at < 0 {
			return nil, fmt.Errorf("survivors.txt: no reason in the line %q", line)
		}
		all = append(all, strings.TrimSpace(line[:at]))
	}
	return all, nil
}

// results is the part of gremlins' report that is used here.
type results struct {
	Files []struct {
		Name      string     `json:"file_name"`
		Mutations []mutation `json:"mutations"`
	} `json:"files"`
}

// mutation is one change and whether the tests noticed it.
type mutation struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Type   string `json:"type"`
	Status string `json:"status"`
}

// survivorsOf runs gremlins on a package and returns the changes that its tests do not notice, as
// "FILE: TYPE: LINE OF CODE". A line number would change with every edit.
func survivorsOf(folder string, gremlins []string, path string) ([]string, error) {
	report := filepath.Join(folder, "report.json")
	args := append(slices.Clone(gremlins[1:]), "unleash", path, "--output", report,
		"--workers", "1", "--timeout-coefficient", "10")
	cmd := exec.Command(gremlins[0], args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "GOFLAGS=-short")
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("gremlins on %s: %w", path, err)
	}
	data, err := os.ReadFile(report)
	if err != nil {
		return nil, err
	}
	var r results
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, err
	}
	var all []string
	for _, file := range r.Files {
		name := filepath.Join(filepath.Clean(path), filepath.Base(file.Name))
		code, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return nil, err
		}
		lines := bytes.Split(code, []byte("\n"))
		for _, m := range file.Mutations {
			lived := m.Status == "LIVED"
			if m.Status == "NOT COVERED" {
				found, err := noticed(folder, path, name, m)
				if err != nil {
					return nil, err
				}
				lived = !found
			}
			if lived {
				line := strings.TrimSpace(string(lines[m.Line-1]))
				all = append(all, fmt.Sprintf("%s: %s: %s", name, m.Type, line))
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
