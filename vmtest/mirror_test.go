package vmtest

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMachineMirrors(t *testing.T) {
	for name, tt := range map[string]struct {
		file, text string
		want       mirrors
	}{
		"stanzas": {"sources.list.d/debian.sources", `# made by hand
Types: deb deb-src
URIs: http://m.test/debian
Suites: bookworm
 bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://s.test/debian-security/
Suites: bookworm-security
Components: main
`, mirrors{"http://m.test/debian", "http://s.test/debian-security/"}},
		"one-line": {"sources.list", `# deb http://old.test/debian buster main
deb-src http://src.test/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/docker.gpg] https://d.test/linux/debian bookworm main
deb [trusted=yes] http://m.test/debian bookworm main contrib
`, mirrors{"http://m.test/debian", "http://m.test/debian-security"}},
		"file-of-mirrors": {"sources.list", "deb mirror+file:///etc/apt/mirrors/debian.list sid main\n",
			mirrors{"mirror+file:///etc/apt/mirrors/debian.list",
				"mirror+file:///etc/apt/mirrors/debian-security.list"}},
		"disabled": {"sources.list.d/x.sources", "Types: deb\nEnabled: no\nURIs: http://m.test/debian\n" +
			"Suites: sid\nComponents: main\n", mirrors{}},
		"other-distribution": {"sources.list", "deb http://m.test/ubuntu noble main\n", mirrors{}},
		"nothing":            {"unrelated", "", mirrors{}},
	} {
		t.Run(name, func(t *testing.T) {
			etc := t.TempDir()
			path := filepath.Join(etc, tt.file)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := machineMirrors(etc).complete(); got != tt.want {
				t.Errorf("mirrors are %q, want %q", got, tt.want)
			}
		})
	}
}
