// Package ci holds the house rules as tests.
package ci

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// arrows lists what a package must not import, each with the reason.
var arrows = map[string]map[string]string{
	"mimic/ops":             {"mimic/": "the language knows nothing of who speaks it"},
	"mimic/progs":           {"mimic/properties": "programs are values, not claims", "mimic/target": "a program does not load itself"},
	"mimic/btfs":            {"mimic/": "an object knows nothing of who loads it", "testing": "a library does not know that it is in a test", "os": "an object depends on its kind alone"},
	"mimic/properties":      {"mimic/target": "judging is pure", "mimic/vmtest": "judging is pure", "mimic/report": "a verdict does not print itself", "testing": "a claim is not a test", "os": "judging is pure"},
	"mimic/vmtest":          {"mimic/ops": "vmtest knows nothing of BPF", "mimic/properties": "vmtest knows nothing of BPF", "mimic/target": "vmtest knows nothing of BPF", "testing": "a library does not know that it is in a test"},
	"mimic/target":          {"mimic/properties": "what runs a sequence does not judge it", "mimic/report": "what runs a sequence does not judge it"},
	"mimic/target/executor": {"mimic/properties": "the agent decides nothing", "mimic/vmtest": "the agent's work is the same on a host"},
	"mimic/loader":          {"mimic/properties": "what is seen is not judged here", "mimic/target": "an example does not know where it runs", "mimic/vmtest": "an example does not know where it runs", "testing": "the agent is small"},
	"mimic/report":          {"mimic/target": "a report is about traces, wherever they came from", "mimic/suite": "the suite reports, not the other way round"},
	"mimic/evidence":        {"mimic/suite": "evidence is kept, not gathered, here", "mimic/target": "evidence is about traces, wherever they came from", "testing": "the commands use it"},
	"mimic/repro":           {"mimic/target": "a reproducer does not run itself", "mimic/vmtest": "a reproducer does not run itself", "mimic/suite": "the suite verifies reproducers, not the other way round", "testing": "the commands use it too", "os": "writing a file is for who asked for it"},
	"mimic/suite":           {"testing": "the commands use it too"},
	"mimic/cmd/agent":       {"mimic/properties": "the agent decides nothing", "testing": "the agent is small"},
	"mimic/target/wire":     {"mimic/properties": "a message is not judged on its way"},
	"mimic/vmtest/guest":    {"mimic/ops": "the inside of a guest knows nothing of BPF"},
}

func goFiles(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if path == "../out" { // what was found here: not ours to keep tidy
			return fs.SkipDir
		}
		if err == nil && strings.HasSuffix(path, ".go") {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	return files
}

func TestImportsPointOneWay(t *testing.T) {
	for pkg, forbidden := range arrows {
		out, err := exec.Command("go", "list", "-f", "{{range .Imports}}{{.}}\n{{end}}", pkg).Output()
		if err != nil {
			t.Errorf("%s is in the table of arrows, but: %v", pkg, err)
			continue
		}
		for imported := range strings.FieldsSeq(string(out)) {
			for prefix, why := range forbidden {
				if imported == prefix || strings.HasSuffix(prefix, "/") && strings.HasPrefix(imported, prefix) {
					t.Errorf("%s imports %s: %s", pkg, imported, why)
				}
			}
		}
	}
}

const (
	maxLines    = 500 // of a file
	maxFunction = 70  // lines of a function, tests' tables apart
	maxColumns  = 200
)

func TestFilesAndFunctionsAreSmall(t *testing.T) {
	fset := token.NewFileSet()
	for _, path := range goFiles(t) {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(src, []byte("\n")); n > maxLines {
			t.Errorf("%s has %d lines, want at most %d", path, n, maxLines)
		}
		for i, line := range strings.Split(string(src), "\n") {
			if len(line) > maxColumns && !strings.HasSuffix(path, "_test.go") && !strings.Contains(line, `"`) {
				t.Errorf("%s:%d has %d columns, want at most %d", path, i+1, len(line), maxColumns)
			}
		}
		file, err := parser.ParseFile(fset, path, src, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || strings.HasSuffix(path, "_test.go") {
				continue
			}
			if n := fset.Position(f.End()).Line - fset.Position(f.Pos()).Line + 1; n > maxFunction {
				t.Errorf("%s: %s has %d lines, want at most %d", fset.Position(f.Pos()), f.Name.Name, n, maxFunction)
			}
		}
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	fset := token.NewFileSet()
	for _, path := range goFiles(t) {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			for _, name := range undocumented(decl) {
				t.Errorf("%s: %s has no doc comment", fset.Position(decl.Pos()), name)
			}
		}
	}
}

// spoken are methods whose interface says what they do.
var spoken = map[string]bool{"String": true, "Error": true, "Unwrap": true, "Close": true, "Read": true, "Write": true}

// undocumented lists what a declaration exports without a word: functions, methods of exported types, types, and
// constants and variables, unless the group that they stand in has a comment, or they one behind them.
func undocumented(decl ast.Decl) (names []string) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || exportedReceiver(d) && !spoken[d.Name.Name]) {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil {
					names = append(names, s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if n.IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	return names
}

// exportedReceiver says whether a method's type is exported.
func exportedReceiver(f *ast.FuncDecl) bool {
	typ := f.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	id, ok := typ.(*ast.Ident)
	return ok && id.IsExported()
}

func TestEveryPackageHasOneDoc(t *testing.T) {
	docs := map[string]int{}
	fset := token.NewFileSet()
	for _, path := range goFiles(t) {
		if strings.HasSuffix(path, "_test.go") && filepath.Dir(path) != "." {
			continue
		}
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		docs[filepath.Dir(path)] += 0
		if file.Doc != nil {
			docs[filepath.Dir(path)]++
		}
	}
	for dir, n := range docs {
		if n != 1 {
			t.Errorf("%s has %d package comments, want one", dir, n)
		}
	}
}
