package nixconf

import (
	"net"
	"net/url"
	"strings"
)

// worksInside keeps the substituters that mean the same in a container. A store on the
// host's disk, its daemon's, or one on its loopback does not; Nix would wait for each of
// them before every download.
func worksInside(substituter string) bool {
	at, err := url.Parse(substituter)
	if err != nil || !validWord(substituter) {
		return false
	}
	switch at.Scheme {
	case "http", "https", "ssh", "ssh-ng":
		return !isLoopback(at.Hostname())
	case "s3":
		return true // what stands in the place of a host is the bucket's name
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

// holdsCredentials tells whether an address has a user and password, or a token, in front
// of the host's name. Of ssh's addresses that is the account's name.
func holdsCredentials(substituter string) bool {
	at, err := url.Parse(substituter)
	if err != nil || at.User == nil {
		return false
	}
	_, password := at.User.Password()
	return password || !strings.HasPrefix(at.Scheme, "ssh")
}
