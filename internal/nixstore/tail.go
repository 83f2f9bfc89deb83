package nixstore

// A Tail keeps the end of what a process writes to stderr, where it says why it
// failed. It never fails.
type Tail struct{ kept []byte }

// TailSize is how much of it is kept.
const TailSize = 64 << 10

func (t *Tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p[max(0, len(p)-TailSize):]...)
	if len(t.kept) > 2*TailSize { // not each time: it is copied
		t.kept = append(t.kept[:0], t.end()...)
	}
	return len(p), nil
}

func (t *Tail) String() string { return string(t.end()) }

func (t *Tail) end() []byte { return t.kept[max(0, len(t.kept)-TailSize):] }
