package store

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestGroupCommits: how often a batch of three changes is committed, and the answer to each caller,
// by the outcome of the first commit.
func TestGroupCommits(t *testing.T) {
	lost, wrong := errors.New("the connection is lost"), errors.New("a wrong statement")
	for name, c := range map[string]struct {
		commit  func(batch []int) (culprit int, err error)
		batches [][]int // the longest first
		failed  map[int]error
	}{
		"OK": {
			func([]int) (int, error) { return -1, nil },
			[][]int{{1, 2, 3}},
			nil,
		},
		// The changes may be committed. The callers try again, not the store.
		"ErrOutcomeUnknown": {
			func([]int) (int, error) { return -1, lost },
			[][]int{{1, 2, 3}},
			map[int]error{1: lost, 2: lost, 3: lost},
		},
		"ErrOneIsWrong": {
			func(batch []int) (int, error) {
				if at := slices.Index(batch, 2); at >= 0 {
					return at, wrong
				}
				return -1, nil
			},
			[][]int{{1, 2, 3}, {1, 3}, {2}},
			map[int]error{2: wrong},
		},
		"ErrTwoAreWrong": {
			func(batch []int) (int, error) {
				for _, bad := range []int{2, 3} {
					if at := slices.Index(batch, bad); at >= 0 {
						return at, wrong
					}
				}
				return -1, nil
			},
			[][]int{{1, 2, 3}, {1, 3}, {2}},
			map[int]error{1: errTwice, 2: wrong, 3: errTwice},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var batches [][]int
			commit := func(_ context.Context, jobs []*job[int]) (int, error) {
				var batch []int
				for _, j := range jobs {
					batch = append(batch, j.change)
				}
				mu.Lock()
				defer mu.Unlock()
				batches = append(batches, batch)
				return c.commit(batch)
			}
			sizes := prometheus.NewHistogram(prometheus.HistogramOpts{})
			g := newGroup(3, sizes, commit)
			var jobs []*job[int]
			for change := 1; change <= 3; change++ {
				jobs = append(jobs, &job[int]{change: change, done: make(chan struct{})})
			}
			g.write(slices.Clone(jobs))
			g.close()
			for _, j := range jobs {
				<-j.done
				if !errors.Is(j.err, c.failed[j.change]) {
					t.Errorf("change %d is answered %v, want %v", j.change, j.err,
						c.failed[j.change])
				}
			}
			slices.SortFunc(batches, func(a, b []int) int { return len(b) - len(a) })
			if !reflect.DeepEqual(batches, c.batches) {
				t.Errorf("the batches are %v, want %v", batches, c.batches)
			}
		})
	}
}
