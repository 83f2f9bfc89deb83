package engine

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nixproxy/nixproxy/internal/hint"
)

func TestRequests(t *testing.T) {
	for want, ask := range map[string]func(context.Context, *Engine) error{
		"PUT /containers/c/archive":    func(ctx context.Context, e *Engine) error { return e.CopyInto(ctx, "c", strings.NewReader("tar")) },
		"POST /containers/c/start":     func(ctx context.Context, e *Engine) error { return e.StartContainer(ctx, "c") },
		"POST /containers/c/unpause":   func(ctx context.Context, e *Engine) error { return e.UnpauseContainer(ctx, "c") },
		"POST /containers/c/stop t=3":  func(ctx context.Context, e *Engine) error { return e.StopContainer(ctx, "c", 3*time.Second) },
		"DELETE /containers/c force=1": func(ctx context.Context, e *Engine) error { return e.RemoveContainer(ctx, "c") },
		"DELETE /images/a:1":           func(ctx context.Context, e *Engine) error { return e.RemoveImage(ctx, "a:1") },
		"DELETE /volumes/v":            func(ctx context.Context, e *Engine) error { return e.RemoveVolume(ctx, "v") },
		"GET /images/get names=a:1&names=b": func(ctx context.Context, e *Engine) error {
			_, err := e.SaveImages(ctx, []string{"a:1", "b"})
			return err
		},
	} {
		asked := ""
		e := answering(t, func(w http.ResponseWriter, r *http.Request) {
			query := r.URL.Query()
			for _, key := range []string{"path", "noOverwriteDirNonDir", "noprune"} {
				query.Del(key)
			}
			text := strings.ReplaceAll(query.Encode(), "%3A", ":")
			asked = strings.TrimSpace(r.Method + " " + r.URL.Path + " " + text)
			always(200, "[]")(w, r)
		})
		if err := ask(t.Context(), e); err != nil || asked != want {
			t.Errorf("asked %q, want %q; %v", asked, want, err)
		}
		refusing := answering(t, always(500, `{"message":"the engine's words"}`))
		if err := ask(t.Context(), refusing); err == nil || !strings.HasSuffix(err.Error(), ": the engine's words") {
			t.Errorf("%s: refused with %v", want, err)
		}
	}
}

func TestLists(t *testing.T) {
	answers := map[string]string{
		"/containers/json": `[{"Id":"1","Names":["/n"],"State":"running","ImageID":"i","Labels":{"a":"b"},"Created":7},{"Id":"2","State":"dead"}]`,
		"/images/json":     `[{"Id":"i","RepoTags":["a:1"],"Size":5}]`,
		"/volumes":         `{"Volumes":[{"Name":"v","Labels":{"a":"b"}}]}`,
	}
	var filters []string
	e := answering(t, func(w http.ResponseWriter, r *http.Request) {
		filters = append(filters, r.URL.Query().Get("filters"))
		always(200, answers[r.URL.Path])(w, r)
	})
	containers, err := e.Containers(t.Context(), "a=b")
	if err != nil || len(containers) != 2 || !containers[0].Running() || containers[0].Name != "n" || containers[0].Created.Unix() != 7 || containers[1].Running() || containers[1].Name != "2" {
		t.Errorf("%+v, %v", containers, err)
	}
	images, err := e.Images(t.Context(), "nixos/nix")
	if err != nil || len(images) != 1 || images[0].ID != "i" || !slices.Equal(images[0].Tags, []string{"a:1"}) || images[0].Size != 5 {
		t.Errorf("%+v, %v", images, err)
	}
	volumes, err := e.Volumes(t.Context(), "a")
	if err != nil || len(volumes) != 1 || volumes[0].Name != "v" || volumes[0].Labels["a"] != "b" {
		t.Errorf("%+v, %v", volumes, err)
	}
	if want := []string{`{"label":{"a=b":true}}`, `{"reference":{"nixos/nix":true}}`, `{"label":{"a":true}}`}; !slices.Equal(filters, want) {
		t.Errorf("filters %q, want %q", filters, want)
	}
}

func TestFindImageIsForThePlatform(t *testing.T) {
	e := answering(t, always(200, `{"Id":"i","Os":"linux","Architecture":"arm64","Variant":"v8","RootFS":{"Layers":["l"]},"Config":{"Env":["A=b"]}}`))
	for _, platform := range []string{"", "linux/arm64"} {
		if i, err := e.FindImage(t.Context(), "r", platform); err != nil || i.ID != "i" || !slices.Equal(i.Layers, []string{"l"}) || !slices.Equal(i.Env, []string{"A=b"}) {
			t.Errorf("%q: %+v, %v", platform, i, err)
		}
	}
	_, err := e.FindImage(t.Context(), "r", "linux/amd64")
	var other *OtherPlatformError
	if !errors.As(err, &other) || !IsNotFound(err) || err.Error() != "image r is for linux/arm64 and linux/amd64 is wanted" || !strings.Contains(hint.Of(err), "--platform") {
		t.Errorf("got %v, hint %q", err, hint.Of(err))
	}
}

func TestAttachReadsTheContainersStreams(t *testing.T) {
	e := answering(t, func(w http.ResponseWriter, r *http.Request) {
		hijacked(t, w, func(conn net.Conn, stdin io.Reader) {
			input, _ := io.ReadAll(stdin)
			_, _ = io.WriteString(conn, frame(1, "got "+string(input)))
		})
	})
	s, err := e.Attach(t.Context(), "c")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, _ = io.WriteString(s, "stdin")
	if err := s.CloseWrite(); err != nil {
		t.Error(err)
	}
	if out, err := io.ReadAll(s); err != nil || string(out) != "got stdin" || s.Failure() != nil {
		t.Errorf("%q, %v", out, err)
	}
}

// Docker 20.10 leaves the connection of an exec open whose container has ended.
func TestAnExecEndsWithItsContainer(t *testing.T) {
	done := make(chan struct{})
	e := answering(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/containers/c/exec":
			always(201, `{"Id":"e"}`)(w, r)
		case "/exec/e/start":
			_, _ = io.Copy(io.Discard, r.Body)
			hijacked(t, w, func(net.Conn, io.Reader) { <-done })
		case "/containers/c/wait":
			always(200, `{"StatusCode":0}`)(w, r)
		}
	})
	defer close(done)
	s, err := e.Exec(t.Context(), "c", "cmd")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_ = s.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
