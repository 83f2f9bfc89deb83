package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/nixproxy/nixproxy/"

// mayImport is the direction of the imports: cmd -> transfer, maintenance -> proxy -> volume -> container, image -> engine.
// A package that is missing here is a leaf, and imports no other of ours. All may
// import anyones.
var mayImport = map[string][]string{
	"cmd/nixproxy":              {"*"},
	"cmd/nixproxy-agent":        {"internal/agentapi", "internal/agent/anchor", "internal/agent/check", "internal/agent/gc", "internal/agent/layout", "internal/agent/server", "internal/agent/transfer"},
	"internal/agentapi":         {"internal/nixstore"},
	"internal/agent/anchor":     {"internal/agent/layout"},
	"internal/agent/check":      {"internal/agentapi", "internal/agent/input", "internal/agent/layout", "internal/agent/nix", "internal/nixstore"},
	"internal/agent/gc":         {"internal/agentapi", "internal/agent/check", "internal/agent/input", "internal/agent/layout", "internal/agent/nix", "internal/agent/pins", "internal/nixlog", "internal/nixstore"},
	"internal/agent/input":      {"internal/agent/layout"},
	"internal/agent/nix":        {"internal/agentapi", "internal/agent/layout", "internal/nixstore"},
	"internal/agent/transfer":   {"internal/agentapi", "internal/agent/input", "internal/agent/layout", "internal/agent/nix", "internal/agent/platform", "internal/filetree", "internal/nixlog", "internal/nixstore"},
	"internal/agent/testvolume": {"internal/agent/layout"},
	"internal/agent/layout":     {"internal/agentapi", "internal/nixstore", "internal/version"},
	"internal/agent/pins":       {"internal/agent/layout", "internal/nixstore"},
	"internal/agent/platform":   {"internal/agentapi"},
	"internal/agent/server":     {"internal/session", "internal/agentapi", "internal/agent/layout", "internal/agent/pins", "internal/agent/platform"},
	"internal/archive":          {"internal/agentapi", "internal/nixstore"},
	"internal/hoststore":        {"internal/nixstore"},
	"internal/proxy": {"internal/volume", "internal/container", "internal/image", "internal/engine", "internal/session", "internal/agentapi", "internal/agentbin",
		"internal/state", "internal/terminal", "internal/version", "internal/nixconf", "internal/nixstore",
		"internal/platform", "internal/project", "internal/settings"},
	"internal/transfer":              {"internal/proxy", "internal/volume", "internal/archive", "internal/session", "internal/agentapi", "internal/terminal", "internal/version", "internal/nixstore", "internal/hoststore"},
	"internal/maintenance":           {"internal/proxy", "internal/volume", "internal/container", "internal/image", "internal/engine", "internal/agentapi", "internal/nixstore"},
	"internal/agentbin/agentbintest": {"internal/agentbin"},
	"internal/volume":                {"internal/archive", "internal/container", "internal/image", "internal/engine", "internal/agentapi", "internal/nixstore", "internal/terminal"},
	"internal/container":             {"internal/engine", "internal/agentapi", "internal/agentbin"},
	"scripts/nix-image":              {"internal/nixstore"},
	"internal/settings":              {"internal/platform"},
	"internal/engine":                {"internal/platform"},
	"internal/image":                 {"internal/engine", "internal/version", "internal/terminal"},
	"internal/nixstore/storetest":    {"internal/nixstore"},
	"internal/volume/volumetest":     {"internal/agentapi", "internal/engine/enginetest", "internal/nixstore", "internal/nixstore/storetest"},
	"internal/proxy/proxytest": {"internal/engine", "internal/engine/enginetest", "internal/agentapi", "internal/container", "internal/image", "internal/volume", "internal/session", "internal/session/sessiontest",
		"internal/settings", "internal/state", "internal/terminal"},
	"internal/engine/enginetest": {"internal/engine", "internal/agentapi"},
}

// anyones are the packages of errors' hints and of locks between processes.
var anyones = []string{"internal/hint", "internal/filelock"}

// source is one Go file: its package's folder, below the module.
type source struct {
	file, dir string
	test      bool
	imports   []string
}

