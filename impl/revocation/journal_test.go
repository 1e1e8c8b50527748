package revocation_test

import (
	"strings"

	"kalsel.dev/refresh/tests/logs"
)

// journal holds the log lines.
type journal struct{ logs.Log }

func (j *journal) has(text string) bool { return strings.Contains(j.String(), text) }

func (j *journal) count(text string) int { return strings.Count(j.String(), text) }
