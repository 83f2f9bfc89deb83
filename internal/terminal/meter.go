package terminal

import "io"

// A Meter counts the bytes that are written to it, or read through its Reader, and reports
// them to Set.
type Meter struct {
	Set         func(done, total int64) // such as a Progress's
	Done, Total int64
}

func (m *Meter) Write(p []byte) (int, error) {
	m.Done += int64(len(p))
	m.Set(m.Done, m.Total)
	return len(p), nil
}

// Reader returns a reader of r that counts.
func (m *Meter) Reader(r io.Reader) io.Reader { return io.TeeReader(r, m) }
