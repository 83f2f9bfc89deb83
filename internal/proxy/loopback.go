package proxy

import (
	"net"
	"slices"
	"strings"
)

// proxyVariables are those whose value is a proxy's address. Programs read them
// in either case, curl some in lower case alone.
var proxyVariables = []string{"http_proxy", "https_proxy", "ftp_proxy", "all_proxy"}

// reachProxies has the container reach the proxies that listen on the host's
// loopback, which there is another one. forward is agent.Client.Forward; it is
// called once for each of them, and never without one.
func reachProxies(env []string, forward func(address string) (string, error)) ([]string, error) {
	there := map[string]string{}
	env = slices.Clone(env)
	for i, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		address, from, to := onLoopback(value)
		if address == "" || !slices.Contains(proxyVariables, strings.ToLower(name)) {
			continue
		}
		if there[address] == "" {
			var err error
			if there[address], err = forward(address); err != nil {
				return nil, err
			}
		}
		env[i] = name + "=" + value[:from] + there[address] + value[to:]
	}
	return env, nil
}

// onLoopback finds a loopback address in a proxy's: the address, and where in
// the value it is written. The rest of the value, a password perhaps, is nobody's
// business here.
func onLoopback(value string) (address string, from, to int) {
	scheme := ""
	if i := strings.Index(value, "://"); i >= 0 {
		scheme, from = value[:i], i+len("://")
	}
	to = len(value)
	if i := strings.IndexAny(value[from:], "/?#"); i >= 0 {
		to = from + i
	}
	if i := strings.LastIndex(value[from:to], "@"); i >= 0 {
		from += i + 1
	}
	host, port, err := net.SplitHostPort(value[from:to])
	if err != nil {
		host, port = strings.Trim(value[from:to], "[]"), defaultPort(scheme)
	}
	if ip := net.ParseIP(host); !strings.EqualFold(host, "localhost") && (ip == nil || !ip.IsLoopback()) {
		return "", 0, 0
	}
	return net.JoinHostPort(strings.ToLower(host), port), from, to
}

// defaultPort is curl's, and so Nix's and git's.
func defaultPort(scheme string) string {
	if strings.EqualFold(scheme, "https") {
		return "443"
	}
	return "1080"
}
