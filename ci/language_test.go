package ci

import (
	"encoding"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mimic/ops"
)

// wordTypes are the operands that are one word of a list, or several joined by |.
var wordTypes = []any{new(ops.MapType), new(ops.OuterKind), new(ops.CreateFlags), new(ops.UpdateFlags), new(ops.ProgType), new(ops.ProgFlags),
	new(ops.FDKind), new(ops.FileUse), new(ops.Label), new(ops.Bound), new(ops.FDNumber), new(ops.BTFIDs), new(ops.Command), new(ops.Until), new(ops.CapSet)}

// wordsOf are the words of a type: what its first numbers, and bits, print as, if that is no number.
func wordsOf(sample any) (words []string) {
	v := reflect.ValueOf(sample).Elem()
	try := func(n uint64) {
		if v.OverflowUint(n) {
			return
		}
		v.SetUint(n)
		b, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		if s := string(b); err == nil && s != "" && !strings.ContainsAny(s, "|") && (s[0] < '0' || s[0] > '9') && !slices.Contains(words, s) {
			words = append(words, s)
		}
	}
	for n := range uint64(80) {
		try(n)
	}
	for bit := range 32 {
		try(1 << bit)
	}
	return words
}

// docsOf reads the comments of types and of the constants of type StepWord in a package.
func docsOf(t *testing.T, dir string) (types map[string]string, fields map[string][]string, steps [][2]string) {
	t.Helper()
	types, fields = map[string]string{}, map[string][]string{}
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			d, ok := decl.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					doc := s.Doc
					if doc == nil {
						doc = d.Doc
					}
					types[s.Name.Name] = strings.Join(strings.Fields(doc.Text()), " ")
					if st, ok := s.Type.(*ast.StructType); ok {
						fields[s.Name.Name] = operandsOf(st)
					}
				case *ast.ValueSpec:
					if id, ok := s.Type.(*ast.Ident); ok && id.Name == "StepWord" && s.Comment != nil {
						steps = append(steps, [2]string{strings.Trim(s.Values[0].(*ast.BasicLit).Value, `"`), strings.TrimSpace(s.Comment.Text())})
					}
				}
			}
		}
	}
	return types, fields, steps
}

// operandsOf are lines about fields that say more than their type does: a default, or a comment.
func operandsOf(st *ast.StructType) (lines []string) {
	for _, f := range st.Fields.List {
		if f.Tag == nil {
			continue
		}
		tag := reflect.StructTag(strings.Trim(f.Tag.Value, "`"))
		word, about := tag.Get("text"), fmt.Sprint(f.Type.(*ast.Ident).Name)
		if d, ok := tag.Lookup("default"); ok {
			about += ", default " + d
		}
		if f.Comment != nil {
			about += ": " + strings.TrimSpace(f.Comment.Text())
		}
		switch {
		case word == "arg":
			word = strings.ToLower(f.Names[0].Name)
		case word == "def" || word == "on":
			continue
		}
		lines = append(lines, fmt.Sprintf("- `%s`: %s", word, about))
	}
	return lines
}

var described = regexp.MustCompile(`describe\[(\w+)\]\("(\w+)"\)`)

const languageHead = `# The language

Made from the tables of ` + "`ops`" + ` by ` + "`go test ./ci -run TestLanguageReference -update`" + `. A sequence is a list of operations, one a line; a trace has what the kernel answered behind
each. # begins a comment. Each operation can run in any state: on a name that was never defined, or is closed, the kernel gets a descriptor that is not open and answers for
itself. So what is left when lines are deleted is a sequence again. A name is defined at most once. What is in brackets can be left out.
`

// TestLanguageReference: docs/language.md is what the tables and comments of package ops say.
func TestLanguageReference(t *testing.T) {
	types, fields, steps := docsOf(t, "../ops")
	var b strings.Builder
	b.WriteString(languageHead + "\n## Operations\n")
	grammar := ops.Grammar()
	table := described.FindAllStringSubmatch(read(t, "ops/ops.go"), -1)
	if len(table) != len(grammar) {
		t.Fatalf("%d rows, %d lines of grammar", len(table), len(grammar))
	}
	for i, m := range table {
		doc := types[m[1]]
		if doc == "" {
			t.Errorf("operation %s has no comment", m[1])
		}
		fmt.Fprintf(&b, "\n### %s\n\n    %s\n\n%s\n", m[2], grammar[i], strings.TrimPrefix(doc, m[1]+" "))
		if len(fields[m[1]]) > 0 {
			fmt.Fprintf(&b, "\n%s\n", strings.Join(fields[m[1]], "\n"))
		}
	}
	b.WriteString("\n## Operands\n")
	for _, name := range []string{"Name", "Size", "Key", "Val", "Keys", "Cursor", "BTFKind", "Example", "Disabled"} {
		fmt.Fprintf(&b, "\n**%s.** %s\n", name, types[name])
	}
	for _, sample := range wordTypes {
		name := reflect.TypeOf(sample).Elem().Name()
		fmt.Fprintf(&b, "\n**%s.** %s\n`%s`\n", name, types[name], strings.Join(wordsOf(sample), "` `"))
	}
	b.WriteString("\n## Steps of a program\n\n" + types["Body"] + "\n\n| step | |\n| --- | --- |\n")
	for _, s := range steps {
		fmt.Fprintf(&b, "| `%s` | %s |\n", s[0], s[1])
	}
	path := "../docs/language.md"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != b.String() {
		t.Errorf("%s is out of date (%v): go test ./ci -run TestLanguageReference -update", path, err)
	}
	// What a field is made of is told somewhere.
	for op, lines := range fields {
		for _, line := range lines {
			_, rest, _ := strings.Cut(line, ": ")
			typ := regexp.MustCompile(`^\w+`).FindString(rest)
			if !strings.Contains(b.String(), "**"+typ+".**") && typ != "Body" && typ != "Vals" {
				t.Errorf("docs/language.md does not say what a %s is, which %s has", typ, op)
			}
		}
	}
}
