package vmtest

import (
	"os/exec"
	"strings"
	"testing"
)

// In rising order, as the Debian policy defines it.
var risingVersions = []string{
	"6.12~rc1-1", "6.12-1~exp1", "6.12-1", "6.12.9-1", "6.12.10-1~bpo12+1", "6.12.10-1", "6.12.10-1.1",
	"6.12.10-2", "6.12.10a-1", "6.12.10+deb13-1", "7.3~rc2-1~exp1", "7.3~rc10-1~exp1", "7.3-1~exp1",
	"7.3.1-1", "1:1.0-1",
}

func TestCompareVersions(t *testing.T) {
	for i, a := range risingVersions {
		for j, b := range risingVersions {
			if got := compareVersions(a, b); sign(got) != sign(i-j) {
				if agrees(a, b, got) {
					t.Errorf("the table orders %s and %s unlike dpkg", a, b)
					continue
				}
				t.Errorf("compareVersions(%s, %s) = %d, want %d", a, b, got, sign(i-j))
			}
		}
	}
}

func TestCompareVersionsLikeDpkg(t *testing.T) {
	if _, err := exec.LookPath("dpkg"); err != nil {
		t.Skip("no dpkg to compare with: apt-get install dpkg")
	}
	for i, a := range risingVersions[1:] {
		b := risingVersions[i]
		if got := compareVersions(a, b); !agrees(a, b, got) {
			t.Errorf("compareVersions(%s, %s) = %d, dpkg says otherwise", a, b, got)
		}
	}
}

// agrees asks dpkg.
func agrees(a, b string, got int) bool {
	relation := []string{"lt", "eq", "gt"}[sign(got)+1]
	return exec.Command("dpkg", "--compare-versions", a, relation, b).Run() == nil
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

func TestUpstreamVersion(t *testing.T) {
	for debian, want := range map[string]string{
		"6.12.117-1~deb12u1": "6.12.117",
		"7.3~rc7-1~exp1":     "7.3-rc7",
		"7.3-1":              "7.3",
		"1:5.10.262-1":       "5.10.262",
	} {
		if got := upstreamVersion(debian); got != want {
			t.Errorf("upstreamVersion(%s) = %s, want %s", debian, got, want)
		}
	}
}

const packagesIndex = `Package: linux-image-6.12.9+deb13-cloud-amd64
Installed-Size: 34930
Version: 6.12.9-1
Description: a kernel
 Version: 9.9.9-1
SHA256: aa

Package: linux-image-6.12.10+deb13-cloud-amd64-unsigned
Installed-Size: 34930
Version: 6.12.10-1
SHA256: bb

Package: linux-image-6.12.10+deb13-cloud-amd64
Version: 6.12.10-1
Installed-Size: 34930
SHA256: cc

Package: linux-image-6.12.11+deb13-amd64
Version: 6.12.11-1
Installed-Size: 99999
SHA256: dd

Package: linux-image-6.12.12+deb13-cloud-amd64-dbg
Version: 6.12.12-1
Installed-Size: 999999
SHA256: ee

Package: linux-image-cloud-amd64
Version: 6.12.13-1
Installed-Size: 13
SHA256: ff

Package: linux-binary-unsigned-7.3-cloud-amd64
Version: 7.3~rc7-1~exp1
Installed-Size: 13875
SHA256: 00

Package: linux-binary-7.2.12+deb14-cloud-amd64
Version: 7.2.12-1
Installed-Size: 13875
SHA256: 11

Package: linux-source-6.12
Version: 6.12.12-1
Installed-Size: 149000
SHA256: 22

Package: linux-source
Version: 6.12.13-1
Installed-Size: 2000
SHA256: 33`

func TestNewestPackage(t *testing.T) {
	all, err := parsePackages("sid", "", strings.NewReader(packagesIndex))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"6.12":   "linux-image-6.12.10+deb13-cloud-amd64 6.12.10-1 cc",
		"7.3-rc": "linux-binary-unsigned-7.3-cloud-amd64 7.3~rc7-1~exp1 00",
		"7.2":    "linux-binary-7.2.12+deb14-cloud-amd64 7.2.12-1 11",
		"7.3":    "",
		"6.1":    "",

		"kasan-6.12": "linux-source-6.12 6.12.12-1 22",
		"kasan-7.2":  "",
	} {
		got := ""
		rows, err := ParseMatrix("k", strings.NewReader(name+" sid"))
		if err != nil {
			t.Fatal(err)
		}
		row := rows[0]
		if c, ok := newest(row, all); ok {
			got = strings.Join([]string{c.Package, c.Version, c.SHA256}, " ")
		}
		if got != want {
			t.Errorf("newest %s is %q, want %q", name, got, want)
		}
	}
}

func TestConfigPackage(t *testing.T) {
	for name, want := range map[string]string{
		"linux-binary-7.2.12+deb14-cloud-amd64":  "linux-base-7.2.12+deb14-cloud-amd64",
		"linux-binary-unsigned-7.3-cloud-amd64":  "linux-base-7.3-cloud-amd64",
		"linux-image-6.12.117+deb13-cloud-amd64": "",
	} {
		got, ok := candidate{Package: name}.withConfig()
		if ok != (want != "") || ok && got.Package != want {
			t.Errorf("configuration of %s is in %q, %v; want %q", name, got.Package, ok, want)
		}
	}
}
