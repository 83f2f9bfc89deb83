package image

import (
	"context"
	"strings"

	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/terminal"
)

func (s Source) pull(ctx context.Context, e Engine, ref, promise string, t *terminal.Terminal) (Image, error) {
	progress := t.Start("pulling " + ref).Bytes()
	layers := layers{}
	err := e.PullImage(ctx, ref, s.Platform, func(event engine.PullEvent) {
		layers.note(event)
		progress.Set(layers.sum())
	})
	progress.End(err)
	if err != nil {
		if !absent(err) && hint.Of(err) == "" {
			err = hint.Add(err, "without a registry `nixproxy image load ARCHIVE` brings it")
		}
		return Image{}, err
	}
	return s.inspect(ctx, e, ref, promise)
}

// layers adds up the downloads of a pull's layers. Progress of unpacking is left
// out, as it counts the same bytes again.
type layers map[string]struct{ done, total int64 }

func (l layers) note(event engine.PullEvent) {
	layer := l[event.Layer]
	switch {
	case event.Status == "Downloading" && event.Total > 0:
		layer.done, layer.total = event.Done, event.Total
	case strings.HasPrefix(event.Status, "Download complete"), event.Status == "Extracting":
		layer.done = layer.total
	default:
		return
	}
	l[event.Layer] = layer
}

func (l layers) sum() (done, total int64) {
	for _, layer := range l {
		done += layer.done
		total += layer.total
	}
	return done, total
}
