package vmtest

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/go-multierror"
)

func TestParseMatrix(t *testing.T) {
	text := "# comment\n\n5.10 bullseye-security # end of life\n\t7.3-rc\texperimental sid\nkasan-6.12 trixie\n6.12 trixie\n"
	got, err := ParseMatrix("k", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []Line{
		{Series: "5.10", Suites: []string{"bullseye-security"}, Pos: Pos{"k", 3, 1}},
		{Series: "7.3-rc", Suites: []string{"experimental", "sid"}, Pos: Pos{"k", 4, 2}},
		{Series: "6.12", Suites: []string{"trixie"}, Pos: Pos{"k", 5, 1}, Config: "kasan"},
		{Series: "6.12", Suites: []string{"trixie"}, Pos: Pos{"k", 6, 1}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("ParseMatrix = %v, want %v", got, want)
	}
}

func TestParseMatrixReportsEveryBadLine(t *testing.T) {
	text := "6.1 bookworm\nsix bookworm\n  6.12\n6.1 sid\n7.0 sid Sid\n7.1 sid sid\n7.2 sid\n"
	rows, err := ParseMatrix("kernels.txt", strings.NewReader(text))
	var all *multierror.Error
	if !errors.As(err, &all) {
		t.Fatalf("ParseMatrix = %v, want a *multierror.Error", err)
	}
	want := []string{
		`kernels.txt:2:1: series "six" is not of the form 6.12, 7.3-rc or kasan-6.12`,
		`kernels.txt:3:3: the row names no suite to look in`,
		`kernels.txt:4:1: series 6.1 is already in line 1`,
		`kernels.txt:5:9: "Sid" is not the name of a suite`,
		`kernels.txt:6:9: suite sid is named twice`,
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
	if len(rows) != 2 || rows[0].Series != "6.1" || rows[1].Series != "7.2" {
		t.Errorf("good rows are %v, want 6.1 and 7.2", rows)
	}
}

func TestRepositoryMatrix(t *testing.T) {
	var series []string
	for _, row := range matrix(t) {
		series = append(series, row.Name())
	}
	want := "5.10 6.1 6.12 6.16 6.17 6.18 6.19 7.0 7.1 7.2 7.3 7.3-rc kasan-6.12 kcsan-6.12 seeded-6.12"
	if got := strings.Join(series, " "); got != want {
		t.Errorf("kernels.txt has %s, want %s", got, want)
	}
}

func FuzzParseMatrix(f *testing.F) {
	f.Add("5.10 bullseye # x\n\x00\n6.1")
	f.Fuzz(func(t *testing.T, text string) {
		rows, _ := ParseMatrix("k", strings.NewReader(text))
		for _, r := range rows {
			if r.Series == "" || len(r.Suites) == 0 || r.Pos.Line < 1 || r.Pos.Column < 1 {
				t.Errorf("row %+v of %q", r, text)
			}
		}
	})
}
