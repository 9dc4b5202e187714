package report

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// test is a test of KTAP with what is below it.
type test struct {
	ok              bool
	name, directive string
	data            string
	below           []test
	about           []string // diagnostic lines before its result
}

// ktapParser holds text to the grammar of Documentation/dev-tools/ktap.rst, without
// the lines of unknown kinds that it allows for what a kernel says meanwhile.
type ktapParser struct {
	lines []string
	at    int
}

var (
	planLine   = regexp.MustCompile(`^1\.\.([0-9]+)$`)
	resultLine = regexp.MustCompile(`^(ok|not ok) ([0-9]+)(?: ([^#]*?))?(?: # (?:(SKIP|TODO|XFAIL|TIMEOUT|ERROR)(?: |$))?([^#]*))?$`)
)

func parseKTAP(text string) (tests []test, err error) {
	if !strings.HasSuffix(text, "\n") {
		return nil, fmt.Errorf("the last line does not end")
	}
	p := &ktapParser{lines: strings.Split(strings.TrimSuffix(text, "\n"), "\n")}
	tests, err = p.tests("")
	if err == nil && p.at < len(p.lines) {
		err = fmt.Errorf("line %d: %q after the end", p.at+1, p.lines[p.at])
	}
	return tests, err
}

// next is the next line if it has this indentation and no more.
func (p *ktapParser) next(indent string) (string, bool) {
	if p.at == len(p.lines) {
		return "", false
	}
	line, ok := strings.CutPrefix(p.lines[p.at], indent)
	return line, ok && !strings.HasPrefix(line, " ")
}

func (p *ktapParser) fail(want string) error {
	return fmt.Errorf("line %d: want %s: %q", p.at+1, want, append(p.lines, "the end")[p.at])
}

func (p *ktapParser) tests(indent string) (all []test, err error) {
	if line, ok := p.next(indent); !ok || line != "KTAP version 1" {
		return nil, p.fail("the version")
	}
	p.at++
	line, ok := p.next(indent)
	plan := planLine.FindStringSubmatch(line)
	if !ok || plan == nil {
		return nil, p.fail("a plan")
	}
	p.at++
	count, err := strconv.Atoi(plan[1])
	for n := 1; n <= count && err == nil; n++ {
		var one test
		one, err = p.test(indent, n)
		all = append(all, one)
	}
	return all, err
}

func (p *ktapParser) test(indent string, n int) (one test, err error) {
	if line, ok := p.next(indent + "  "); ok && line == "KTAP version 1" {
		if one.below, err = p.tests(indent + "  "); err != nil {
			return one, err
		}
	}
	line, ok := p.next(indent)
	for ; ok && strings.HasPrefix(line, "# "); line, ok = p.next(indent) {
		one.about = append(one.about, line)
		p.at++
	}
	m := resultLine.FindStringSubmatch(line)
	if !ok || m == nil || m[2] != strconv.Itoa(n) {
		return one, p.fail(fmt.Sprintf("the result of test %d at indentation %d", n, len(indent)))
	}
	one.ok, one.name, one.directive, one.data = m[1] == "ok", m[3], m[4], m[5]
	if one.ok && slices.Contains([]string{"TIMEOUT", "ERROR"}, one.directive) {
		return one, p.fail("not ok with " + one.directive)
	}
	if one.ok && slices.ContainsFunc(one.below, func(t test) bool { return !t.ok }) {
		return one, p.fail("a test that fails as what is below it")
	}
	p.at++
	return one, nil
}

