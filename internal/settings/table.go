package settings

import "github.com/spf13/pflag"

// Scope says which commands have a setting.
type Scope int

const (
	Global Scope = iota // every command
	Run                 // run and shell
)

// A Setting is one row of the table: all that nixproxy knows of a setting before it has a
// value.
type Setting struct {
	Flag    string            // without the dashes
	Short   string            // one letter, or none
	Env     string            // the environment variable; empty counts as unset
	Key     string            // its name in config.toml
	Doc     string            // one sentence for the help, without default and variable
	Default string            // as it would be written after the flag; empty means that the doc says what happens
	Choices []string          // what it can be; none means that any text will do, or what check allows
	Renamed map[string]string // choices by the names that they had before; they are taken with a warning
	Scope   Scope
	Meta    string // stands for the value in the help; none for a switch

	value     func(*Settings) pflag.Value
	check     func(string) error
	canonical func(string) (string, error) // the one form of what may be written in several
}

// Table returns every setting, in the order of the help.
func Table() []Setting {
	return append(globals(), session()...)
}

func globals() []Setting {
	return []Setting{
		{Flag: "host", Short: "H", Env: "NIXPROXY_HOST", Key: "host", Meta: "URL",
			Doc:   "address of the engine: unix://, tcp:// or ssh:// (without it, the engine that the docker command would use, then the usual sockets)",
			value: text(func(s *Settings) *string { return &s.Host })},
		{Flag: "context", Env: "NIXPROXY_CONTEXT", Key: "context", Meta: "NAME",
			Doc:   "docker context to take the engine from",
			value: text(func(s *Settings) *string { return &s.Context })},
		{Flag: "image", Env: "NIXPROXY_IMAGE", Key: "image", Meta: "REF",
			Doc:   "image to use; may hold {version} (without it, nixos/nix:{version}, or ghcr.io/lix-project/lix:{version} where the host runs Lix)",
			value: text(func(s *Settings) *string { return &s.Image })},
		{Flag: "nix-version", Env: "NIXPROXY_NIX_VERSION", Key: "nix-version", Meta: "VERSION",
			Doc:   "Nix version to use (without it, the host's)",
			value: text(func(s *Settings) *string { return &s.NixVersion })},
		{Flag: "platform", Env: "NIXPROXY_PLATFORM", Key: "platform", Meta: "OS/ARCH", canonical: platformName,
			Doc:   "platform of image and volume, such as linux/arm64, aarch64 or x86_64 (without it, the engine's)",
			value: text(func(s *Settings) *string { return &s.Platform })},
		{Flag: "volume", Env: "NIXPROXY_VOLUME", Key: "volume", Meta: "NAME",
			Doc:   "volume to mount at /nix (without it, nixproxy-<os>-<arch>)",
			value: text(func(s *Settings) *string { return &s.Volume })},
		{Flag: "pull", Env: "NIXPROXY_PULL", Key: "pull", Meta: "WHEN", Default: "missing",
			Choices: []string{"missing", "always", "never"},
			Doc:     "when to pull the image: missing, always or never",
			value:   text(func(s *Settings) *string { return &s.Pull })},
		{Flag: "registry", Env: "NIXPROXY_REGISTRY", Key: "registry", Meta: "MIRROR",
			Doc:   "registry to ask instead of the image's own, as host[:port][/path]",
			value: text(func(s *Settings) *string { return &s.Registry })},
		{Flag: "transport", Env: "NIXPROXY_TRANSPORT", Key: "transport", Meta: "WAY", Default: "auto",
			Choices: []string{"auto", "port", "exec"}, Renamed: map[string]string{"bridge": "exec"},
			Doc:   "how to reach the container: port (on this machine's loopback), exec (the engine's), or auto, the port where it answers",
			value: text(func(s *Settings) *string { return &s.Transport })},
		{Flag: "progress", Env: "NIXPROXY_PROGRESS", Key: "progress", Meta: "MODE", Default: "auto",
			Choices: []string{"auto", "tty", "plain", "json", "none"},
			Doc:     "how to show progress on stderr: auto, tty, plain, json or none",
			value:   text(func(s *Settings) *string { return &s.Progress })},
		{Flag: "quiet", Short: "q", Env: "NIXPROXY_QUIET", Key: "quiet", check: yesOrNo,
			Doc:   "say nothing but errors",
			value: yes(func(s *Settings) *bool { return &s.Quiet })},
		{Flag: "debug", Env: "NIXPROXY_DEBUG", Key: "debug", check: yesOrNo,
			Doc:   "say what is done",
			value: yes(func(s *Settings) *bool { return &s.Debug })},
		{Flag: "state", Env: "NIXPROXY_STATE", Key: "state", Meta: "DIR",
			Doc:   "directory for cache, keys and locks (without it, nixproxy in the user's state directory)",
			value: text(func(s *Settings) *string { return &s.State })},
	}
}

