package inside

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/agent"
)

// defaultProfile is what the image's PATH and certificate variables go through.
// It lies in the volume and belongs to the user, so a session goes around it.
const defaultProfile = "/nix/var/nix/profiles/default"

// environment is a session's: the image's own, with the stamp's store paths
// first, HOME in the volume, and the request's variables over all.
func environment(image []string, home string, stamp agent.Stamp, request agent.Request, dir string) []string {
	env := slices.Clone(image)
	for i, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		if rest, ok := strings.CutPrefix(value, defaultProfile+"/"); ok && name != "PATH" {
			env[i] = name + "=" + filepath.Join(stamp.Profile, rest)
		}
	}
	first := []string{stamp.Nix + "/bin", home + "/.nix-profile/bin", home + "/.local/state/nix/profile/bin", stamp.Profile + "/bin"}
	env = set(env, "PATH", strings.Trim(strings.Join(append(first, valueOf(image, "PATH")), ":"), ":"))
	env = set(env, "HOME", home)
	env = set(env, "PWD", dir)
	config := append([]string{valueOf(image, "NIX_CONFIG")}, append(slices.Clone(stamp.Settings), request.Nix)...)
	config = slices.DeleteFunc(config, func(lines string) bool { return strings.TrimSpace(lines) == "" })
	if len(config) > 0 {
		env = set(env, "NIX_CONFIG", strings.Join(config, "\n"))
	}
	for _, variable := range request.Env {
		name, value, _ := strings.Cut(variable, "=")
		if own := valueOf(env, name); name == "NIX_CONFIG" && own != "" {
			value = own + "\n" + value // the later line wins
		}
		env = set(env, name, value)
	}
	return env
}

func valueOf(env []string, name string) string {
	for _, variable := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(variable, name+"="); ok {
			return value
		}
	}
	return ""
}

func set(env []string, name, value string) []string {
	env = slices.DeleteFunc(env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	return append(env, name+"="+value)
}

// lookUp finds a command as a shell would: by its path, relative to the
// directory it starts in, or along PATH.
func lookUp(name, dir, path string) (string, *agent.Refused) {
	if strings.Contains(name, "/") {
		file := name
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		return file, judge(name, file)
	}
	var refused *agent.Refused
	if name == "" {
		path = "" // which would find the directories themselves
	}
	for _, entry := range filepath.SplitList(path) {
		file := filepath.Join(entry, name)
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		why := judge(name, file)
		if why == nil {
			return file, nil
		}
		if refused == nil || why.Reason == agent.NotExecutable {
			refused = why
		}
	}
	if refused == nil || refused.Reason == agent.NotFound {
		refused = &agent.Refused{Reason: agent.NotFound, Message: fmt.Sprintf("executing %s: command not found", name)}
	}
	return "", refused
}

func judge(name, file string) *agent.Refused {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR):
		return &agent.Refused{Reason: agent.NotFound, Message: fmt.Sprintf("executing %s: no such file", name)}
	case err != nil:
		return &agent.Refused{Reason: agent.NotExecutable, Message: fmt.Sprintf("executing %s: %v", name, errors.Unwrap(err))}
	case info.IsDir():
		return &agent.Refused{Reason: agent.NotExecutable, Message: fmt.Sprintf("executing %s: is a directory", name)}
	case info.Mode()&0o111 == 0:
		return &agent.Refused{Reason: agent.NotExecutable, Message: fmt.Sprintf("executing %s: permission denied", name)}
	}
	return nil
}
