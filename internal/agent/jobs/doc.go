// Package jobs is the work on a volume, each job a mode of the agent: short work
// in the anchor (inspect, verify, receive, export), that of a throwaway container
// (sync, mend, collect), the automatic collection, and the programs of sessions by
// which what was built leaves the volume. Only here is a Nix of an image or of the
// volume run by the agent itself. It is for Linux alone.
package jobs
