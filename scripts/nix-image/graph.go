package main

import (
	"maps"
	"slices"
)

// components gives the packages that are reachable from the roots, those that need each other
// together, and each after all that it needs. Nix's copy wants such an order and dies of a cycle,
// so a cycle becomes one store path.
//
// This is Tarjan's algorithm, which yields components in just this order.
func components(roots []string, edges map[string]map[string]bool) [][]string {
	w := walk{edges: edges, number: map[string]int{}, low: map[string]int{}, onStack: map[string]bool{}}
	for _, root := range slices.Sorted(slices.Values(roots)) {
		if w.number[root] == 0 {
			w.visit(root)
		}
	}
	return w.found
}

type walk struct {
	edges   map[string]map[string]bool
	number  map[string]int
	low     map[string]int
	stack   []string
	onStack map[string]bool
	found   [][]string
}

func (w *walk) visit(name string) {
	w.number[name] = len(w.number) + 1
	w.low[name] = w.number[name]
	w.stack = append(w.stack, name)
	w.onStack[name] = true
	for _, next := range slices.Sorted(maps.Keys(w.edges[name])) {
		if w.number[next] == 0 {
			w.visit(next)
			w.low[name] = min(w.low[name], w.low[next])
		} else if w.onStack[next] {
			w.low[name] = min(w.low[name], w.number[next])
		}
	}
	if w.low[name] == w.number[name] {
		w.close(name)
	}
}

// close takes name's component off the stack.
func (w *walk) close(name string) {
	at := slices.Index(w.stack, name)
	component := slices.Sorted(slices.Values(w.stack[at:]))
	w.stack = w.stack[:at]
	for _, member := range component {
		w.onStack[member] = false
	}
	w.found = append(w.found, component)
}
