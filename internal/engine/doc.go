// Package engine finds a Docker-compatible engine and speaks to it in small
// types of its own. It alone imports the Docker client and docker/cli, so that
// what nixproxy asks of an engine can be read in one folder.
package engine
