// Package server is the agent of a proxy container. It lets clients in and runs their
// commands: it gives each its environment and streams, ends its whole tree of processes
// when the client is lost, and pins what it has built. It runs on Linux only, as root.
package server
