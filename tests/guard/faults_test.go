//go:build linux

package guard

import (
	"maps"
	"slices"
	"time"

	"kalsel.dev/refresh/tests/server"
)

// fault is a way to fail. A round has at most one fault of each place.
type fault struct {
	name, place string
	begin       func(w *world) // before the logout
	after       func(w *world) // soon after the answer to the logout; nil does nothing
	mend        func(w *world)
}

// faults returns the faults by their names.
func faults() map[string]fault {
	all := map[string]fault{}
	add := func(f fault) { all[f.name+", "+f.place] = f }
	none := func(*world) {}
	for i, place := range []string{"network 0", "network 1"} {
		set := func(how server.Behaviour) func(w *world) {
			return func(w *world) { w.network[i].Set(how) }
		}
		passes := set(server.Passes)
		add(fault{"lost packets", place, set(server.Hangs), nil, passes})
		add(fault{"refused connections", place, set(server.Refuses), nil, passes})
		// The guard receives an answer that is older than the logout, and no answer after that.
		add(fault{"late answers", place, set(server.HoldsAnswers), set(server.HoldsRequests), passes})
	}
	for i, place := range []string{"API 0", "API 1", "API 2", "API 3"} {
		process := func(w *world) *server.Process { return w.apis[i].process.Load() }
		freeze := func(w *world) { process(w).Freeze() }
		add(fault{"frozen", place, freeze, nil, func(w *world) { process(w).Thaw() }})
		add(fault{"killed", place, func(w *world) {
			process(w).Kill()
			w.startAPI(i)
		}, nil, none})
	}
	add(fault{"frozen", "node", func(w *world) { w.nodes[1].Freeze() }, nil,
		func(w *world) { w.nodes[1].Thaw() }})
	add(fault{"killed", "node", func(w *world) { w.nodes[1].Kill() }, nil,
		func(w *world) { w.startNode(1) }})
	// The backup knows none of the logouts. A restore takes them from the store that it replaces.
	add(fault{"restored store", "node", none, func(w *world) {
		for _, node := range w.nodes {
			node.Kill()
		}
		w.command("restore", w.backup)
	}, func(w *world) {
		for i := range w.nodes {
			w.startNode(i)
		}
	}})
	return all
}

// everyDay returns the names of the faults of each round in make test, for two worlds that run at
// the same time.
func everyDay() [2][][]string {
	return [2][][]string{
		{
			{"late answers, network 0", "lost packets, network 1", "frozen, API 3"},
			{"killed, node", "refused connections, network 0", "killed, API 2"},
		},
		{
			{"frozen, node", "late answers, network 1", "frozen, API 0"},
			{"restored store, node", "killed, API 1"},
		},
	}
}

// drawn returns up to four faults of different places.
func (w *world) drawn() []string {
	all := faults()
	names := slices.Sorted(maps.Keys(all))
	w.random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	taken := map[string]bool{}
	names = slices.DeleteFunc(names[:1+w.random.IntN(5)], func(name string) bool {
		place := all[name].place
		defer func() { taken[place] = true }()
		return taken[place]
	})
	return names
}

// pause waits for up to a duration, so that the rounds differ.
func (w *world) pause(most time.Duration) {
	time.Sleep(time.Duration(w.random.Int64N(int64(most))))
}
