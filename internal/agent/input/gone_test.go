package input

import (
	"bufio"
	"context"
	"io"
	"testing"
)

func TestUntilEndPassesAnswersAndEndsWithTheInput(t *testing.T) {
	in, host := io.Pipe()
	ctx, answers := UntilEnd(t.Context(), in)
	go func() { _, _ = io.WriteString(host, "an answer\n") }()
	lines := bufio.NewReader(answers)
	if line, err := lines.ReadString('\n'); line != "an answer\n" || err != nil || ctx.Err() != nil {
		t.Errorf("%q, %v, %v", line, err, ctx.Err())
	}
	host.Close()
	<-ctx.Done()
	if _, err := lines.ReadString('\n'); err != io.EOF || context.Cause(ctx) != context.Canceled {
		t.Errorf("%v, %v", err, context.Cause(ctx))
	}
}
