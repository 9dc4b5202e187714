package vmtest

import (
	"bufio"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// aptEntry is one source of packages in apt's configuration.
type aptEntry struct {
	uris, suites, components []string
	signedBy                 string
}

// mirrors are the URIs of the Debian archive's two halves.
type mirrors struct{ main, security string }

// forSuite is the URI of the half that a suite belongs to.
func (m mirrors) forSuite(suite string) string {
	if strings.HasSuffix(suite, "-security") {
		return m.security
	}
	return m.main
}

// complete fills in the security mirror, which usually lies beside the main one.
func (m mirrors) complete() mirrors {
	if m.security == "" && m.main != "" {
		main, list := strings.CutSuffix(strings.TrimRight(m.main, "/"), ".list")
		m.security = main + "-security"
		if list {
			m.security += ".list"
		}
	}
	return m
}

// machineMirrors finds the mirrors that this machine's apt uses; empty if it uses none.
func machineMirrors(etc string) mirrors {
	var m mirrors
	for _, e := range aptEntries(etc) {
		if !e.mayBeDebian() {
			continue
		}
		for _, uri := range e.uris {
			switch archiveName(uri) {
			case "debian":
				setDefault(&m.main, uri)
			case "debian-security":
				setDefault(&m.security, uri)
			}
		}
	}
	return m
}

// mayBeDebian rules out the third parties that call their directory debian too.
func (e aptEntry) mayBeDebian() bool {
	return slices.Contains(e.components, "main") &&
		(e.signedBy == "" || strings.Contains(e.signedBy, "debian-archive"))
}

// archiveName is the last part of a URI; cloud images name a file with a list of mirrors.
func archiveName(uri string) string {
	return strings.TrimSuffix(path.Base(strings.TrimRight(uri, "/")), ".list")
}

// aptEntries reads the sources in an apt configuration directory, in both formats. What cannot be
// read is not there.
func aptEntries(etc string) []aptEntry {
	parts, _ := filepath.Glob(filepath.Join(etc, "sources.list.d", "*"))
	var entries []aptEntry
	for _, name := range append([]string{filepath.Join(etc, "sources.list")}, parts...) {
		text, _ := os.ReadFile(name)
		switch filepath.Ext(name) {
		case ".list":
			entries = append(entries, oneLineEntries(string(text))...)
		case ".sources":
			entries = append(entries, stanzaEntries(string(text))...)
		}
	}
	return entries
}

// oneLineEntries reads "deb [options] uri suite component...".
func oneLineEntries(text string) []aptEntry {
	var entries []aptEntry
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		rest, isDeb := strings.CutPrefix(strings.TrimSpace(line), "deb ")
		if !isDeb {
			continue
		}
		var options string
		if open, after, ok := strings.Cut(rest, "]"); ok {
			options, rest = open, after
		}
		words := strings.Fields(rest)
		if len(words) < 3 {
			continue
		}
		entries = append(entries, aptEntry{words[:1], words[1:2], words[2:], signedBy(options)})
	}
	return entries
}

func signedBy(options string) string {
	for _, o := range strings.Fields(strings.Trim(options, "[] ")) {
		if file, ok := strings.CutPrefix(o, "signed-by="); ok {
			return file
		}
	}
	return ""
}

// stanzaEntries reads the deb822 format.
func stanzaEntries(text string) []aptEntry {
	var entries []aptEntry
	for _, s := range stanzas(strings.NewReader(text)) {
		types := strings.Fields(s["types"])
		if !slices.Contains(types, "deb") || s["enabled"] == "no" {
			continue
		}
		entries = append(entries, aptEntry{strings.Fields(s["uris"]), strings.Fields(s["suites"]),
			strings.Fields(s["components"]), s["signed-by"]})
	}
	return entries
}

// stanzas reads paragraphs of "Field: value"; field names come out in lower case, and lines that
// continue a value are joined to it.
func stanzas(r interface{ Read([]byte) (int, error) }) []map[string]string {
	var all []map[string]string
	current, field := map[string]string{}, ""
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		line := scanner.Text()
		name, value, isField := strings.Cut(line, ":")
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.TrimSpace(line) == "":
			if len(current) > 0 {
				all = append(all, current)
			}
			current, field = map[string]string{}, ""
		case line[0] == ' ' || line[0] == '\t':
			current[field] += " " + strings.TrimSpace(line)
		case isField:
			field = strings.ToLower(name)
			current[field] = strings.TrimSpace(value)
		}
	}
	if len(current) > 0 {
		all = append(all, current)
	}
	return all
}
