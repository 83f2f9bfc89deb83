package nixconf

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
)

// denied is the content of a file that exists and cannot be read.
const denied = "\x00denied"

// fakeHost has the given files and environment, and /home/u for a home.
func fakeHost(files, env map[string]string) Host {
	return Host{
		ReadFile: func(path string) ([]byte, error) {
			content, ok := files[path]
			switch {
			case !ok:
				return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
			case content == denied:
				return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}
			}
			return []byte(content), nil
		},
		LookupEnv: func(key string) (string, bool) { value, ok := env[key]; return value, ok },
		Home:      "/home/u",
	}
}

type (
	files = map[string]string
	env   = map[string]string
)

var features = []struct {
	name  string
	files files
	env   env
	want  string
}{
	{"nothing", nil, nil, ""},
	{"the system's file", files{"/etc/nix/nix.conf": "experimental-features = nix-command flakes\n"}, nil, "nix-command flakes"},
	{"no newline at the end", files{"/etc/nix/nix.conf": "experimental-features = a"}, nil, "a"},
	{"blanks and carriage returns", files{"/etc/nix/nix.conf": "\t experimental-features \t=  a\tb \r\n"}, nil, "a b"},
	{"comments", files{"/etc/nix/nix.conf": "# x\nexperimental-features = a # b\n#experimental-features = c\n"}, nil, "a"},
	{"no continuation", files{"/etc/nix/nix.conf": "experimental-features = a \\\nsandbox = true\n"}, nil, "a"},
	{"the last one counts", files{"/etc/nix/nix.conf": "experimental-features = a\nexperimental-features = b\n"}, nil, "b"},
	{"emptied", files{"/etc/nix/nix.conf": "experimental-features = a\nexperimental-features =\n"}, nil, ""},
	{"extra appends, once", files{"/etc/nix/nix.conf": "experimental-features = a b\nextra-experimental-features = b c\n"}, nil, "a b c"},
	{"extra alone", files{"/etc/nix/nix.conf": "extra-experimental-features = a\n"}, nil, "a"},
	{"extra, then replaced", files{"/etc/nix/nix.conf": "extra-experimental-features = a\nexperimental-features = b\n"}, nil, "b"},
	{"bad names", files{"/etc/nix/nix.conf": "experimental-features = a A b=c \x00d ünder -e f;g h\fi ok\n"}, nil, "a ok"},
	{
		"include, where it stands",
		files{"/etc/nix/nix.conf": "experimental-features = a\ninclude sub/x.conf\nextra-experimental-features = c\n", "/etc/nix/sub/x.conf": "!include y.conf", "/etc/nix/sub/y.conf": "extra-experimental-features = b"},
		nil, "a b c",
	},
	{
		"Determinate's custom file",
		files{"/etc/nix/nix.conf": "experimental-features = nix-command\n!include nix.custom.conf\n", "/etc/nix/nix.custom.conf": "extra-experimental-features = ca-derivations\n"},
		nil, "nix-command ca-derivations",
	},
	{"!include of nothing", files{"/etc/nix/nix.conf": "!include gone\nexperimental-features = a\n"}, nil, "a"},
	{"include of an unreadable file", files{"/etc/nix/nix.conf": "include /x\nexperimental-features = a\n", "/x": denied}, nil, "a"},
	{"unreadable", files{"/etc/nix/nix.conf": denied, "/home/u/.config/nix/nix.conf": "experimental-features = a"}, nil, "a"},
	{
		"user after XDG after system",
		files{
			"/etc/nix/nix.conf": "experimental-features = a", "/etc/xdg/nix/nix.conf": "extra-experimental-features = b",
			"/home/u/.config/nix/nix.conf": "extra-experimental-features = c",
		},
		env{"NIX_CONFIG": "extra-experimental-features = d\nsandbox = false"}, "a b c d",
	},
	{
		"XDG directories in reverse",
		files{
			"/1/nix/nix.conf": "extra-experimental-features = one", "/2/nix/nix.conf": "extra-experimental-features = two",
			"/c/nix/nix.conf": "extra-experimental-features = home", "/home/u/.config/nix/nix.conf": "experimental-features = no",
		},
		env{"XDG_CONFIG_DIRS": "/1::/2", "XDG_CONFIG_HOME": "/c"}, "two one home",
	},
	{
		"NIX_CONFIG_HOME",
		files{"/n/nix.conf": "experimental-features = a", "/home/u/.config/nix/nix.conf": "experimental-features = no"},
		env{"NIX_CONFIG_HOME": "/n"}, "a",
	},
	{
		"NIX_USER_CONF_FILES in reverse, instead of XDG",
		files{"/1": "experimental-features = one", "/2": "experimental-features = two", "/home/u/.config/nix/nix.conf": "experimental-features = no"},
		env{"NIX_USER_CONF_FILES": "/1:/2"}, "one",
	},
	{
		"NIX_USER_CONF_FILES empty",
		files{"/home/u/.config/nix/nix.conf": "experimental-features = no"},
		env{"NIX_USER_CONF_FILES": ""}, "",
	},
	{
		"NIX_CONF_DIR",
		files{"/conf/nix.conf": "include more", "/conf/more": "experimental-features = a", "/etc/nix/nix.conf": "experimental-features = no"},
		env{"NIX_CONF_DIR": "/conf"}, "a",
	},
}

