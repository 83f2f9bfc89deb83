package engine

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// answering is an engine that answers each request with what handler writes. Its
// API version is 1.41, and paths come without it.
func answering(t *testing.T, handler http.HandlerFunc) *Engine {
	t.Helper()
	dir, err := os.MkdirTemp("", "engine") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.StripPrefix("/v1.41", handler)}}
	server.Start()
	t.Cleanup(server.Close)
	endpoint, err := fromAddress("unix://"+socket, "test")
	if err != nil {
		t.Fatal(err)
	}
	e, err := Open(endpoint, "1.41")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.api.Close() })
	return e
}

func always(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestLoadImagesReadsTheAnswer(t *testing.T) {
	for _, test := range []struct {
		name, answer string
		refs         []string
		fails        string
	}{
		{"docker", `{"stream":"Loaded image: nixos/nix:2.26.3\n"}` + "\r\n", []string{"nixos/nix:2.26.3"}, ""},
		{"several", `{"stream":"Loaded image: a:1\n"}{"stream":"Loaded image: b:2\n"}`, []string{"a:1", "b:2"}, ""},
		{"untagged", `{"stream":"Loaded image ID: sha256:0123\n"}`, []string{"sha256:0123"}, ""},
		{"podman", `{"stream":"Loaded image: localhost/nixos/nix:2.26.3,localhost/x:1\n"}`, []string{"localhost/nixos/nix:2.26.3", "localhost/x:1"}, ""},
		{"one message", `{"stream":"Loaded image: a:1\nLoaded image: b:2\n"}`, []string{"a:1", "b:2"}, ""},
		{"with progress", `{"status":"Loading layer","progressDetail":{"current":1,"total":2},"id":"x"}{"stream":"Loaded image: r:5000/a:1"}`, []string{"r:5000/a:1"}, ""},
		{"refused", `{"errorDetail":{"message":"open manifest.json: no such file"},"error":"x"}`, nil, "open manifest.json"},
		{"empty", ``, nil, "holds no images"},
		{"cut", `{"stream":"Loaded ima`, nil, "unexpected EOF"},
		{"no JSON", `<html>`, nil, "invalid character"},
	} {
		refs, err := answering(t, always(200, test.answer)).LoadImages(t.Context(), strings.NewReader("archive"))
		if test.fails == "" && (err != nil || !slices.Equal(refs, test.refs)) {
			t.Errorf("%s: got %q, %v", test.name, refs, err)
		}
		if test.fails != "" && (err == nil || !strings.Contains(err.Error(), test.fails)) {
			t.Errorf("%s: got %q, %v; want %q", test.name, refs, err, test.fails)
		}
	}
}

func TestErrorsKeepTheirKindAndLoseTheIntroduction(t *testing.T) {
	for status, is := range map[int]func(error) bool{404: IsNotFound, 409: IsConflict, 400: IsInvalid} {
		e := answering(t, always(status, `{"message":"the engine's words"}`))
		_, err := e.FindContainer(t.Context(), "x")
		if !is(err) || err.Error() != "looking for container x: the engine's words" {
			t.Errorf("%d: got %v", status, err)
		}
		if _, err := e.FindImage(t.Context(), "i", ""); !is(err) || err.Error() != "looking for image i: the engine's words" {
			t.Errorf("%d: got %v", status, err)
		}
		if _, err := e.CreateContainer(t.Context(), Specification{Name: "x"}); !is(err) {
			t.Errorf("%d: creating: %v", status, err)
		}
	}
	other := answering(t, always(500, `{"message":"m"}`))
	if _, err := other.FindContainer(t.Context(), "x"); err == nil || IsNotFound(err) || IsConflict(err) {
		t.Errorf("500: got %v", err)
	}
}

// Podman's answers while a container of the name is being made, and after that.
func TestANameThatIsFoundLateIsAskedForAgain(t *testing.T) {
	late := []string{
		`{"message":"container create: creating container storage: the container name \"x\" is already in use by 0123. You have to remove that container to be able to reuse that name: that name is already in use"}`,
		`{"message":"container create: name \"x\" is in use: container already exists"}`,
	}
	for status, answer := range map[int]string{201: `{"Id":"new"}`, 409: `{"message":"name \"x\" is in use: container already exists"}`} {
		asked := 0
		e := answering(t, func(w http.ResponseWriter, r *http.Request) {
			if asked++; asked <= len(late) {
				always(500, late[asked-1])(w, r)
				return
			}
			always(status, answer)(w, r)
		})
		id, err := e.CreateContainer(t.Context(), Specification{Name: "x"})
		if asked != len(late)+1 || (id == "new") != (status == 201) || IsConflict(err) != (status == 409) {
			t.Errorf("%d: got %q, %v after %d requests", status, id, err, asked)
		}
	}
}

func TestRemovalsOfWhatIsGoneSucceed(t *testing.T) {
	gone := answering(t, always(404, `{"message":"no such thing"}`))
	removing := answering(t, always(409, `{"message":"removal of container x is already in progress"}`))
	used := answering(t, always(409, `{"message":"in use"}`))
	ctx := t.Context()
	for name, err := range map[string]error{
		"removing a container": gone.RemoveContainer(ctx, "x"), "one being removed": removing.RemoveContainer(ctx, "x"),
		"stopping": gone.StopContainer(ctx, "x", 0), "waiting": gone.WaitRemoved(ctx, "x"), "removing a volume": gone.RemoveVolume(ctx, "x"),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if used.RemoveContainer(ctx, "x") == nil || used.RemoveVolume(ctx, "x") == nil {
		t.Error("what is in use was removed")
	}
}

func TestCreateContainerSaysWhatIsMeant(t *testing.T) {
	var body struct {
		Image, User, WorkingDir string
		Entrypoint              []string
		ExposedPorts            map[string]struct{}
		HostConfig              struct {
			PidMode, NetworkMode string
			Init, AutoRemove     bool
			Binds                []string
			LogConfig            struct{ Type string }
			PortBindings         map[string][]struct{ HostIp, HostPort string }
			Memory, NanoCpus     int64
			Mounts               []struct {
				Type, Source, Target string
				ReadOnly             bool
				VolumeOptions        struct{ NoCopy bool }
			}
		}
	}
	e := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("name") != "n" || r.URL.Query().Get("platform") != "linux/arm64" {
			t.Errorf("asked %s", r.URL)
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		always(201, `{"Id":"id","Warnings":["w"]}`)(w, r)
	})
	warned := ""
	e.Warn = func(format string, a ...any) { warned += fmt.Sprintf(format, a...) }
	id, err := e.CreateContainer(t.Context(), Specification{Name: "n", Image: "i", Platform: "linux/arm64", Entrypoint: []string{"/a", "b"},
		Mounts: []Mount{{Volume: "v", Target: "/nix"}, {Bind: "/p", Target: "/q", ReadOnly: true}}, PidOf: "anchor", Publish: 7, Init: true, AutoRemove: true, NoNetwork: true, NoLog: true,
		Limits: Limits{Memory: 1 << 30, NanoCPUs: 15e8}})
	got := fmt.Sprintf("%+v", body)
	const want = "{Image:i User:0:0 WorkingDir:/ Entrypoint:[/a b] ExposedPorts:map[7/tcp:{}] HostConfig:{PidMode:container:anchor NetworkMode:none Init:true AutoRemove:true Binds:[] LogConfig:{Type:none} PortBindings:map[7/tcp:[{HostIp:127.0.0.1 HostPort:}]] Memory:1073741824 NanoCpus:1500000000 " +
		"Mounts:[{Type:volume Source:v Target:/nix ReadOnly:false VolumeOptions:{NoCopy:true}} {Type:bind Source:/p Target:/q ReadOnly:true VolumeOptions:{NoCopy:false}}]}}"
	if err != nil || id != "id" || got != want || warned != "the engine says: w" {
		t.Errorf("%s, %v; sent\n%s, want\n%s", id, err, got, want)
	}
}

func TestFindContainerTellsItsAddress(t *testing.T) {
	for ports, want := range map[string]string{
		`{"7/tcp":[{"HostIp":"127.0.0.1","HostPort":"49153"}]}`:                                          "127.0.0.1:49153",
		`{"80/tcp":null,"7/tcp":[{"HostIp":"::","HostPort":"1"},{"HostIp":"127.0.0.1","HostPort":"2"}]}`: "127.0.0.1:2",
		`{"7/tcp":[]}`: "",
		`null`:         "",
	} {
		e := answering(t, always(200, `{"Id":"id","NetworkSettings":{"Ports":`+ports+`}}`))
		if c, err := e.FindContainer(t.Context(), "n"); err != nil || c.Address != want {
			t.Errorf("%s: got %q, %v", ports, c.Address, err)
		}
	}
}

func TestEachMessage(t *testing.T) {
	var got []PullEvent
	err := eachMessage(strings.NewReader(`{"status":"Pulling from x","id":"2.26.3"}
{"status":"Downloading","progressDetail":{"current":5,"total":10},"progress":"[=>]","id":"layer"}
{"status":"Extracting","progressDetail":{"current":1,"units":"s"},"id":"layer"}`+"\r\n"), func(e PullEvent) { got = append(got, e) })
	want := []PullEvent{{Layer: "2.26.3", Status: "Pulling from x"}, {"layer", "Downloading", 5, 10}, {"layer", "Extracting", 1, 0}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	for body, says := range map[string]string{
		`{"status":"x"}{"errorDetail":{"message":"manifest unknown"},"error":"e"}`: "manifest unknown", `{"status":`: "unexpected EOF", `x`: "invalid",
	} {
		if err := eachMessage(strings.NewReader(body), func(PullEvent) {}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v", body, err)
		}
	}
}

func TestPullImageGoesOnToTheErrorInTheStream(t *testing.T) {
	dockerConfig(t, "{}", nil)
	e := answering(t, always(200, `{"status":"Pulling"}{"errorDetail":{"message":"no matching manifest for linux/arm64"}}`))
	told := 0
	err := e.PullImage(t.Context(), "nixos/nix:2.26.3", "", func(PullEvent) { told++ })
	if err == nil || err.Error() != "pulling nixos/nix:2.26.3: no matching manifest for linux/arm64" || told != 1 {
		t.Errorf("got %v after %d events", err, told)
	}
}

func TestCredentials(t *testing.T) {
	basic := base64.StdEncoding.EncodeToString([]byte("me:secret"))
	dir := dockerConfig(t, `{"auths":{"https://index.docker.io/v1/":{"auth":"`+basic+`"},"mirror.example:5000":{"auth":"`+basic+`"}},
		"credHelpers":{"helped.example":"nixproxytest"}}`, nil)
	helper := "#!/bin/sh\nread host\necho \"{\\\"ServerURL\\\":\\\"$host\\\",\\\"Username\\\":\\\"helper\\\",\\\"Secret\\\":\\\"from-$host\\\"}\"\n"
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-nixproxytest"), []byte(helper), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	for ref, want := range map[string][2]string{
		"nixos/nix:2.26.3":                    {"me", "secret"},
		"docker.io/nixos/nix":                 {"me", "secret"},
		"mirror.example:5000/nixos/nix:1":     {"me", "secret"},
		"helped.example/a/b:1":                {"helper", "from-helped.example"},
		"ghcr.io/lix-project/lix:2.93.0":      {"", ""},
		"mirror.example/nixos/nix:other-port": {"", ""},
	} {
		encoded, helper, err := credentials(ref)
		if err != nil || helper != nil {
			t.Errorf("%s: %v, %v", ref, err, helper)
			continue
		}
		content, err := base64.URLEncoding.DecodeString(encoded)
		if err != nil {
			t.Fatal(err)
		}
		var auth struct{ Username, Password string }
		if err := json.Unmarshal(content, &auth); err != nil || [2]string{auth.Username, auth.Password} != want {
			t.Errorf("%s: got %s, %v", ref, content, err)
		}
	}
	if _, _, err := credentials("Not A Reference"); err == nil {
		t.Error("what is no reference was taken")
	}
}

// A helper of an engine that is gone must not keep the new one from a public image.
func TestPullWithoutItsHelper(t *testing.T) {
	dockerConfig(t, `{"credsStore":"nixproxygone"}`, nil)
	nothing := func(PullEvent) {}
	if err := answering(t, always(200, `{"status":"Pulling"}`)).PullImage(t.Context(), "nixos/nix:2.26.3", "", nothing); err != nil {
		t.Errorf("got %v", err)
	}
	refusing := answering(t, always(200, `{"errorDetail":{"message":"no basic auth credentials"}}`))
	err := refusing.PullImage(t.Context(), "nixos/nix:2.26.3", "", nothing)
	if err == nil || !strings.Contains(err.Error(), "no basic auth") || !strings.Contains(err.Error(), "nixproxygone") {
		t.Errorf("got %v", err)
	}
}

func TestNowIsTheEnginesClock(t *testing.T) {
	e := answering(t, always(200, `{"SystemTime":"2020-01-02T03:04:05.6Z"}`))
	if now, err := e.Now(t.Context()); err != nil || now.Year() != 2020 {
		t.Errorf("got %v, %v", now, err)
	}
	if _, err := answering(t, always(200, `{}`)).Now(t.Context()); err != nil {
		t.Errorf("an engine without a clock: %v", err)
	}
}

func TestGreetSaysThatNobodyListens(t *testing.T) {
	endpoint, err := fromAddress("unix:///no/such/socket", "--host")
	if err != nil {
		t.Fatal(err)
	}
	e, err := Open(endpoint, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Greet(context.Background())
	if err == nil || !strings.Contains(err.Error(), "the engine at unix:///no/such/socket (--host) does not answer: nothing listens there") || !strings.HasPrefix(hint.Of(err), "start it, or name another") {
		t.Errorf("got %v", err)
	}
}

// hijacked answers as an engine does that hands over the connection.
func hijacked(t *testing.T, w http.ResponseWriter, talk func(conn net.Conn, stdin io.Reader)) {
	conn, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
	talk(conn, buffered)
}

func TestOutputRunsACommandToItsEnd(t *testing.T) {
	status := 0
	e := answering(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/containers/c/exec":
			always(201, `{"Id":"e"}`)(w, r)
		case "/exec/e/start":
			_, _ = io.Copy(io.Discard, r.Body)
			hijacked(t, w, func(conn net.Conn, stdin io.Reader) {
				input, _ := io.ReadAll(stdin) // to its half-close
				_, _ = io.WriteString(conn, frame(2, "complaint")+frame(1, "got "+string(input)))
			})
		case "/exec/e/json":
			always(200, fmt.Sprintf(`{"ExitCode":%d}`, status))(w, r)
		default:
			t.Errorf("asked %s", r.URL)
		}
	})
	if out, err := e.Output(t.Context(), "c", "stdin", "cmd"); err != nil || string(out) != "got stdin" {
		t.Errorf("got %q, %v", out, err)
	}
	status = 3
	if _, err := e.Output(t.Context(), "c", "", "cmd"); err == nil || err.Error() != "complaint" {
		t.Errorf("a command that failed: %v", err)
	}
}

