package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/session"
	"github.com/nixproxy/nixproxy/internal/settings"
)

const configSSHLong = `Print an ssh configuration for the host nixproxy: ssh, scp, sftp and what builds
on them reach the proxy container of the project in the working directory with
it. The flags given here are those of each connection; a container that is not
there is made. Save it in a file: ssh cannot read it from a shell's <( ).`

func newConfigSSH(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:     "ssh",
		Short:   "print an ssh configuration that reaches the proxy container",
		Long:    configSSHLong,
		Example: "  nixproxy config ssh >nixproxy.conf\n  ssh -F nixproxy.conf nixproxy uname -a\n  scp -F nixproxy.conf nixproxy:/nix/var/nixproxy/home/file .",
		Args:    between(0, 0, ""),
		RunE:    func(c *cobra.Command, _ []string) error { return a.configSSH(c) },
	}
	bindRelay(a, c)
	return c
}

// bindRelay gives a command the flags of run that an SSH connection can have:
// whether a command has a terminal is ssh's to say.
func bindRelay(a *app, c *cobra.Command) {
	c.Flags().SortFlags = false
	settings.Bind(c.Flags(), &a.settings, settings.Run)
	for _, flag := range []string{"tty", "no-tty"} {
		_ = c.Flags().MarkHidden(flag)
	}
}

// sshName is the host's name in the configuration and in the file of known hosts.
const sshName = "nixproxy"

func (a *app) configSSH(c *cobra.Command) error {
	p, err := a.proxy()
	if err != nil {
		return err
	}
	relay, err := a.relayCommand(c, p)
	if err != nil {
		return err
	}
	known := knownHostsOf(relay)
	running, err := a.startRelay(c, p)
	if err != nil {
		return err
	}
	defer running.Close()
	path, err := writeKnownHosts(p, known, running)
	if err != nil {
		return err
	}
	text, err := sshConfig(append(relay, "--known-hosts="+known), p.State.ClientKeyFile(), path)
	if err != nil {
		return err
	}
	_, err = a.out.WriteString(text)
	return err
}

// relayCommand is the `nixproxy connect` with the settings of this command,
// whatever directory and environment it will be started in.
func (a *app) relayCommand(c *cobra.Command, p *proxy.Proxy) ([]string, error) {
	if p.Host.Dir == "" {
		return nil, hint.Add(errors.New("the working directory is not there any more"), "change to another one")
	}
	a.settings.State = p.State.Path()
	if a.settings.Host == "" && a.settings.Context == "" {
		a.settings.Host = os.Getenv("DOCKER_HOST")
		if a.settings.Host == "" {
			a.settings.Context = os.Getenv("DOCKER_CONTEXT")
		}
	}
	relay := append([]string{ownPath(p.Host.Self), "connect"}, settings.Arguments(c.Flags())...)
	return append(relay, "--directory="+p.Host.Dir), nil
}

// ownPath is the path that this program was called by, if it leads to the
// program: that stays when a package manager puts a newer one in place.
func ownPath(self string) string {
	found, err := exec.LookPath(os.Args[0])
	if err != nil {
		return self
	}
	if found, err = filepath.Abs(found); err != nil {
		return self
	}
	if leads, err := filepath.EvalSymlinks(found); err != nil || leads != self {
		return self
	}
	return found
}

// knownHostsOf names the file of known hosts for one relay: others' volumes have
// other keys.
func knownHostsOf(relay []string) string {
	sum := sha256.Sum256([]byte(strings.Join(relay, "\x00")))
	return "known_hosts/" + hex.EncodeToString(sum[:8])
}

func writeKnownHosts(p *proxy.Proxy, name string, running *session.Command) (string, error) {
	return p.State.Write(name, knownhosts.Line([]string{sshName}, running.HostKey())+"\n")
}

// sshConfig is the text for ssh_config(5).
func sshConfig(relay []string, key, knownHosts string) (string, error) {
	text := fmt.Sprintf(`Host %s
  User root
  HostKeyAlias %[1]s
  UserKnownHostsFile %s
  StrictHostKeyChecking yes
  IdentityFile %s
  IdentitiesOnly yes
  ProxyCommand %s
`, sshName, sshQuoted(knownHosts), sshQuoted(key), percents(shellWords(relay)))
	if strings.Count(text, "\n") != 8 || strings.ContainsRune(text, 0) {
		return "", hint.Add(errors.New("a line break in a path or a setting cannot be written in an ssh configuration"), "choose another --state, directory or value")
	}
	return text, nil
}

// percents keeps ssh from expanding its tokens.
func percents(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// sshQuoted is a word for ssh's own parser.
func sshQuoted(s string) string {
	return `"` + percents(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)) + `"`
}
