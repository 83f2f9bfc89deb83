package proxy

import (
	"strings"

	"github.com/nixproxy/nixproxy/internal/nixconf"
	"github.com/nixproxy/nixproxy/internal/session"
	"github.com/nixproxy/nixproxy/internal/version"
)

// A configuration is what a session takes over from the host's Nix.
type configuration struct {
	nix      string // lines
	secrets  session.Secrets
	withheld error // why the host's netrc file is not among the secrets
}

// configuration reads the host's files.
func (p *Proxy) configuration(nix version.Nix) configuration {
	host, present := p.hostNix(nix)
	config, err := nixconf.Read(nixconf.Local(p.Host.Home, host.Determinate))
	if err != nil {
		p.Terminal.Warn("%v", err)
	}
	if !present {
		config = config.WithoutNix()
	}
	c := configuration{nix: strings.TrimSuffix(config.Session(), "\n"), secrets: session.Secrets{Nix: config.Secrets()}}
	c.secrets.Netrc, c.withheld = nixconf.Netrc(config.NetrcFile)
	return c
}

// hostNix returns the host's own Nix. That is the one to use, unless the settings
// name another: only then the host is searched once more.
func (p *Proxy) hostNix(nix version.Nix) (version.Nix, bool) {
	if p.Settings.NixVersion == "" {
		return nix, nix.Binary != ""
	}
	return version.Local(p.Host.Home, p.Host.Self, p.State.Cache("nix")).Present()
}
