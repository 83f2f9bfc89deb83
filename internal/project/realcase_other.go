//go:build !darwin

package project

// realCase returns the path itself, where file systems distinguish case.
func realCase(path string) (string, error) { return path, nil }
