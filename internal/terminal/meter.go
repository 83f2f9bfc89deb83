package terminal

import "io"

// A Meter tells how much has been written to it, or read through its Reader.
type Meter struct {
	Set         func(done, total int64) // such as a Progress's
	Done, Total int64
}

func (m *Meter) Write(p []byte) (int, error) {
	m.Done += int64(len(p))
	m.Set(m.Done, m.Total)
	return len(p), nil
}

// Reader is r, metered.
func (m *Meter) Reader(r io.Reader) io.Reader { return io.TeeReader(r, m) }
