// Package agentapi is what the modes of the agent read and write: the paths
// inside a container, the questions and answers as JSON, and the events of a job.
// It is all that the rest of nixproxy knows of the agent, besides its sessions.
package agentapi

import (
	"crypto/sha256"
	"encoding/hex"
)

// Where things are inside a container. The directory holds nothing but what
// belongs to the agent and is the same in every image.
const (
	Dir    = "/nixproxy"
	Binary = Dir + "/agent"
)

// Where a container has the volume: the proxy container in the place of the
// image's /nix; the anchor beside it, at AlternateNix, which is the /nix of a root at
// AlternateRoot; a throwaway container as its job needs it.
const (
	Nix           = "/nix"
	AlternateRoot = "/dst"
	AlternateNix  = AlternateRoot + "/nix"
)

// Layout is the version of what nixproxy keeps in a volume, and of how.
const Layout = "1"

// Port is where an agent listens in its container. It lies outside of what the
// kernel gives away by itself (net.ipv4.ip_local_port_range).
const Port = 64222

// HostName is how a volume knows a host: by its client's key, in SSH's wire form.
func HostName(key []byte) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}