func session() []Setting {
	return []Setting{
		{Flag: "env", Short: "e", Env: "NIXPROXY_ENV", Key: "env", Meta: "K[=V]", Scope: Run, check: assignment,
			Doc:   "variable for the command; without =V, with the value it has here; may be given again (in the variable: one a line)",
			value: list(func(s *Settings) *[]string { return &s.Env })},
		{Flag: "env-file", Env: "NIXPROXY_ENV_FILE", Key: "env-file", Meta: "FILE", Scope: Run,
			Doc:   "file of such variables, one a line; lines that start with # are comments; may be given again",
			value: list(func(s *Settings) *[]string { return &s.EnvFiles })},
		{Flag: "workdir", Short: "w", Env: "NIXPROXY_WORKDIR", Key: "workdir", Meta: "DIR", Scope: Run,
			Doc:   "directory that the command starts in (without it, the working directory)",
			value: text(func(s *Settings) *string { return &s.Workdir })},
		{Flag: "mount", Env: "NIXPROXY_MOUNT", Key: "mount", Meta: "SRC[:DST][:ro]", Scope: Run,
			Doc:   "directory or file to mount besides the project, at the same path or at DST; may be given again",
			value: list(func(s *Settings) *[]string { return &s.Mounts })},
		{Flag: "no-mount", Env: "NIXPROXY_NO_MOUNT", Key: "no-mount", Scope: Run, check: yesOrNo,
			Doc:   "do not mount the project",
			value: yes(func(s *Settings) *bool { return &s.NoMount })},
		{Flag: "ssh", Env: "NIXPROXY_SSH", Key: "ssh", Scope: Run, check: yesOrNo,
			Doc:   "let the command use the ssh agent of this host",
			value: yes(func(s *Settings) *bool { return &s.SSH })},
		{Flag: "memory", Env: "NIXPROXY_MEMORY", Key: "memory", Meta: "SIZE", Scope: Run, check: size,
			Doc:   "most memory that the container may use, such as 4g (without it, all of the engine's)",
			value: text(func(s *Settings) *string { return &s.Memory })},
		{Flag: "cpus", Env: "NIXPROXY_CPUS", Key: "cpus", Meta: "N", Scope: Run, check: number,
			Doc:   "most processors that the container may use, such as 1.5 (without it, all of the engine's)",
			value: text(func(s *Settings) *string { return &s.CPUs })},
		{Flag: "idle-timeout", Env: "NIXPROXY_IDLE_TIMEOUT", Key: "idle-timeout", Meta: "TIME", Scope: Run, Default: "10m", check: duration,
			Doc:   "time without a command after which the container stops; 0 is never",
			value: text(func(s *Settings) *string { return &s.IdleTimeout })},
		{Flag: "max-size", Env: "NIXPROXY_MAX_SIZE", Key: "max-size", Meta: "SIZE", Scope: Run, check: size,
			Doc:   "size of the volume's store, such as 50g, above which garbage is collected when the container is not used (without it, never)",
			value: text(func(s *Settings) *string { return &s.MaxSize })},
		{Flag: "tty", Short: "t", Env: "NIXPROXY_TTY", Key: "tty", Scope: Run, check: yesOrNo,
			Doc:   "give the command a terminal (without it, when stdin and stdout are one)",
			value: yes(func(s *Settings) *bool { return &s.TTY })},
		{Flag: "no-tty", Short: "T", Env: "NIXPROXY_NO_TTY", Key: "no-tty", Scope: Run, check: yesOrNo,
			Doc:   "give the command no terminal",
			value: yes(func(s *Settings) *bool { return &s.NoTTY })},
	}
}
