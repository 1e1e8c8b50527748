//go:build !unix

package store

import "os"

// keepOwner does nothing: only Unix has owners of files.
func keepOwner(*os.File, string) error { return nil }
