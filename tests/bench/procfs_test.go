//go:build linux

package main

import (
	"os"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	got, err := parseStat([]byte("42 (a ) b) S 1 42 42 0 -1 4194560 900 0 0 0 123 45 0 0 20 0 8 0 99 1 2 3\n"))
	if want := 168 * tick; err != nil || got != want {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if _, err := parseStat([]byte("42 (a) S 1")); err == nil {
		t.Error("no error for a short line")
	}
}

func TestParseBusyLeavesOutIdleAndWaiting(t *testing.T) {
	got, err := parseBusy([]byte("cpu  1 2 4 1000 2000 8 16 32 0 0\ncpu0 9 9 9 9 9 9 9 9 9 9\n"))
	if want := 63 * tick; err != nil || got != want {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

func TestOwnMemoryAndTime(t *testing.T) {
	now, peak, err := memory(os.Getpid())
	if err != nil || now <= 0 || peak < now {
		t.Errorf("memory %d, peak %d, %v", now, peak, err)
	}
	if used := ownCPUTime(); used <= 0 || used > time.Hour {
		t.Errorf("own CPU time %v", used)
	}
}
