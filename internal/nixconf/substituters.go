package nixconf

import (
	"net"
	"net/url"
	"strings"
)

// worksInside reports whether a substituter means the same in a container. One on the host's
// disk, its daemon or its loopback does not; Nix would wait for it before every download.
func worksInside(substituter string) bool {
	at, err := url.Parse(substituter)
	if err != nil || !validWord(substituter) {
		return false
	}
	switch at.Scheme {
	case "http", "https", "ssh", "ssh-ng":
		return !isLoopback(at.Hostname())
	case "s3":
		return true // the bucket's name is in the place of a host
	}
	return false // file, unix, and the stores that have no address: local, daemon, auto, a path
}

func isLoopback(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip.IsLoopback() || ip.IsUnspecified()
}

// holdsCredentials reports whether an address has a password or a token in front of the
// host's name. The user alone in an ssh address is no secret.
func holdsCredentials(substituter string) bool {
	at, err := url.Parse(substituter)
	if err != nil || at.User == nil {
		return false
	}
	_, password := at.User.Password()
	return password || !strings.HasPrefix(at.Scheme, "ssh")
}
