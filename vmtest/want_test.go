package vmtest

import (
	"reflect"
	"strings"
	"testing"
)

func wantRows(t *testing.T) []Line {
	t.Helper()
	rows, err := ParseMatrix("k", strings.NewReader("5.15 oci:a/b:5.15\n6.1 old\n6.12 new sid\n7.3-rc next\n6.12/arm64 new\nkasan-6.12 new\n"))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestWant(t *testing.T) {
	rows := wantRows(t)
	everywhere := []string{"old", "new", "sid", "next"}
	for word, want := range map[string]Line{
		"6.12":                     rows[2],
		"6.12/amd64":               rows[2],
		"6.12/arm64":               rows[4],
		"kasan-6.12":               rows[5],
		"7.3-rc":                   rows[3],
		"6.12.117":                 {Series: "6.12.117", Suites: []string{"new", "sid"}, Images: []string{"a/b:6.12.117"}},
		"6.12.117/arm64":           {Series: "6.12.117", Suites: []string{"new"}, Images: []string{"a/b:6.12.117"}, Arch: "arm64"},
		"7.3-rc7":                  {Series: "7.3-rc7", Suites: []string{"next"}, Images: []string{"a/b:7.3-rc7"}},
		"5.15.99":                  {Series: "5.15.99", Images: []string{"a/b:5.15.99"}},
		"6.99.1":                   {Series: "6.99.1", Images: []string{"a/b:6.99.1"}},
		"debian:linux-x":           {Package: "linux-x", Suites: everywhere},
		"debian:xx=1:2~3/386":      {Package: "xx=1:2~3", Suites: everywhere, Arch: "386"},
		"oci:a/b:6.6":              {Images: []string{"a/b:6.6"}},
		"oci:h:5000/a/b:6.6/s390x": {Images: []string{"h:5000/a/b:6.6"}, Arch: "s390x"},
	} {
		got, ok, err := Want(word, rows)
		if err != nil || !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("Want(%s) = %+v, %v, %v; want %+v", word, got, ok, err, want)
		}
		if name := got.Name(); name != strings.TrimSuffix(word, "/amd64") {
			t.Errorf("Want(%s) is called %s", word, name)
		}
	}
}

func TestWantRefuses(t *testing.T) {
	rows := wantRows(t)
	for _, word := range []string{"", "6.8", "6.12/mips", "bzImage", "6.12/s390x", "all", "./6.12.117", "6.12.117.1"} {
		if got, ok, err := Want(word, rows); ok || err != nil {
			t.Errorf("Want(%s) = %+v, %v, %v; want nothing", word, got, ok, err)
		}
	}
	for _, word := range []string{"debian:", "debian:a b", "debian:a=", "oci:", "oci:a/b", "oci:h:5000/b"} {
		if got, ok, err := Want(word, rows); err == nil {
			t.Errorf("Want(%s) = %+v, %v; want an error", word, got, ok)
		}
	}
}

func TestNearest(t *testing.T) {
	for word, want := range map[string]string{"bzImag": "bzImage", "vmlinux": "vmlinuz", "x": "", "zzzzzz": "", "": ""} {
		if got := Nearest(word, []string{"bzImage", "vmlinuz", "config"}); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
	for word, want := range map[string]string{"6.8": "6.1", "6.13": "6.12", "4.4": "5.15", "9.9": "7.3-rc", "7.3.1": "", "x": ""} {
		if got := NearestSeries(word, wantRows(t)); got != want {
			t.Errorf("NearestSeries(%q) = %q, want %q", word, got, want)
		}
	}
}

// An empty package stands for the one that it is there for.
func TestPackageByName(t *testing.T) {
	all, err := parsePackages("sid", "amd64", strings.NewReader(packagesIndex+`

Package: linux-image-amd64
Version: 6.12.11-1
Installed-Size: 13
Depends: linux-base (>= 4), linux-image-6.12.11+deb13-amd64 (= 6.12.11-1)
SHA256: 44`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"linux-image-amd64":                              "linux-image-6.12.11+deb13-amd64 6.12.11-1",
		"linux-image-6.12.11+deb13-amd64":                "linux-image-6.12.11+deb13-amd64 6.12.11-1",
		"linux-image-6.12.11+deb13-amd64=6.12.11-1":      "linux-image-6.12.11+deb13-amd64 6.12.11-1",
		"linux-image-6.12.11+deb13-amd64=6.12.12-1":      "",
		"linux-image-cloud-amd64":                        "",
		"linux-image-6.12.12+deb13-cloud-amd64-dbg":      "",
		"linux-image-6.12.10+deb13-cloud-amd64-unsigned": "linux-image-6.12.10+deb13-cloud-amd64-unsigned 6.12.10-1",
	} {
		c, _ := newest(Line{Package: name}, all)
		if got := strings.TrimSpace(c.Package + " " + c.Version); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"linux-image-6.12.11+deb13-amd46":           "linux-image-6.12.11+deb13-amd64",
		"linux-image-6.12.11+deb13-amd64=6.12.12-1": "linux-image-6.12.11+deb13-amd64=6.12.11-1",
		"something": "",
	} {
		if got := nearestPackage(Line{Package: name}, all); got != want {
			t.Errorf("nearest to %s is %q, want %q", name, got, want)
		}
	}
}