// TestTheParserRefuses shows that the grammar is one.
func TestTheParserRefuses(t *testing.T) {
	good := "KTAP version 1\n1..1\n  KTAP version 1\n  1..2\n  # why\n  not ok 1 a # ERROR b\n  ok 2 c\nnot ok 1 d\n"
	if _, err := parseKTAP(good); err != nil {
		t.Fatal(err)
	}
	for what, from := range map[string][2]string{
		"no version":       {"KTAP version 1\n1..1", "1..1"},
		"other version":    {"KTAP version 1\n1..1", "KTAP version 2\n1..1"},
		"plan too high":    {"1..2", "1..3"},
		"plan too low":     {"1..2", "1..1"},
		"no plan":          {"  1..2\n", ""},
		"wrong number":     {"ok 2 c", "ok 3 c"},
		"hash in name":     {"ok 2 c", "ok 2 c#d"},
		"ok with error":    {"not ok 1 a", "ok 1 a"},
		"parent hides":     {"not ok 1 d", "ok 1 d"},
		"wrong indent":     {"  ok 2 c", " ok 2 c"},
		"naked diagnostic": {"  # why", "  why"},
		"cut":              {"not ok 1 d\n", ""},
	} {
		text := strings.Replace(good, from[0], from[1], 1)
		if _, err := parseKTAP(text); err == nil || text == good {
			t.Errorf("%s is parsed:\n%s", what, text)
		}
	}
}

// TestKTAP holds what is written to the grammar, and to what each verdict is.
func TestKTAP(t *testing.T) {
	r := everything(t)
	text := string(written(t, "ktap", r))
	tests, err := parseKTAP(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	k := r.Kernels[1]
	if len(tests) != len(r.Kernels) || len(tests[1].below) != 4 {
		t.Fatalf("%d kernels", len(tests))
	}
	want := map[Verdict]string{
		Undecided: "not ok ERROR", Holds: "ok ", Violated: "not ok ", Deviates: "ok XFAIL", Defect: "ok XFAIL", NotClaimed: "ok SKIP",
		Inconclusive: "not ok ERROR", Broken: "not ok ERROR",
	}
	for _, row := range k.Rows {
		expect := want[row.Verdict]
		if k.hung(row) {
			expect = "not ok TIMEOUT"
		}
		one := find(t, tests[1], string(row.Key.Family), row.Key.Claim)
		if got := map[bool]string{true: "ok ", false: "not ok "}[one.ok] + one.directive; got != expect {
			t.Errorf("%s %s is %q, want %q", row.Key, row.Verdict, got, expect)
		}
		if row.Stale != strings.HasPrefix(one.data, "unexpected pass: ") || row.Verdict != Holds && one.data == "" {
			t.Errorf("%s %s says %q", row.Key, row.Verdict, one.data)
		}
	}
	about := strings.Join(find(t, tests[1], string(k.Rows[0].Key.Family), k.Rows[0].Key.Claim).about, "\n")
	if !strings.Contains(about, "o0.update(1, i1)                                    ok        want EINVAL") || !strings.Contains(about, "shown again in 9 of 10 runs") {
		t.Errorf("a violation does not tell its sequence: %s", about)
	}
	endings := []string{"ok ", "not ok ", "ok SKIP", "not ok ERROR", "not ok ERROR", "not ok ERROR", "not ok ERROR"}
	for i, one := range tests {
		if got := map[bool]string{true: "ok ", false: "not ok "}[one.ok] + one.directive; got != endings[i] {
			t.Errorf("kernel %q is %q, want %q", one.name, got, endings[i])
		}
		if harness := find(t, one, "harness"); harness.directive != one.directive || harness.data != one.data {
			t.Errorf("the harness of kernel %q is %+v", one.name, harness)
		}
	}
}

func find(t *testing.T, k test, names ...string) test {
	t.Helper()
	for _, name := range names {
		i := slices.IndexFunc(k.below, func(one test) bool { return one.name == name })
		if i < 0 {
			t.Fatalf("no test %q in %q", name, k.name)
		}
		k = k.below[i]
	}
	return k
}

// TestKTAPCanBeRead shows that each kernel is there as soon as it is examined.
func TestKTAPCanBeReadMeanwhile(t *testing.T) {
	r := everything(t)
	var b strings.Builder
	if err := beginKTAP(&b, r); err != nil {
		t.Fatal(err)
	}
	for i := range r.Kernels {
		if err := kernelKTAP(&b, r, i); err != nil {
			t.Fatal(err)
		}
		so := strings.Replace(b.String(), fmt.Sprintf("1..%d", len(r.Kernels)), fmt.Sprintf("1..%d", i+1), 1)
		if tests, err := parseKTAP(so); err != nil || len(tests) != i+1 {
			t.Fatalf("after %d kernels: %v", i+1, err)
		}
	}
}
