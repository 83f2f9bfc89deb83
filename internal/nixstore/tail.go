package nixstore

// A Tail is a writer for a process's stderr. It keeps the end, where the reason of a
// failure is. Its Write never fails.
type Tail struct{ kept []byte }

// TailSize is how much a Tail keeps, in bytes.
const TailSize = 64 << 10

func (t *Tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p[max(0, len(p)-TailSize):]...)
	if len(t.kept) > 2*TailSize { // rarely, because it copies
		t.kept = append(t.kept[:0], t.end()...)
	}
	return len(p), nil
}

func (t *Tail) String() string { return string(t.end()) }

func (t *Tail) end() []byte { return t.kept[max(0, len(t.kept)-TailSize):] }
