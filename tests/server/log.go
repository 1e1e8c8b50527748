package server

import (
	"strings"

	"kalsel.dev/refresh/tests/logs"
)

// Log collects the output of a process or of a logger. It can be read while more is written. The
// zero value is empty.
type Log struct{ logs.Log }

// Addresses returns the addresses in the line "listening" of refreshd's log, in either log format.
// Both are "" if the line is not there yet; operations is "" if that listener is off.
func (l *Log) Addresses() (public, operations string) {
	for line := range strings.Lines(strings.ReplaceAll(l.String(), `"`, "")) {
		fields := strings.FieldsFunc(
			line,
			func(c rune) bool { return strings.ContainsRune(" ,{}\n", c) },
		)
		values := map[string]string{}
		for _, field := range fields {
			if at := strings.IndexAny(field, "=:"); at > 0 {
				values[field[:at]] = field[at+1:]
			}
		}
		if values["msg"] == "listening" && strings.HasSuffix(line, "\n") {
			return values["address"], values["operations"]
		}
	}
	return "", ""
}
