package main

import (
	"github.com/spf13/cobra"
)

func newSync(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "sync",
		Short: "copy the image's store into the volume",
		Long:  "Copy the store of the image for this host's Nix into the volume. `run` does it\nby itself where it is needed; an image whose store is there costs one question.",
		Args:  between(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := a.proxy()
			if err != nil {
				return err
			}
			stamp, volume, err := p.Sync(c.Context())
			if err != nil {
				return err
			}
			a.terminal.Note("the store of %s is in volume %s", stamp.Reference, volume)
			return nil
		},
	}
}
