package proxy

import (
	"errors"
	"slices"
	"testing"
)

func TestReachProxies(t *testing.T) {
	for value, want := range map[string]struct{ forwarded, value string }{
		"http://127.0.0.1:3128":                  {"127.0.0.1:3128", "http://there"},
		"http://127.9.9.9:3128/":                 {"127.9.9.9:3128", "http://there/"},
		"127.0.0.1:3128":                         {"127.0.0.1:3128", "there"},
		"LocalHost:3128":                         {"localhost:3128", "there"},
		"socks5h://me:p%40ss@word@[::1]:9":       {"[::1]:9", "socks5h://me:p%40ss@word@there"},
		"http://localhost":                       {"localhost:1080", "http://there"},
		"https://localhost/":                     {"localhost:443", "https://there/"},
		"[::1]":                                  {"[::1]:1080", "there"},
		"http://me:localhost@proxy.example:3128": {},
		"http://proxy.example/localhost:1":       {},
		"http://localhost.example:1":             {},
		"http://192.0.2.1:3128":                  {},
		"":                                       {},
		"localhost@":                             {},
	} {
		var forwarded []string
		env, err := reachProxies([]string{"HTTPS_PROXY=" + value}, func(address string) (string, error) {
			forwarded = append(forwarded, address)
			return "there", nil
		})
		if want.forwarded == "" {
			want.value = value
		} else if !slices.Equal(forwarded, []string{want.forwarded}) {
			t.Errorf("%s: forwarded %q, want %s", value, forwarded, want.forwarded)
		}
		if err != nil || !slices.Equal(env, []string{"HTTPS_PROXY=" + want.value}) {
			t.Errorf("%s: got %q, %v, want %s", value, env, err, want.value)
		}
	}
}

func TestReachProxiesForwardsEachOnce(t *testing.T) {
	given := []string{"http_proxy=http://localhost:1", "NO_PROXY=localhost", "all_proxy=socks5://localhost:1", "ALL_PROXY=localhost:2", "X=localhost:3", "ftp_proxy"}
	before := slices.Clone(given)
	var forwarded []string
	env, err := reachProxies(given, func(address string) (string, error) {
		forwarded = append(forwarded, address)
		return "there-" + address, nil
	})
	want := []string{"http_proxy=http://there-localhost:1", "NO_PROXY=localhost", "all_proxy=socks5://there-localhost:1", "ALL_PROXY=there-localhost:2", "X=localhost:3", "ftp_proxy"}
	if err != nil || !slices.Equal(env, want) || !slices.Equal(forwarded, []string{"localhost:1", "localhost:2"}) {
		t.Errorf("got %q, forwarded %q, %v", env, forwarded, err)
	}
	if !slices.Equal(given, before) {
		t.Errorf("the caller's list has become %q", given)
	}
	failure := errors.New("no")
	if _, err := reachProxies(given, func(string) (string, error) { return "", failure }); !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
}
