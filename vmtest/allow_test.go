package vmtest

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-multierror"
)

var today = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

const allowRow = `WARNING: .* f\+0x  6.1..6.12  2027-01-31  https://example.org/1  two words`

func TestAllowList(t *testing.T) {
	text := "# comment\n\n" + allowRow + "\n^vfree\t\t7.3-rc..   2027-01-31  https://example.org/2  x\n"
	list, err := ParseAllowList("a", strings.NewReader(text), today)
	if err != nil || len(list) != 2 || list[0].Reason != "two words" || list[1].Pos != (Pos{"a", 4, 1}) {
		t.Fatalf("ParseAllowList = %+v, %v", list, err)
	}
	warning := Splat{Kind: "warning", Line: "WARNING: CPU: 0 at a.c:1 f+0x1/0x2", Where: "f+0x1/0x2"}
	freed := Splat{Kind: "atomic sleep", Line: "BUG: sleeping function called", Where: "vfree+0x1/0x2"}
	for _, tt := range []struct {
		version string
		splat   Splat
		want    bool
	}{
		{"6.1.192", warning, true}, {"6.12.117", warning, true}, {"6.13.1", warning, false},
		{"5.10.262", warning, false}, {"", warning, false}, {"6.12.117", freed, false},
		{"7.3-rc7", freed, true}, {"7.4", freed, true}, {"7.2.13", freed, false},
	} {
		var said []string
		allowed := list.On(Kernel{Version: tt.version}, func(s string) { said = append(said, s) })
		if got := allowed(tt.splat) && allowed(tt.splat); got != tt.want || len(said) > 1 || (len(said) == 1) != tt.want {
			t.Errorf("%q on %s is allowed: %v, said %q; want %v", tt.splat, tt.version, got, said, tt.want)
		}
	}
}

func TestAllowListReportsEveryBadRow(t *testing.T) {
	row := func(old, new string) string { return strings.Replace(allowRow, old, new, 1) + "\n" }
	text := row("  two words", "") + row("WARNING", "(") + row("6.1..", "six..") + row("6.1..", "6.16..") +
		allowRow + "\n" + row("2027-01-31", "soon") + row("2027-01-31", "2026-11-24") + row("https", "http")
	list, err := ParseAllowList("splats.txt", strings.NewReader(text), today)
	var all *multierror.Error
	if !errors.As(err, &all) || len(list) != 1 {
		t.Fatalf("ParseAllowList = %d rows, %v; want one and a *multierror.Error", len(list), err)
	}
	want := []string{
		"splats.txt:1:64: 4 columns, two spaces apart, want 5: pattern, kernels, expires, link, reason",
		"splats.txt:2:1: error parsing regexp: missing closing ): `(: .* f\\+0x`",
		`splats.txt:3:20: kernels "six..6.12" are not of the form 6.12, 6.1..6.12 or 6.1..`,
		`splats.txt:4:20: kernels "6.16..6.12" end before they begin`,
		`splats.txt:6:31: expires "soon" is not a day like 2027-01-31`,
		`splats.txt:7:31: the row expired on 2026-11-24: take it out, or look at its link and give it a later day`,
		`splats.txt:8:43: link "http://example.org/1" does not begin with https://`,
	}
	var got []string
	for _, e := range all.Errors {
		var syntax *SyntaxError
		if !errors.As(e, &syntax) {
			t.Errorf("%v is not a *SyntaxError", e)
		}
		got = append(got, e.Error())
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("errors are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
