package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// generate adds a store path with these contents: names to texts, and names to link targets.
func (s *store) generate(name string, files, links map[string]string) (string, error) {
	inputs := []string{fmt.Sprint(formatVersion)}
	for _, rel := range sortedKeys(files) {
		inputs = append(inputs, rel, files[rel])
	}
	for _, rel := range sortedKeys(links) {
		inputs = append(inputs, rel, links[rel])
	}
	out := storePath(name, inputs...)
	s.paths = append(s.paths, out)
	return out, writeTree(s.real(out), files, links)
}

// writeTree writes files and links; a name that ends in a slash is an empty folder.
func writeTree(dir string, files, links map[string]string) error {
	for rel, text := range files {
		file := filepath.Join(dir, rel)
		if strings.HasSuffix(rel, "/") {
			if err := os.MkdirAll(file, 0o755); err != nil {
				return err
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
	}
	for rel, target := range links {
		file := filepath.Join(dir, rel)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.Symlink(target, file); err != nil {
			return err
		}
	}
	return nil
}

// userEnvironment adds the profile: links to what its packages bring, and the manifest that
// nix-env reads.
func (s *store) userEnvironment(system string) (string, error) {
	links := map[string]string{}
	var manifest strings.Builder
	for _, name := range profilePackages() {
		out := s.of[name]
		if err := s.profileLinks(out, links); err != nil {
			return "", err
		}
		fmt.Fprintf(&manifest, "{ name = %q; outPath = %q; out = { outPath = %q; }; outputs = [ \"out\" ]; system = %q; type = \"derivation\"; meta = { }; }\n",
			filepath.Base(out)[hashChars+1:], out, out, system)
	}
	return s.generate("user-environment", map[string]string{"manifest.nix": "[\n" + manifest.String() + "]\n"}, links)
}

// profileLinks links each file of the folders that a profile shows. Their folders are real ones,
// for several packages share them.
func (s *store) profileLinks(out string, links map[string]string) error {
	shown := []string{"bin", "etc", "libexec", "share"}
	return filepath.WalkDir(s.real(out), func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(s.real(out), name)
		if err != nil {
			return err
		}
		top, _, nested := strings.Cut(rel, "/")
		switch {
		case rel == ".":
			return nil
		case entry.IsDir() && !slices.Contains(shown, top):
			return fs.SkipDir
		case !entry.IsDir() && nested:
			links[rel] = out + "/" + rel
		}
		return nil
	})
}
