package agentapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFollow(t *testing.T) {
	var told []string
	progress := func(done, total int64) { told = append(told, fmt.Sprint(done, "/", total)) }
	var stamp Stamp
	err := Follow(strings.NewReader(`{"total":3}
{"done":3,"total":3}
{"result":{"identity":"a"}}
{"done":9}`), progress, &stamp)
	if err != nil || stamp.Identity != "a" || !slices.Equal(told, []string{"0/3", "3/3"}) {
		t.Errorf("%+v, %v, told %q", stamp, err, told)
	}
	for content, says := range map[string]string{
		"": "ended before its job did", `{"done":1}`: "ended before its job did", `{"done":`: "reading its progress: unexpected EOF", "panic": "reading its progress",
	} {
		if err := Follow(strings.NewReader(content), progress, &stamp); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", content, err)
		}
	}
	if err := Follow(broken{}, progress, &stamp); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a broken connection: %v", err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestConverse(t *testing.T) {
	told, out := io.Pipe()
	in, answers := io.Pipe()
	go func() {
		tell := NewTeller(out)
		var answer []int
		tell.Progress(1, 2)
		if err := tell.Ask(t.Context(), in, []string{"a", "b"}, &answer); err != nil {
			t.Error(err)
		}
		_ = tell.Result(answer)
	}()
	var asked string
	var result []int
	err := Converse(told, func(_, _ int64) {}, &result, func(question json.RawMessage) error {
		asked = string(question)
		_, err := io.WriteString(answers, "[1,2]\n")
		return err
	})
	if err != nil || asked != `["a","b"]` || !slices.Equal(result, []int{1, 2}) {
		t.Errorf("asked %s, result %v, %v", asked, result, err)
	}
	if err := Follow(strings.NewReader(`{"question":[]}`), nil, nil); err == nil {
		t.Error("a question that nobody was to answer")
	}
}

func TestAskDoesNotWaitForEver(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	in, _ := io.Pipe()
	if err := NewTeller(io.Discard).Ask(ctx, in, 1, new(int)); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
