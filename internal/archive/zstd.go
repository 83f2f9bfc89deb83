package archive

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/klauspost/compress/zstd"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// maxWindow bounds a decoder's window, in bytes. It is the window of `zstd --long`, with
// which the user may compress the file anew.
const maxWindow = 128 << 20

// compress uses the level nearest to zstd's own default. The level below is no faster here,
// and makes the file a fifth larger.
func compress(to io.Writer) (io.WriteCloser, error) {
	return zstd.NewWriter(to, zstd.WithEncoderLevel(zstd.SpeedDefault))
}

func decompress(from io.Reader) (io.ReadCloser, error) {
	d, err := zstd.NewReader(from, zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return decoder{d.IOReadCloser()}, nil
}

// A decoder tells damage of the file from errors of the disk.
type decoder struct{ io.ReadCloser }

func (d decoder) Read(p []byte) (int, error) {
	n, err := d.ReadCloser.Read(p)
	var unread *fs.PathError
	if err == nil || err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &unread) {
		return n, err
	}
	return n, hint.Add(fmt.Errorf("the file is damaged (%w)", err), "copy it again")
}
