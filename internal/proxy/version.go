package proxy

import "context"

// Versions is what is known without asking an engine.
type Versions struct {
	Nix   NixStatus
	Image string // the first reference that would be tried
}

// Versions tells which Nix a command would run and from which image.
func (p *Proxy) Versions(ctx context.Context) (Versions, error) {
	nix, _, err := p.nix(ctx)
	if err != nil {
		return Versions{}, err
	}
	refs, _, err := p.Source().References(nix)
	if err != nil {
		return Versions{}, err
	}
	v := Versions{Nix: p.nixStatus(nix)}
	if len(refs) > 0 {
		v.Image = refs[0]
	}
	return v, nil
}
