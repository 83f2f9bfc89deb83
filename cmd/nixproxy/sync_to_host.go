package main

import (
	"context"

	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/transfer"
)

const toHostLong = `With --to-host they are copied from the volume into this host's store, by the
rules of the Nix here about who is trusted: a trusted user may copy anything,
others what a key that it trusts has signed. Signatures come along. A link such
as ./result becomes a root of that store.`

func toHost(ctx context.Context, a *app, p *proxy.Proxy, paths []string, o syncOptions) error {
	if o.dryRun {
		infos, err := transfer.SyncToHostDryRun(ctx, p, paths)
		return a.wouldCopy(infos, err)
	}
	return transfer.SyncToHost(ctx, p, paths, !o.noRoot)
}
