package revocation_test

import (
	"strings"

	"kalsel.dev/refresh/tests/server"
)

// journal holds the log lines.
type journal struct{ server.Log }

func (j *journal) has(text string) bool { return strings.Contains(j.String(), text) }

func (j *journal) count(text string) int { return strings.Count(j.String(), text) }
