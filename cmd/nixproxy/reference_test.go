package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/image"
	"github.com/nixproxy/nixproxy/internal/maintenance"
	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/terminal"
)

const reference = "../../docs/reference/json.md"

// inReference is what the programs write, by the page's headings.
var inReference = map[string]any{
	"nixproxy status --json":         proxy.Status{},
	"nixproxy version --json":        versions{},
	"nixproxy image ls --json":       []image.Row{},
	"nixproxy volume ls --json":      []maintenance.VolumeRow{},
	"nixproxy volume inspect --json": inspection{},
	"nixproxy volume gc --json":      agentapi.GCResult{},
	"nixproxy volume verify --json":  agentapi.Verification{},
	"note, warning, debug, error":    terminal.TextEvent{},
	"progress":                       terminal.ProgressEvent{},
	"done":                           terminal.DoneEvent{},
	"exit":                           terminal.ExitEvent{},
}

// The page and the programs say the same: each key with its type, and an example that has
// all of them.
func TestReferenceListsEveryKey(t *testing.T) {
	sections := sectionsOf(t)
	for heading, value := range inReference {
		text, ok := sections[heading]
		if !ok {
			t.Errorf("%s: no section `%s`", reference, heading)
			continue
		}
		want := map[string]string{}
		keysOf(reflect.TypeOf(value), "", want)
		got := listedKeys(text)
		for _, key := range slices.Sorted(maps.Keys(want)) {
			if got[key] != want[key] {
				t.Errorf("%s: key %s has the type %q, and the page says %q", heading, key, want[key], got[key])
			}
		}
		for key := range got {
			if _, ok := want[key]; !ok {
				t.Errorf("%s: the page has a key %s that the program does not write", heading, key)
			}
		}
		checkExamples(t, heading, text, value, want)
	}
	for heading, text := range sections {
		if _, ok := inReference[heading]; !ok && len(listedKeys(text)) > 0 {
			t.Errorf("%s: section %q is of nothing that the programs write", reference, heading)
		}
	}
}

// Every command that prints JSON is in the page.
func TestReferenceListsEveryCommand(t *testing.T) {
	eachCommand(newRoot(newApp(strings.NewReader(""), os.Stdout, os.Stderr)), func(c *cobra.Command) {
		if c.Flags().Lookup("json") == nil {
			return
		}
		if _, ok := inReference[c.CommandPath()+" --json"]; !ok {
			t.Errorf("`%s --json` is not in %s, or not in this test", c.CommandPath(), reference)
		}
	})
}

// What an engine and a volume show of nixproxy is in the page too.
func TestReferenceListsLabelsAndPaths(t *testing.T) {
	page, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	label, own := regexp.MustCompile(`"(dev\.nixproxy\.[a-z]+)"`), regexp.MustCompile(`\.Own\("([a-z]+)`)
	source, written := sourceOf(t, "../../internal"), map[string]bool{}
	for _, found := range label.FindAllStringSubmatch(source, -1) {
		written[found[1]] = true
	}
	for _, found := range own.FindAllStringSubmatch(source, -1) {
		written["/nix/var/nixproxy/"+found[1]] = true
	}
	if len(written) < 15 {
		t.Fatalf("only %d labels and paths in the programs: they are written in another way", len(written))
	}
	for name := range written {
		if !bytes.Contains(page, []byte("`"+name)) {
			t.Errorf("%s has no `%s`", reference, name)
		}
	}
	for _, found := range regexp.MustCompile("`(dev\\.nixproxy\\.[a-z]+|/nix/var/nixproxy/[a-z]+)").FindAllSubmatch(page, -1) {
		if !written[string(found[1])] {
			t.Errorf("%s has %s, which the programs do not write", reference, found[1])
		}
	}
}

// sectionsOf are the page's sections by their headings.
func sectionsOf(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, section := range regexp.MustCompile(`(?m)^##+ `).Split(string(page), -1) {
		heading, text, _ := strings.Cut(section, "\n")
		all[strings.Trim(strings.ReplaceAll(heading, "`", ""), " ")] = text
	}
	return all
}

var keyRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]+) \\|")

// listedKeys are the keys of a section's table, with their types.
func listedKeys(section string) map[string]string {
	all := map[string]string{}
	for _, row := range keyRow.FindAllStringSubmatch(section, -1) {
		if known := regexp.MustCompile(`^(string|integer|number|boolean|time|object|list)`); known.MatchString(row[2]) {
			all[row[1]] = row[2]
		}
	}
	return all
}

// keysOf are the keys of what encoding/json makes of a type: decisions[].origin. A list
// is known by what is in it.
func keysOf(t reflect.Type, at string, to map[string]string) {
	switch {
	case t == reflect.TypeFor[time.Time]():
	case t.Kind() == reflect.Slice:
		keysOf(t.Elem(), at+"[]", to)
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			field := t.Field(i)
			name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			if field.Anonymous && name == "" {
				keysOf(field.Type, at, to)
				continue
			}
			key := strings.TrimPrefix(at+"."+name, ".")
			to[key] = typeName(field.Type)
			if strings.Contains(options, "omit") {
				to[key] += ", optional"
			}
			keysOf(field.Type, key, to)
		}
	}
}

func typeName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "time"
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		return "list of objects"
	case t.Kind() == reflect.Slice:
		return "list of " + typeName(t.Elem()) + "s"
	}
	switch t.Kind() {
	case reflect.Struct:
		return "object"
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64:
		return "integer"
	case reflect.Float64:
		return "number"
	}
	return t.String()
}

var example = regexp.MustCompile("(?s)```json\n(.*?)```")

// checkExamples reads a section's examples as the type, and wants each key in one of them.
func checkExamples(t *testing.T, heading, section string, value any, want map[string]string) {
	t.Helper()
	shown := map[string]bool{}
	for _, block := range example.FindAllStringSubmatch(section, -1) {
		strict := json.NewDecoder(strings.NewReader(block[1]))
		strict.DisallowUnknownFields()
		loose := json.NewDecoder(strings.NewReader(block[1]))
		for loose.More() {
			var keys any
			if err := strict.Decode(reflect.New(reflect.TypeOf(value)).Interface()); err != nil {
				t.Errorf("%s: an example is not what the program writes: %v", heading, err)
			}
			if err := loose.Decode(&keys); err != nil {
				t.Fatalf("%s: %v", heading, err)
			}
			shownKeys(keys, "", shown)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if !shown[key] {
			t.Errorf("%s: no example of %s", heading, key)
		}
	}
}

func shownKeys(value any, at string, to map[string]bool) {
	switch value := value.(type) {
	case []any:
		for _, one := range value {
			shownKeys(one, at+"[]", to)
		}
	case map[string]any:
		for name, one := range value {
			key := strings.TrimPrefix(fmt.Sprint(at, ".", name), ".")
			to[key] = true
			shownKeys(one, key, to)
		}
	}
}

// sourceOf is the text of the Go files below a directory, without the tests.
func sourceOf(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		content, err := os.ReadFile(file)
		all.Write(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
