package report

import (
	"bytes"
	_ "embed" // the page is a file
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"mimic/properties"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// page is what the HTML file shows: every text is plain already.
type page struct {
	Head, When string
	Green      bool
	Seed       uint64
	Alarms     []pageLink // what is violated
	Legend     []pageVerdict
	Kernels    []pageKernel
	Rows       []pageRow
	Findings   []pageFinding
}

// pageVerdict is a verdict with how many rows of a kernel have it.
type pageVerdict struct {
	Class, Mark, Word string
	Count             int
}

type pageKernel struct {
	Anchor, Name string
	Short        string // the name in the table's head
	Result       pageVerdict
	Trouble      string
	Facts        [][2]string
	Counts       []pageVerdict
	Notes        []pageNote
}

// pageNote is why a row of a kernel does not simply hold.
type pageNote struct {
	Anchor, Key, Why, Next string
	Verdict                pageVerdict
	Findings               []pageLink
}

type pageLink struct{ Anchor, Text string }

// pageRow is a claim held to a family, on every kernel.
type pageRow struct {
	Key, Says, Source string
	Classes           string // of its cells: what the filter looks for
	Cells             []pageCell
}

type pageCell struct {
	Verdict pageVerdict
	Link    string
	About   string // for who hears the page
}

type pageFinding struct {
	Anchor, Kind, Class, Kernel string
	Claims                      []pageClaim
	Steps                       []pageStep
	Ended, Rule, Seen           string
	Stability, Known, Next      string
	Elsewhere                   string // what other kernels do
	Timeline                    string // a page of its own
}

type pageClaim struct{ Key, Says, Source string }

type pageStep struct {
	Op, Answer, Want string
	Wrong            bool
}

// HTML writes a run as one file that needs nothing else.
func HTML(w io.Writer, r *Run) error {
	p := page{Green: r.Green(), Head: "not everything held", When: r.Started.UTC().Format("2 January 2006, 15:04 UTC"), Seed: r.Seed}
	if p.Green {
		p.Head = "everything held"
	}
	for _, v := range legend() {
		p.Legend = append(p.Legend, verdictOf(v, 0))
	}
	for i, k := range r.Kernels {
		p.Kernels = append(p.Kernels, kernelOf(i, k))
		p.Findings = append(p.Findings, findingsOf(i, k)...)
		p.Alarms = append(p.Alarms, alarmsOf(i, k)...)
	}
	order := func(a, b pageFinding) int { return kindRank(a) - kindRank(b) }
	slices.SortStableFunc(p.Findings, order)
	for _, key := range r.keys() {
		p.Rows = append(p.Rows, rowOf(r, key))
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return fmt.Errorf("fill the page: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// keys are the rows that were asked on any kernel; all of them if none was.
func (r *Run) keys() []properties.Key {
	asked := map[properties.Key]bool{}
	for _, k := range r.Kernels {
		for _, row := range k.Rows {
			asked[row.Key] = true
		}
	}
	return slices.DeleteFunc(properties.Keys(), func(key properties.Key) bool { return len(asked) > 0 && !asked[key] })
}

// short is the end of a name that may be a path.
func short(name string) string {
	runes := []rune(oneLine(name[strings.LastIndexByte(name, '/')+1:]))
	if len(runes) > shortMax {
		runes = append(runes[:shortMax-1], '…')
	}
	return string(runes)
}

// shortMax is how long a name in the table's head may be.
const shortMax = 16

func verdictOf(v Verdict, n int) pageVerdict {
	return pageVerdict{faces[v].class, faces[v].mark, faces[v].word, n}
}

func kernelOf(i int, k *Kernel) pageKernel {
	p := pageKernel{Anchor: fmt.Sprintf("k%d", i), Name: oneLine(k.Name), Short: short(k.Name), Result: verdictOf(k.Verdict(), 0), Trouble: strings.TrimSpace(plain(k.Trouble()))}
	for _, fact := range append(k.properties(), k.measured()...) {
		p.Facts = append(p.Facts, [2]string{fact[0], oneLine(fact[1])})
	}
	if k.Skipped {
		p.Result.Word = "skipped"
	}
	for _, v := range legend() {
		if n := k.Count(v); n > 0 {
			p.Counts = append(p.Counts, verdictOf(v, n))
		}
	}
	for _, row := range k.Rows {
		if row.Verdict != Holds {
			p.Notes = append(p.Notes, noteOf(i, k, row))
		}
	}
	return p
}

// alarmsOf leads to each row that is violated.
func alarmsOf(i int, k *Kernel) (all []pageLink) {
	for _, row := range k.Rows {
		if row.Verdict == Violated {
			all = append(all, pageLink{noteAnchor(i, row.Key), fmt.Sprintf("%s on %s: %s", row.Key, oneLine(k.Name), properties.ClaimByID(row.Key.Claim).Says)})
		}
	}
	return all
}

// measured are figures for people.
func (k *Kernel) measured() (all [][2]string) {
	if k.Operations > 0 {
		all = append(all, [2]string{"pace", fmt.Sprintf("%.0f operations a second for %v, ready in %v", k.Rate(), k.Took.Round(100*time.Millisecond), k.Boot.Round(10*time.Millisecond))})
	}
	if t := k.Tally; t != nil && t.Histories > 0 {
		all = append(all, [2]string{"races", fmt.Sprintf("%d histories of %d operations each", t.Histories, t.Observed/t.Histories)})
	}
	return all
}

func noteAnchor(i int, key properties.Key) string {
	return fmt.Sprintf("k%d-%s-%s", i, key.Claim, key.Family)
}

func noteOf(i int, k *Kernel, row Row) pageNote {
	n := pageNote{Anchor: noteAnchor(i, row.Key), Key: row.Key.String(), Why: oneLine(row.Reason), Verdict: verdictOf(row.Verdict, 0)}
	if row.Stale {
		n.Why = row.why()
	}
	for _, f := range k.Blames(row) {
		n.Findings = append(n.Findings, pageLink{k.anchor(i, f), kindOf(f)})
	}
	if row.Stale || row.Verdict == Inconclusive {
		n.Next = again(k, row.Key)
	}
	return n
}

// anchor is a finding's name in the page.
func (k *Kernel) anchor(i int, f *Finding) string {
	for n := range k.Findings {
		if f == &k.Findings[n] {
			return fmt.Sprintf("f%d-%d", i, n)
		}
	}
	for n := range k.Defects {
		if f == &k.Defects[n] {
			return fmt.Sprintf("d%d-%d", i, n)
		}
	}
	return ""
}

func kindOf(f *Finding) string {
	switch {
	case f.Reduced.IsDefect():
		return Defect.String()
	case f.Known != "":
		return Deviates.String()
	}
	return "violation"
}

func kindRank(f pageFinding) int {
	return slices.Index([]string{faces[Violated].class, faces[Deviates].class, faces[Defect].class}, f.Class)
}

func rowOf(r *Run, key properties.Key) pageRow {
	claim := properties.ClaimByID(key.Claim)
	row := pageRow{Key: key.String(), Says: claim.Says, Source: claim.Source}
	classes := []string{}
	for i, k := range r.Kernels {
		got := k.Row(key)
		if k.Skipped {
			got.Verdict = NotClaimed
		}
		cell := pageCell{Verdict: verdictOf(got.Verdict, 0), About: got.Verdict.String() + " on " + oneLine(k.Name)}
		if slices.ContainsFunc(k.Rows, func(r Row) bool { return r.Key == key && r.Verdict != Holds }) {
			cell.Link = noteAnchor(i, key)
		}
		row.Cells = append(row.Cells, cell)
		classes = append(classes, cell.Verdict.Class)
		if !got.Verdict.Green() {
			classes = append(classes, "red")
		}
	}
	slices.Sort(classes)
	row.Classes = strings.Join(slices.Compact(classes), " ")
	return row
}

// again is the command that asks a claim again.
func again(k *Kernel, key properties.Key) string {
	return fmt.Sprintf("%s -seed %d -claims %s", asks(k), k.Seed, key)
}
