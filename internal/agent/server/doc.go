// Package server is the agent of a proxy container: it lets clients in, and runs
// their commands, each with the environment, the streams, the end of its whole tree
// and the pins that a session is promised. It runs on Linux alone, as root, whatever
// the host is.
package server