// An agent that does not know what it is asked ends without having read a long
// question, and Docker 20.10 holds on to who still asks, where Podman cuts them off.
func TestOutputOfWhoTakesNoMore(t *testing.T) {
	for name, then := range map[string]func(net.Conn){
		"Docker": func(conn net.Conn) { _ = conn.(*net.UnixConn).CloseWrite(); <-t.Context().Done() },
		"Podman": func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1)) },
	} {
		t.Run(name, func(t *testing.T) { outputOfWhoTakesNoMore(t, then) })
	}
}

func outputOfWhoTakesNoMore(t *testing.T, then func(net.Conn)) {
	e := answering(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/containers/c/exec":
			always(201, `{"Id":"e"}`)(w, r)
		case "/exec/e/start":
			_, _ = io.Copy(io.Discard, r.Body)
			hijacked(t, w, func(conn net.Conn, stdin io.Reader) {
				_, _ = io.WriteString(conn, frame(2, "there is no such mode"))
				then(conn)
			})
		case "/exec/e/json":
			always(200, `{"ExitCode":2}`)(w, r)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := e.Output(ctx, "c", strings.Repeat("x", 8<<20), "cmd")
	if failed := (*ExitError)(nil); !errors.As(err, &failed) || failed.Status != 2 || failed.Error() != "there is no such mode" {
		t.Error(err)
	}
}
