// Package engine finds a Docker-compatible engine and speaks to it in small
// types of its own. It alone imports the Docker client and docker/cli, so that
// all requests of nixproxy to an engine can be read in one folder, each in the
// file of its noun: container.go, image.go, volume.go, exec.go. Which engine is
// used is decided in endpoint.go, and what its product can do in kind.go.
//
// Errors keep the engine's own words and kind (IsNotFound, IsConflict,
// IsInvalid). Package enginetest is an engine in memory for tests.
package engine
