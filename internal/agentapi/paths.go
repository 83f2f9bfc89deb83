// Package agentapi defines what the modes of the agent read and write: paths inside a
// container, requests and replies as JSON, and the events of a job. Besides sessions it is
// all that the rest of nixproxy knows of the agent.
package agentapi

import (
	"crypto/sha256"
	"encoding/hex"
)

// Dir is the agent's directory inside a container. It has only files that are the agent's
// and are the same in every image. Binary is the agent.
const (
	Dir    = "/nixproxy"
	Binary = Dir + "/agent"
)

// Nix is where a proxy container has the volume, in place of the image's /nix. The anchor
// has it at AlternateNix, next to the image's /nix: that is the /nix of an alternate root.
// A throwaway container has it where its job needs it.
const (
	Nix           = "/nix"
	AlternateRoot = "/dst"
	AlternateNix  = AlternateRoot + "/nix"
)

// Layout is the version of the files that nixproxy keeps in a volume.
const Layout = "1"

// Port is the TCP port that an agent listens on in its container. It is not in the range
// that the kernel assigns by itself (net.ipv4.ip_local_port_range).
const Port = 64222

// HostName returns the name by which a volume knows a host: a hash of its client's public
// key in SSH's wire form.
func HostName(key []byte) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}
