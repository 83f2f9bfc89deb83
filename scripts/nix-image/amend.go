package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// outMark stands in an amended script for the store path that the script ends up in.
const outMark = "@out@"

// amend does to a package what its maintainer scripts, or nixpkgs, would do.
func amend(p *pkg) error {
	switch p.name {
	case "bash":
		p.links["bin/sh"] = "bin/bash"
	case "mawk":
		p.links["bin/awk"] = "bin/mawk"
	case "debianutils":
		p.links["bin/which"] = "bin/which.debianutils"
	case "ca-certificates":
		return p.bundleCertificates()
	case "git":
		return p.wrapGit()
	case "nix-bin":
		return p.wrapNix()
	}
	return nil
}

// bundleCertificates joins the certificates into the one file that all the image's variables
// point to.
func (p *pkg) bundleCertificates() error {
	var names []string
	for rel := range p.files {
		if strings.HasSuffix(rel, ".crt") {
			names = append(names, rel)
		}
	}
	sort.Strings(names)
	var bundle bytes.Buffer
	for _, rel := range names {
		pem, err := os.ReadFile(filepath.Join(p.dir, rel))
		if err != nil {
			return err
		}
		bundle.Write(append(bytes.TrimSpace(pem), '\n'))
		if err := p.drop(rel); err != nil {
			return err
		}
	}
	p.links["etc/ssl/certs/ca-certificates.crt"] = "etc/ssl/certs/ca-bundle.crt"
	return p.write("etc/ssl/certs/ca-bundle.crt", &bundle, false)
}

// wrapGit tells git where its programs and templates are: the folders compiled into it do not
// exist in the image.
func (p *pkg) wrapGit() error {
	return p.wrap("bin/git", "lib/git-core/git", map[string]string{
		"GIT_EXEC_PATH":    outMark + "/lib/git-core",
		"GIT_TEMPLATE_DIR": outMark + "/share/git-core/templates",
	})
}

// wrapNix tells an older Nix where its build hook is, without which it builds nothing. That must
// hold on any machine and in any image, so nix.conf is no place for it. Newer ones, which Debian
// links into one file, look beside themselves.
func (p *pkg) wrapNix() error {
	if _, older := p.files["lib/nix/libnixstore.so"]; !older {
		return nil
	}
	return p.wrap("bin/nix", "libexec/nix/nix", map[string]string{"NIX_LIBEXEC_DIR": outMark + "/libexec"})
}

// wrap moves a program away and puts a script in its place that starts it, under the name it was
// called by, with defaults for some variables.
func (p *pkg) wrap(public, real string, defaults map[string]string) error {
	if _, twice := p.files[real]; !twice {
		if err := p.copyFile(public, real); err != nil {
			return fmt.Errorf("wrapping %s: %w", public, err)
		}
		delete(p.links, real)
	}
	if err := p.drop(public); err != nil {
		return fmt.Errorf("wrapping %s: %w", public, err)
	}
	var script strings.Builder
	fmt.Fprintln(&script, "#!/bin/bash")
	for _, name := range sortedKeys(defaults) {
		fmt.Fprintf(&script, "export %s=${%s-%s}\n", name, name, defaults[name])
	}
	fmt.Fprintf(&script, "exec -a \"$0\" %s/%s \"$@\"\n", outMark, real)
	return p.write(public, strings.NewReader(script.String()), true)
}
