package vmtest

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/go-multierror"
)

func TestParseMatrix(t *testing.T) {
	text := "# comment\n\n5.10 bullseye-security # end of life\n\t7.3-rc\texperimental sid\nkasan-6.12 trixie\n6.12 trixie\n" +
		"6.6 oci:a/b-c:6.6\n6.12/arm64 trixie oci:a/b:6.12\n"
	got, err := ParseMatrix("k", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []Line{
		{Series: "5.10", Suites: []string{"bullseye-security"}, Pos: Pos{"k", 3, 1}},
		{Series: "7.3-rc", Suites: []string{"experimental", "sid"}, Pos: Pos{"k", 4, 2}},
		{Series: "6.12", Suites: []string{"trixie"}, Pos: Pos{"k", 5, 1}, Config: "kasan"},
		{Series: "6.12", Suites: []string{"trixie"}, Pos: Pos{"k", 6, 1}},
		{Series: "6.6", Images: []string{"a/b-c:6.6"}, Pos: Pos{"k", 7, 1}},
		{Series: "6.12", Suites: []string{"trixie"}, Images: []string{"a/b:6.12"}, Pos: Pos{"k", 8, 1}, Arch: "arm64"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("ParseMatrix = %v, want %v", got, want)
	}
}

func TestParseMatrixReportsEveryBadLine(t *testing.T) {
	text := "6.1 bookworm\nsix bookworm\n  6.12\n6.1 sid\n7.0 sid Sid\n7.1 sid sid\n7.2 sid\n" +
		"6.6 sid oci:host.example/k:6.6\n6.7 oci:k\n6.8 oci:k:6.8 sid\n6.9 oci:k:1 oci:k:1\n" +
		"6.1/arm sid\n6.2/amd64 sid\nkasan-6.3/arm64 sid\n"
	rows, err := ParseMatrix("kernels.txt", strings.NewReader(text))
	var all *multierror.Error
	if !errors.As(err, &all) {
		t.Fatalf("ParseMatrix = %v, want a *multierror.Error", err)
	}
	want := []string{
		`kernels.txt:2:1: series "six" is not of the form 6.12, 7.3-rc, kasan-6.12 or 6.12/arm64`,
		`kernels.txt:3:3: the row names no place to look in: a suite, or oci:REPOSITORY:TAG`,
		`kernels.txt:4:1: series 6.1 is already in line 1`,
		`kernels.txt:5:9: "Sid" is not the name of a suite`,
		`kernels.txt:6:9: sid is named twice`,
		`kernels.txt:8:9: "oci:host.example/k:6.6" is not of the form oci:REPOSITORY:TAG, without the name of a registry (MIMIC_OCI has that)`,
		`kernels.txt:9:5: "oci:k" is not of the form oci:REPOSITORY:TAG, without the name of a registry (MIMIC_OCI has that)`,
		`kernels.txt:10:15: suite sid comes after an image: suites are looked in first`,
		`kernels.txt:11:13: oci:k:1 is named twice`,
		`kernels.txt:12:5: no machine for "arm"; there are amd64, arm64, s390x, riscv64, ppc64le, 386`,
		`kernels.txt:13:5: a row without an architecture is for amd64: leave out /amd64`,
		`kernels.txt:14:11: what is built here is for amd64 only: leave out /arm64`,
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
	var everyday, others []string
	for _, row := range matrix(t) {
		if row.Everyday() {
			everyday = append(everyday, row.Name())
		} else {
			others = append(others, row.Name())
		}
	}
	if got, want := strings.Join(everyday, " "), "5.10 6.1 6.12 6.16 6.17 6.18 6.19 7.0 7.1 7.2 7.3 7.3-rc"; got != want {
		t.Errorf("all is %s, want %s", got, want)
	}
	want := "4.14 4.19 5.4 5.15 6.6 kasan-6.12 kcsan-6.12 gcov-6.12 seeded-6.12 6.12/arm64 6.12/s390x 6.12/riscv64 6.12/ppc64le 6.1/386"
	if got := strings.Join(others, " "); got != want {
		t.Errorf("besides all, kernels.txt has %s, want %s", got, want)
	}
}

// TestSeveral: all is what is booted every day, on the usual architecture only; others are asked for.
func TestSeveral(t *testing.T) {
	for word, want := range map[string]string{
		"all": "5.10 6.1 6.12 6.16 6.17 6.18 6.19 7.0 7.1 7.2 7.3 7.3-rc", "all/amd64": "5.10 6.1 6.12 6.16 6.17 6.18 6.19 7.0 7.1 7.2 7.3 7.3-rc",
		"all/arm64": "6.12/arm64", "all/s390x": "6.12/s390x",
		"arches": "6.12/arm64 6.12/s390x 6.12/riscv64 6.12/ppc64le 6.1/386", "6.12": "", "6.12/arm64": "", "all/": "", "arches/arm64": "",
	} {
		var names []string
		for _, row := range Several(word, matrix(t)) {
			names = append(names, row.Name())
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s is %q, want %q", word, got, want)
		}
	}
}

func FuzzParseMatrix(f *testing.F) {
	f.Add("5.10 bullseye # x\n\x00\n6.1")
	f.Fuzz(func(t *testing.T, text string) {
		rows, _ := ParseMatrix("k", strings.NewReader(text))
		for _, r := range rows {
			if r.Series == "" || len(r.Suites)+len(r.Images) == 0 || r.Pos.Line < 1 || r.Pos.Column < 1 {
				t.Errorf("row %+v of %q", r, text)
			}
		}
	})
}
