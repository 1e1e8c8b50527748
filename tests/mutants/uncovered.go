package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// testLimit is the time for the tests of one package. A change that makes them wait longer is noticed.
const testLimit = 5 * time.Minute

// replacements returns the operators that a change of this type puts in place of others, as gremlins
// does it.
func replacements(kind string) map[string]string {
	switch kind {
	case "CONDITIONALS_NEGATION":
		return map[string]string{
			"==": "!=",
			"!=": "==",
			"<":  ">=",
			"<=": ">",
			">":  "<=",
			">=": "<",
		}
	case "CONDITIONALS_BOUNDARY":
		return map[string]string{"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
	case "ARITHMETIC_BASE":
		return map[string]string{"+": "-", "-": "+", "*": "/", "/": "*", "%": "*"}
	case "INVERT_NEGATIVES":
		return map[string]string{"-": "+"}
	case "INCREMENT_DECREMENT":
		return map[string]string{"++": "--", "--": "++"}
	}
	return nil
}

// change returns the code with one operator replaced, at a line and column that both start at 1.
func change(code []byte, kind string, line, column int) ([]byte, error) {
	lines := bytes.Split(code, []byte("\n"))
	if line > len(lines) || column > len(lines[line-1]) {
		return nil, fmt.Errorf("line %d has no column %d", line, column)
	}
	before, rest := lines[line-1][:column-1], lines[line-1][column-1:]
	for _, length := range []int{2, 1} { // "<=" before "<"
		if len(rest) < length {
			continue
		}
		if to, ok := replacements(kind)[string(rest[:length])]; ok {
			lines[line-1] = append(append(bytes.Clone(before), to...), rest[length:]...)
			return bytes.Join(lines, []byte("\n")), nil
		}
	}
	return nil, fmt.Errorf("there is no operator of %s at line %d, column %d", kind, line, column)
}

// noticed makes one change and reports whether the tests of the package fail. Gremlins does not try
// the conditions of a case clause: Go counts no coverage for them.
func noticed(folder, path, name string, m mutation) (bool, error) {
	file := filepath.Join(folder, name)
	code, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	changed, err := change(code, m.Type, m.Line, m.Column)
	if err != nil {
		return false, fmt.Errorf("%s: %w", name, err)
	}
	if err := os.WriteFile(file, changed, 0o600); err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), testLimit)
	defer cancel()
	test := exec.CommandContext(ctx, "go", "test", "-count=1", "-short", "-failfast", path)
	test.Dir = folder
	err = test.Run()
	_, failed := errors.AsType[*exec.ExitError](err)
	if err != nil && !failed {
		return false, errors.Join(err, os.WriteFile(file, code, 0o600))
	}
	return failed, os.WriteFile(file, code, 0o600)
}
