//go:build !darwin

package project

// realCase is the path itself where file systems keep case apart.
func realCase(path string) (string, error) { return path, nil }
