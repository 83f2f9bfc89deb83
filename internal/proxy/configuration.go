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
func (p *Proxy) configuration(wanted version.Nix) configuration {
	host, present := p.hostNix(wanted)
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

// hostNix returns the Nix that the host has, which need not be the one that is
// wanted. It is looked for again only where another one was asked for.
func (p *Proxy) hostNix(wanted version.Nix) (version.Nix, bool) {
	if p.Settings.NixVersion == "" {
		return wanted, wanted.Binary != ""
	}
	return version.Local(p.Host.Home, p.Host.Self, p.State.Cache("nix")).Present()
}
