package main

import "testing"

func TestCommitOf(t *testing.T) {
	for _, c := range []struct {
		known map[string]string
		want  string
	}{
		{nil, ""},
		{
			map[string]string{
				"vcs.revision": "0123456789abcdef0123456789abcdef01234567",
				"vcs.time":     "2026-11-26T01:02:03Z",
				"vcs.modified": "false",
			},
			" (commit 0123456789ab of 2026-11-26T01:02:03Z)",
		},
		{
			map[string]string{
				"vcs.revision": "0123",
				"vcs.time":     "2026-11-26T01:02:03Z",
				"vcs.modified": "true",
			},
			" (commit 0123 of 2026-11-26T01:02:03Z, with local changes)",
		},
	} {
		if got := commitOf(c.known); got != c.want {
			t.Errorf("commitOf(%v) = %q, want %q", c.known, got, c.want)
		}
	}
}
