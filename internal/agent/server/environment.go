package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/session"
)

// nixLines are lines of Nix configuration that the agent adds for a session.
type nixLines struct {
	fitted  []string // to the machine that the engine runs on
	secrets []string // the paths of the session's secrets
}

// fitted returns the lines that fit a session to this machine.
func (a Agent) fitted() []string {
	return slices.Concat(a.platformLines(), a.fittedJobs())
}

// environment returns a session's environment: the image's own, with the stamp's store
// paths first in PATH, with HOME in the volume, and with the request's variables, which
// override all.
func environment(image []string, home string, stamp agentapi.Stamp, request session.Request, dir string, lines nixLines) []string {
	env := slices.Clone(image)
	for i, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		if rest, ok := strings.CutPrefix(value, layout.DefaultProfile+"/"); ok && name != "PATH" {
			env[i] = name + "=" + filepath.Join(stamp.Profile, rest)
		}
	}
	first := []string{stamp.Nix + "/bin", home + "/.nix-profile/bin", home + "/.local/state/nix/profile/bin", stamp.Profile + "/bin"}
	env = set(env, "PATH", strings.Trim(strings.Join(append(first, valueOf(image, "PATH")), ":"), ":"))
	env = set(env, "HOME", home)
	env = set(env, "PWD", dir)
	for _, variable := range request.Env {
		name, value, _ := strings.Cut(variable, "=")
		env = set(env, name, value)
	}
	if config := sessionConfig(image, stamp, request, lines); config != "" {
		env = set(env, "NIX_CONFIG", config)
	}
	return env
}

// sessionConfig returns a session's NIX_CONFIG, the weakest lines first: of two lines
// for one setting Nix takes the later.
func sessionConfig(image []string, stamp agentapi.Stamp, request session.Request, lines nixLines) string {
	config := slices.Concat(
		[]string{valueOf(image, "NIX_CONFIG")},
		stamp.Settings,
		lines.fitted,
		[]string{request.Nix},
		lines.secrets,
		[]string{valueOf(request.Env, "NIX_CONFIG")},
	)
	config = slices.DeleteFunc(config, func(lines string) bool { return strings.TrimSpace(lines) == "" })
	return strings.Join(config, "\n")
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

// lookUp finds a command as a shell does: by its path, relative to the directory that
// it starts in, or along PATH.
func lookUp(name, dir, path string) (string, *session.Refused) {
	if strings.Contains(name, "/") {
		file := name
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		return name, checkExecutable(name, file) // unchanged: a script sees it as $0
	}
	var refused *session.Refused
	if name == "" {
		path = "" // joined to an empty name, PATH's directories themselves would be found
	}
	for _, entry := range filepath.SplitList(path) {
		file := filepath.Join(entry, name)
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		why := checkExecutable(name, file)
		if why == nil {
			return file, nil
		}
		if refused == nil || why.Reason == session.NotExecutable {
			refused = why
		}
	}
	if refused == nil || refused.Reason == session.NotFound {
		refused = &session.Refused{Reason: session.NotFound, Message: fmt.Sprintf("executing %s: command not found", name)}
	}
	return "", refused
}

func checkExecutable(name, file string) *session.Refused {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR):
		return &session.Refused{Reason: session.NotFound, Message: fmt.Sprintf("executing %s: no such file", name)}
	case err != nil:
		return &session.Refused{Reason: session.NotExecutable, Message: fmt.Sprintf("executing %s: %v", name, errors.Unwrap(err))}
	case info.IsDir():
		return &session.Refused{Reason: session.NotExecutable, Message: fmt.Sprintf("executing %s: is a directory", name)}
	case info.Mode()&0o111 == 0:
		return &session.Refused{Reason: session.NotExecutable, Message: fmt.Sprintf("executing %s: permission denied", name)}
	}
	return nil
}