func TestImportsPointOneWay(t *testing.T) {
	for _, s := range sources(t) {
		allowed := mayImport[s.dir]
		if s.test || slices.Contains(allowed, "*") {
			continue
		}
		for _, imported := range s.imports {
			to, ours := strings.CutPrefix(imported, module)
			if ours && !slices.Contains(anyones, to) && to != s.dir && !slices.Contains(allowed, to) {
				t.Errorf("%s imports %s, against the direction of imports: declare a small interface here and let the caller pass it in, or change DESIGN.md and the table in this test", s.file, to)
			}
		}
	}
}

func TestOnlyEngineKnowsDocker(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.dir == "internal/engine" {
			continue
		}
		for _, imported := range s.imports {
			if docker(imported) {
				t.Errorf("%s imports %s: only internal/engine speaks to Docker's libraries; give it a method in small types of its own", s.file, imported)
			}
		}
	}
}

// The agent is copied into every container, so it is small: neither it nor what it imports of ours knows an engine.
func TestAgentIsSmall(t *testing.T) {
	imports := map[string][]string{}
	for _, s := range sources(t) {
		if !s.test {
			imports[s.dir] = append(imports[s.dir], s.imports...)
		}
	}
	seen := map[string]bool{}
	var walk func(dir, way string)
	walk = func(dir, way string) {
		if seen[dir] {
			return
		}
		seen[dir] = true
		for _, imported := range imports[dir] {
			to, ours := strings.CutPrefix(imported, module)
			if docker(imported) || to == "internal/engine" {
				t.Errorf("%s -> %s: the agent must stay small; move what it needs into a package without the engine", way, imported)
			} else if ours {
				walk(to, way+" -> "+to)
			}
		}
	}
	walk("cmd/nixproxy-agent", "cmd/nixproxy-agent")
}

// What registers the flags of a test is no part of a program.
func TestOnlyTestsImportTesting(t *testing.T) {
	forTests := []string{"internal/agent/testtree", "internal/agent/testvolume", "internal/agentbin/agentbintest", "internal/engine/enginetest", "internal/nixstore/storetest", "internal/proxy/proxytest", "internal/session/sessiontest", "internal/volume/volumetest"}
	for _, s := range sources(t) {
		if s.test || slices.Contains(forTests, s.dir) {
			continue
		}
		for _, imported := range s.imports {
			if imported == "testing" || slices.Contains(forTests, strings.TrimPrefix(imported, module)) || strings.HasPrefix(imported, module+"test/") {
				t.Errorf("%s imports %s, which is for tests alone", s.file, imported)
			}
		}
	}
}

func TestOnlyTheTerminalPrints(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.dir, "cmd/") || strings.HasPrefix(s.dir, "scripts") || s.dir == "internal/terminal" {
			continue
		}
		for _, call := range prints(t, s.file) {
			t.Errorf("%s: standard output belongs to the command; return the text, take an io.Writer, or use a Terminal", call)
		}
	}
}

// prints finds os.Stdout, fmt.Print and the like.
func prints(t *testing.T, file string) (found []string) {
	t.Helper()
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && printing(x.Name+"."+s.Sel.Name) {
				found = append(found, set.Position(s.Pos()).String()+": "+x.Name+"."+s.Sel.Name)
			}
		}
		return true
	})
	return found
}

func printing(name string) bool {
	return slices.Contains([]string{"os.Stdout", "fmt.Print", "fmt.Printf", "fmt.Println"}, name)
}

func docker(imported string) bool {
	return strings.HasPrefix(imported, "github.com/docker/docker/") || strings.HasPrefix(imported, "github.com/docker/cli/")
}

// sources are the module's Go files, those for other systems too.
func sources(t *testing.T) (all []source) {
	t.Helper()
	const root = ".."
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && file != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(file, ".go") {
			return nil
		}
		s, err := read(root, file)
		all = append(all, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func read(root, file string) (source, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		return source{}, err
	}
	below, err := filepath.Rel(root, file)
	if err != nil {
		return source{}, err
	}
	s := source{file: file, dir: path.Dir(filepath.ToSlash(below))}
	s.test = strings.HasSuffix(file, "_test.go") || strings.HasPrefix(s.dir, "test/")
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return source{}, err
		}
		s.imports = append(s.imports, imported)
	}
	return s, nil
}
