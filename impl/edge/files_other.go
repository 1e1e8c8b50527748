//go:build !unix

package edge

// openFiles returns how many files this process may open. Windows has no such limit.
func openFiles() uint64 { return 1 << 20 }
