package server

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agentapi"
)

func TestDescribe(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/x", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	question, err := json.Marshal([]agentapi.View{{Path: dir, Names: []string{"x", "y"}}, {Path: dir + "/y"}})
	if err != nil {
		t.Fatal(err)
	}
	var answer bytes.Buffer
	var facts [][]string
	if err := Describe(bytes.NewReader(question), &answer); err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"directory", "file of 0 bytes, e3b0c44298fc1c14", agentapi.Nothing}, {agentapi.Nothing}}
	if err := json.Unmarshal(answer.Bytes(), &facts); err != nil || !reflect.DeepEqual(facts, want) {
		t.Errorf("got %q, %v", facts, err)
	}
	if err := Describe(strings.NewReader("x"), &answer); err == nil {
		t.Error("nonsense is no error")
	}
}
