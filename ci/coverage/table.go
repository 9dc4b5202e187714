package main

import (
	"cmp"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// table is the functions by what each folder reached of them, in Markdown.
func table(folders []string, all []counts) string {
	var b strings.Builder
	b.WriteString("| function |")
	for _, folder := range folders {
		fmt.Fprintf(&b, " %s: lines | branches |", filepath.Base(folder))
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- | --- |", len(folders)) + "\n")
	for _, name := range append(all[0].functions(), "") {
		fmt.Fprintf(&b, "| %s |", cmp.Or(name, "**all**"))
		for _, c := range all {
			s := c.score(name)
			fmt.Fprintf(&b, " %s | %s |", s.lines, s.branches)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// gap is a line that was not run, or a way out of one that was not taken.
type gap struct {
	file, function, text string
	line                 int
	branch               bool
	reason               string
}

func (g gap) String() string {
	what := "not run"
	if g.branch {
		what = "only in part"
	}
	return fmt.Sprintf("%s:%d: %s: %s: %s: %s", g.file, g.line, g.function, what, strings.TrimSpace(g.text), cmp.Or(g.reason, "NO REASON"))
}

// gaps are those of all files, with their reasons.
func (c counts) gaps(reasons map[reasonKey]string) (all []gap) {
	for _, f := range c {
		for i, l := range f.lines {
			g := gap{f.name, l.function, l.text, i + 1, l.count > 0, reasons[reasonKey{l.function, strings.TrimSpace(l.text)}]}
			if l.counted && (l.count == 0 || l.partly()) {
				all = append(all, g)
			}
		}
	}
	return all
}

// partly says whether a way out of a line was not taken.
func (l line) partly() bool {
	for _, ways := range l.branches {
		if slices.Contains(ways, 0) {
			return true
		}
	}
	return false
}

// reasonKey names a line in a way that outlives changes above it.
type reasonKey struct{ function, text string }

// readReasons reads the file of reasons: lines as in "function | text of the line | why it is not reached".
func readReasons(path string) (map[reasonKey]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	reasons := map[reasonKey]string{}
	number := 0
	for row := range strings.Lines(string(text)) {
		number++
		if row = strings.TrimSpace(row); row == "" || row[0] == '#' {
			continue
		}
		parts := strings.Split(row, " | ")
		if len(parts) != 3 {
			return nil, fmt.Errorf("%s:%d: want a function, the text of a line and a reason with | between them, have %q", path, number, row)
		}
		reasons[reasonKey{parts[0], parts[1]}] = parts[2]
	}
	return reasons, nil
}

var page = template.Must(template.New("").Parse(`<!doctype html><meta charset="utf-8"><title>What was run of the kernel's maps of maps</title>
<style>body{font-family:sans-serif}td{font-family:monospace;white-space:pre;padding:0 .5em}td:first-child{text-align:right;color:#555}
.run{background:#e3f6e3}.part{background:#fdf3cf}.not{background:#fbdcdc}</style>
{{range .}}<h2>{{.Name}}</h2><table>{{range .Rows}}<tr class="{{.Class}}"><td>{{.Number}}<td>{{.Count}}<td>{{.Text}}<td>{{.Reason}}{{end}}</table>
{{end}}`))

// pageRow is a line of source as people see it.
type pageRow struct {
	Number                     int
	Class, Count, Text, Reason string
}

// writePage writes the source of what is counted, with the lines around it left out.
func writePage(path string, c counts, gaps []gap) error {
	type pageFile struct {
		Name string
		Rows []pageRow
	}
	var files []pageFile
	for _, f := range c {
		p := pageFile{Name: f.name}
		for i, l := range f.lines {
			if l.counted || i > 0 && f.lines[i-1].counted || i+1 < len(f.lines) && f.lines[i+1].counted {
				p.Rows = append(p.Rows, l.row(i+1, f.name, gaps))
			}
		}
		files = append(files, p)
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := page.Execute(out, files); err != nil {
		return err
	}
	return out.Close()
}

func (l line) row(number int, name string, gaps []gap) pageRow {
	r := pageRow{Number: number, Text: l.text}
	if !l.counted {
		return r
	}
	r.Class, r.Count = "run", fmt.Sprint(l.count)
	for _, g := range gaps {
		if g.file != name || g.line != number {
			continue
		}
		if r.Class, r.Reason = "not", g.reason; g.branch {
			r.Class = "part"
		}
	}
	return r
}
