package nixstore

import (
	"fmt"
	"strings"
	"testing"
)

func TestTailKeepsTheEnd(t *testing.T) {
	for _, size := range []int{1, 7, 1000, TailSize - 1, TailSize, TailSize + 1, 5 * TailSize} {
		var tail Tail
		var all strings.Builder
		for i := 0; all.Len() < 4*TailSize; i++ {
			piece := fmt.Sprintf("%0*d", size, i)
			all.WriteString(piece)
			if n, err := tail.Write([]byte(piece)); n != len(piece) || err != nil {
				t.Fatal(n, err)
			}
			if got, want := len(tail.String()), min(all.Len(), TailSize); got != want {
				t.Fatalf("in pieces of %d: of %d bytes %d are kept, not %d", size, all.Len(), got, want)
			}
		}
		if !strings.HasSuffix(all.String(), tail.String()) {
			t.Errorf("in pieces of %d: what is kept is not the end", size)
		}
		if cap(tail.kept) > 4*TailSize {
			t.Errorf("in pieces of %d: %d bytes are held", size, cap(tail.kept))
		}
	}
}