func TestReadFeatures(t *testing.T) {
	for _, c := range features {
		t.Run(c.name, func(t *testing.T) {
			config, err := Read(fakeHost(c.files, c.env))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(config.ExperimentalFeatures, " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestReadDeterminate(t *testing.T) {
	host := fakeHost(files{"/etc/nix/nix.conf": "extra-experimental-features = flakes x"}, nil)
	host.Determinate = true
	config, err := Read(host)
	if got := strings.Join(config.ExperimentalFeatures, " "); err != nil || got != "flakes x nix-command" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestReadSubstituters(t *testing.T) {
	config, err := Read(fakeHost(files{"/etc/nix/nix.conf": "trusted-substituters = https://x"}, nil))
	if err != nil || config.Substituters != nil || config.TrustedPublicKeys != nil {
		t.Errorf("where nothing is said: %+v, %v", config, err)
	}
	config, err = Read(fakeHost(files{"/etc/nix/nix.conf": "substituters ="}, nil))
	if err != nil || config.Substituters == nil || len(config.Substituters) > 0 {
		t.Errorf("where there are none: %+v, %v", config, err)
	}
	config, err = Read(fakeHost(files{
		"/etc/nix/nix.conf":            "extra-substituters = https://a.example?priority=1 https://b.example\nbinary-cache-public-keys = k-1:AA==\n",
		"/home/u/.config/nix/nix.conf": "extra-binary-caches = https://a.example?priority=1 s3://c\ntrusted-substituters = no\nextra-trusted-public-keys = l-1:BB==",
	}, nil))
	want := []string{"https://cache.nixos.org/", "https://a.example?priority=1", "https://b.example", "s3://c"}
	if err != nil || !slices.Equal(config.Substituters, want) {
		t.Errorf("got %q, %v", config.Substituters, err)
	}
	if want := []string{"k-1:AA==", "l-1:BB=="}; !slices.Equal(config.TrustedPublicKeys, want) {
		t.Errorf("got %q", config.TrustedPublicKeys)
	}
}

func TestReadSecrets(t *testing.T) {
	for name, c := range map[string]struct {
		files  files
		env    env
		tokens string
		netrc  string
	}{
		"none": {nil, nil, "", "/etc/nix/netrc"},
		"included": {
			files{"/etc/nix/nix.conf": "!include tokens\nnetrc-file = /etc/nix/a  b", "/etc/nix/tokens": "access-tokens = github.com=ghp_x gitlab.com/a=PAT:y\n"},
			nil, "github.com=ghp_x gitlab.com/a=PAT:y", "/etc/nix/a b",
		},
		"the user's, which replace": {
			files{"/etc/nix/nix.conf": "access-tokens = a=1", "/home/u/.config/nix/nix.conf": "access-tokens = b=2\nnetrc-file = /n"}, nil, "b=2", "/n",
		},
		"more, of which Nix takes the first": {
			files{"/etc/nix/nix.conf": "access-tokens = a=1"}, env{"NIX_CONFIG": "extra-access-tokens = a=2 c=3 a=1\nextra-netrc-file = /no"}, "a=1 a=2 c=3", "/etc/nix/netrc",
		},
		"another directory": {nil, env{"NIX_CONF_DIR": "/conf"}, "", "/conf/netrc"},
		"no netrc":          {files{"/etc/nix/nix.conf": "netrc-file ="}, nil, "", ""},
	} {
		config, err := Read(fakeHost(c.files, c.env))
		if got := strings.Join(config.AccessTokens, " "); err != nil || got != c.tokens || config.NetrcFile != c.netrc {
			t.Errorf("%s: %q, %q, %v", name, got, config.NetrcFile, err)
		}
	}
}

// An error about a file does not show the file's content.
func TestReadFaultsTellNoSecret(t *testing.T) {
	for _, content := range []string{"access-tokens github.com=hidden", "access-tokens = a=hidden\nhidden", "include hidden = x", "access-tokens=hidden"} {
		if _, err := Read(fakeHost(files{"/etc/nix/nix.conf": content}, nil)); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%q: %v", content, err)
		}
	}
}

// A file that Nix would refuse does not apply in part, and does not hide the others.
func TestReadFaults(t *testing.T) {
	faulty := map[string]string{
		"experimental-features = no\nsandbox":         "/etc/nix/nix.conf line 2",
		"experimental-features = no\nsandbox true":    "/etc/nix/nix.conf line 2",
		"experimental-features=no":                    "/etc/nix/nix.conf line 1",
		"experimental-features = no\ninclude":         "takes one file",
		"experimental-features = no\ninclude a b":     "takes one file",
		"experimental-features = no\ninclude gone":    "/etc/nix/gone",
		"experimental-features = no\ninclude ./twice": "/etc/nix/twice line 1",
		"include nix.conf":                            "does /etc/nix/nix.conf include itself",
		"!include loop":                               "more than",
	}
	for content, want := range faulty {
		config, err := Read(fakeHost(files{
			"/etc/nix/nix.conf": content, "/etc/nix/loop": "include loop\ninclude loop", "/etc/nix/twice": "include bad",
			"/etc/nix/bad": "x", "/home/u/.config/nix/nix.conf": "extra-experimental-features = a",
		}, nil))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", content, err)
		}
		if !slices.Equal(config.ExperimentalFeatures, []string{"a"}) {
			t.Errorf("%q: got %q", content, config.ExperimentalFeatures)
		}
	}
}

// Whatever the files are, the result of Read makes at most one line for each setting, and
// Read reads these lines back as they were.
func FuzzRead(f *testing.F) {
	for _, c := range features {
		f.Add(c.files["/etc/nix/nix.conf"], c.files["/home/u/.config/nix/nix.conf"], c.env["NIX_CONFIG"])
	}
	f.Add("include nix.conf", "!include nix.conf\n!include nix.conf", "include /etc/nix/nix.conf")
	f.Fuzz(func(t *testing.T, system, user, variable string) {
		config, err := Read(fakeHost(
			files{"/etc/nix/nix.conf": system, "/home/u/.config/nix/nix.conf": user}, env{"NIX_CONFIG": variable}))
		if err != nil && !strings.Contains(err.Error(), "reading Nix's configuration") {
			t.Errorf("error %v", err)
		}
		session := config.Session() + config.Secrets()
		if strings.Count(session, "\n") > 4 {
			t.Errorf("session %q", session)
		}
		again, err := Read(fakeHost(nil, env{"NIX_CONFIG": session}))
		if err != nil || !slices.Equal(again.ExperimentalFeatures, config.ExperimentalFeatures) ||
			!slices.Equal(again.TrustedPublicKeys, config.TrustedPublicKeys) || !slices.Equal(again.AccessTokens, config.AccessTokens) {
			t.Errorf("%q read again: %+v, %v", session, again, err)
		}
		if once := again.Session() + again.Secrets(); once != session {
			t.Errorf("%q read again becomes %q", session, once)
		}
		for _, word := range slices.Concat(config.Substituters, config.TrustedPublicKeys, config.AccessTokens) {
			if strings.ContainsAny(word, " \t\r\n#\x00") {
				t.Errorf("word %q", word)
			}
		}
	})
}
