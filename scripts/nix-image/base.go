package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	profiles    = "nix/var/nix/profiles"
	certificate = "/nix/var/nix/profiles/default/etc/ssl/certs/ca-bundle.crt"
)

// baseSystem adds the path that the image's own /etc, /bin/sh and /usr/bin/env link into, as
// docker.nix has it.
func (s *store) baseSystem(profile, channel string) (string, error) {
	bash := s.of["bash"]
	files := map[string]string{
		"etc/passwd":           passwd(bash),
		"etc/group":            group(),
		"etc/shadow":           shadow(),
		"etc/nix/nix.conf":     s.nixConf(),
		"tmp/":                 "",
		"var/tmp/":             "",
		"nix/var/nix/gcroots/": "",
		"root/.nix-channels":   "https://channels.nixos.org/nixpkgs-unstable nixpkgs\n",
	}
	links := map[string]string{
		"bin/sh":                                    bash + "/bin/bash",
		"usr/bin/env":                               s.of["coreutils"] + "/bin/env",
		"usr/share":                                 "/nix/var/nix/profiles/share",
		"etc/ssl/certs/ca-bundle.crt":               certificate,
		"etc/ssl/certs/ca-certificates.crt":         certificate,
		profiles + "/default-1-link":                profile,
		profiles + "/default":                       "/nix/var/nix/profiles/default-1-link",
		profiles + "/per-user/root/channels":        "/nix/var/nix/profiles/per-user/root/channels-1-link",
		"root/.nix-profile":                         "/nix/var/nix/profiles/default",
		"root/.nix-defexpr/channels":                "/nix/var/nix/profiles/per-user/root/channels",
		profiles + "/per-user/root/channels-1-link": channel,
	}
	return s.generate("base-system", files, links)
}

// nixConf is docker.nix's, and names the sandbox's shell, which nixpkgs compiles into Nix and
// Debian has under /usr.
func (s *store) nixConf() string {
	conf := "build-users-group = nixbld\nsandbox = false\n" +
		"trusted-public-keys = cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=\n"
	if shell := s.of["bash-static"]; shell != "" {
		conf += "sandbox-paths = /bin/sh=" + shell + "/bin/bash-static\n"
	}
	return conf
}

func passwd(bash string) string {
	var text strings.Builder
	for i := 1; i <= 32; i++ {
		fmt.Fprintf(&text, "nixbld%d:x:%d:30000:Nix build user %d:/var/empty:/bin/false\n", i, 30000+i, i)
	}
	fmt.Fprint(&text, "nobody:x:65534:65534:Unprivileged account (don't use!):/var/empty:/bin/false\n")
	fmt.Fprintf(&text, "root:x:0:0:System administrator:/root:%s/bin/bash\n", bash)
	return text.String()
}

func group() string {
	var members []string
	for i := 1; i <= 32; i++ {
		members = append(members, fmt.Sprintf("nixbld%d", i))
	}
	return "nixbld:x:30000:" + strings.Join(members, ",") + "\nnobody:x:65534:nobody\nroot:x:0:root\n"
}

// shadow locks everybody's password, root's included.
func shadow() string {
	var text strings.Builder
	for i := 1; i <= 32; i++ {
		fmt.Fprintf(&text, "nixbld%d:!:1::::::\n", i)
	}
	return text.String() + "nobody:!:1::::::\nroot:!:1::::::\n"
}

// spread makes the image's own folders and links out of base-system, and roots it. What belongs
// to Nix's state and to root's home is the image's own; the rest are links into base-system,
// which dangle over another image's volume.
func (s *store) spread(base string) error {
	err := filepath.WalkDir(s.real(base), func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(s.real(base), name)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(s.real(rel), 0o755)
		}
		target := base + "/" + rel
		if entry.Type()&fs.ModeSymlink != 0 && (strings.HasPrefix(rel, "nix/") || strings.HasPrefix(rel, "root/")) {
			if target, err = os.Readlink(name); err != nil {
				return err
			}
		}
		return os.Symlink(target, s.real(rel))
	})
	if err != nil {
		return err
	}
	root := s.real("nix/var/nix/gcroots/docker/" + filepath.Base(base))
	if err := os.MkdirAll(filepath.Dir(root), 0o755); err != nil {
		return err
	}
	if err := os.Symlink(base, root); err != nil {
		return err
	}
	for _, dir := range []string{"tmp", "var/tmp"} {
		if err := os.Chmod(s.real(dir), 0o777|fs.ModeSticky); err != nil {
			return err
		}
	}
	return nil
}
