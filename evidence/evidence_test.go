package evidence

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"mimic/ops"
	"mimic/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

func trace(t *testing.T, text string) ops.Trace {
	t.Helper()
	tr, err := ops.ParseTrace(text)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func wrongErrno(t *testing.T) Case {
	tr := trace(t, "kernel: 6.1.0-56-cloud-amd64\n"+
		"i0 = map(hash, key=4, value=64, max=4)  ok\n"+
		"o0 = outer(array, max=4, template=i0)  ok\n"+
		"b0 = btf(plain)  ok\n"+
		"i1 = map(hash, key=4, value=64, max=4, btf=b0)  ok\n"+
		"o0.update(0, i1)  EINVAL  # because of <something> at ffff888003a40000\n"+
		"ended: completed\n")
	return Case{
		Claim: "P30/array", Says: "a map with BTF that has nothing special in it is alike", Sources: []string{"kernel/bpf/map_in_map.c bpf_map_meta_equal"},
		Rule: "update/described", Promise: "BTF makes no difference", By: []string{"update/described/array"},
		Kernel: Kernel{"6.1", "6.1.0-56-cloud-amd64", "linux-image-6.1.0-56-cloud-amd64 6.1.192-2", "e7d02b94", "tcg microvm", "fast"},
		Seed:   7, Command: "mimic -vm 6.1 -seed 7", Date: time.Date(2026, 11, 27, 16, 0, 0, 0, time.UTC), Mimic: "0123456789ab", QEMU: "QEMU emulator version 7.2.22",
		Step: 4, Expected: []string{"ok"}, Actual: "EINVAL", From: 31, Tries: 20, Shown: 5, Runs: 5,
		Elsewhere: []report.Tested{
			{Kernel: "5.10", Release: "5.10.0-46-cloud-amd64", Package: "linux-image-5.10.0-46-cloud-amd64 5.10.262-1", Outcome: report.NotClaimedAt, Runs: 1, Detail: "promised since 6.1"},
			{Kernel: "6.1", Release: "6.1.0-56-cloud-amd64", Package: "linux-image-6.1.0-56-cloud-amd64 6.1.192-2", Outcome: report.Fails, Shown: 5, Runs: 5},
			{Kernel: "6.12", Release: "6.12.118+deb13-cloud-amd64", Package: "linux-image-6.12.118+deb13-cloud-amd64 6.12.118-1", Outcome: report.HoldsThere, Runs: 1},
			{Kernel: "7.3", Outcome: report.NotHad, Detail: "kernel 7.3 is not available"},
		},
		Repro: &Repro{Verified: true, Runs: []string{"exit 1 on 6.1.192", "exit 0 on 6.12.118"}},
		Trace: tr, Original: tr.Sequence(), Config: []byte("CONFIG_BPF=y\n"), ReproC: []byte("int main(void) { return 1; }\n"), ReproGo: []byte("package repro\n"),
	}
}

func panicked(t *testing.T) Case {
	c := wrongErrno(t)
	c.Trace = trace(t, "kernel: 6.18.15\n"+
		"i0 = map(array, key=4, value=8, max=8, flags=INNER_MAP)  ok\n"+
		"o0 = outer(array, max=4, template=i0)  ok\n"+
		"p0 = prog(xdp, o0, find:0 check get:5 check read)  ok\n"+
		"p0.run(0, 0)  (no answer)\n"+
		"ended: panicked oopsed: BUG: kernel NULL pointer dereference, address: 0000000000000000 in htab_map_lookup_elem+0x9e/0xc4\n")
	c.Trace.Console = "[    1.0] Linux version 6.18.15\n[    2.345678] BUG: kernel NULL pointer dereference, address: 0000000000000000\n" +
		"[    2.345679] #PF: supervisor read access in kernel mode\n[    2.345680] CPU: 0 PID: 77 Comm: agent Not tainted 6.18.15\n" +
		"[    2.345681] RIP: 0010:htab_map_lookup_elem+0x9e/0xc4\n[    2.345682] RAX: ffff888003a40000 RBX: 0000000000000000\n" +
		"[    2.345683] Call Trace:\n[    2.345684]  <TASK>\n[    2.345685]  bpf_test_run+0x1/0x2\n[    2.345686]  ? leftover+0x1/0x2\n[    2.345687] ---[ end trace 0000000000000000 ]---\n[    2.4]  after+0x1/0x2\n"
	c.Claim, c.Says, c.Sources = "P85/array", "a program is held to the end of an inner map", []string{"kernel/bpf/arraymap.c array_map_gen_lookup"}
	c.Step, c.Expected, c.Actual = 3, []string{"= null@4"}, "(no answer)"
	c.Bisection = &Bisection{Good: "6.12.118", Bad: "6.16.3", Table: []report.Tested{{Kernel: "6.16.3", Package: "linux-image 6.16.3-1", Outcome: report.FailsKnown, Shown: 1, Runs: 1}}}
	c.Elsewhere = c.Elsewhere[:2]
	c.Repro = &Repro{Verified: true, Runs: []string{"on 6.1 the kernel died: BUG: unable to handle page fault for address: ffffc90000123456", "exit 0 on 6.12.118"}}
	return c
}

func bare(t *testing.T) Case {
	tr := trace(t, "kernel: 6.12.1\ni0 = map(hash, key=4, value=8, max=2)  ok\no0 = outer(array, max=2, template=i0)  ok\no0.lookup(0)  = i0\nended: completed\n")
	return Case{Kernel: Kernel{Name: "bzImage", Release: "6.12.1"}, Step: 2, Expected: []string{"ENOENT", "EBUSY"}, Actual: "= i0", From: 3, Trace: tr, Original: tr.Sequence()}
}

// TestFolder writes and reads, and replaces an older folder.
func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "6.1", "P30-array")
	for _, c := range []Case{panicked(t), wrongErrno(t), bare(t)} {
		if err := Write(dir, c); err != nil {
			t.Fatal(err)
		}
		got, err := Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, c) {
			t.Errorf("read\n%+v, want\n%+v", got, c)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, ConsoleFile)); err == nil {
		t.Errorf("the older folder's %s is still there", ConsoleFile)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestWriteKeepsTheOlder fails to write, after which the older folder is whole.
func TestWriteKeepsTheOlder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "P30-array")
	if err := Write(dir, wrongErrno(t)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "in the way")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(file, "below"), bare(t)); err == nil {
		t.Error("a folder was written below a file")
	}
	if _, err := Read(dir); err != nil {
		t.Error(err)
	}
}

func TestReadSaysWhere(t *testing.T) {
	for _, c := range []struct{ name, file, from, to, want string }{
		{"none", CaseFile, "", "", "not a folder of evidence"},
		{"syntax", CaseFile, `"seed": 7`, `"seed": 7 8`, "case.json:20:13: invalid character"},
		{"type", CaseFile, `"seed": 7`, `"seed": "x"`, "case.json:20:13:"},
		{"unknown field", CaseFile, `"seed"`, `"sead"`, `unknown field "sead"`},
		{"no such step", CaseFile, `"step": 4`, `"step": 5`, "step 5 of a trace of 5"},
		{"trace", TraceFile, "b0 = btf", "b0 = frob", "reduced.trace:4:6: "},
		{"sequence", OriginalFile, "o0.update", "o0.frob", "original.seq"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "d")
			if err := Write(dir, wrongErrno(t)); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, c.file)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			broken := strings.Replace(string(text), c.from, c.to, 1)
			if broken == string(text) && c.from != "" {
				t.Fatalf("%s has no %q", c.file, c.from)
			}
			if err := os.WriteFile(path, []byte(broken), 0o644); err != nil {
				t.Fatal(err)
			}
			if c.from == "" {
				os.Remove(path)
			}
			if _, err = Read(dir); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
			if !errors.As(err, new(*FileError)) {
				t.Errorf("%T, want a *FileError", err)
			}
		})
	}
}

var (
	html      = regexp.MustCompile(`(?i)</?(html|p|b|br|pre|div|a)\b`)
	anAddress = regexp.MustCompile(`\b(0x)?[0-9a-f]{12,16}\b`)
	aPID      = regexp.MustCompile(`PID: \d`)
)

// TestMail holds the mails to their golden files and to what lists accept.
func TestMail(t *testing.T) {
	fixed := wrongErrno(t)
	fixed.Bisection = &Bisection{Good: "6.1.192", Bad: "6.1.172", Fixed: true}
	race := bare(t)
	race.Race, race.Actual = true, "= 1-157 = new1"
	for name, mail := range map[string]string{
		"errno":   Mail(wrongErrno(t), Maintainers, ""),
		"panic":   Mail(panicked(t), Addressees{To: []string{list}}, ""),
		"fixed":   Mail(fixed, Maintainers, ""),
		"bare":    Mail(bare(t), Maintainers, bare(t).NotReady()),
		"race":    Mail(race, Maintainers, race.NotReady()),
		"unclear": (wrongErrno(t)).readme("out/6.1/P30-array"),
	} {
		t.Run(name, func(t *testing.T) {
			golden := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(mail), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if mail != string(want) {
				t.Errorf("go test ./evidence -update writes it anew; got\n%s", mail)
			}
			if name != "unclear" {
				checkMail(t, mail)
			}
		})
	}
}

func checkMail(t *testing.T, mail string) {
	for i, line := range strings.Split(mail, "\n") {
		mayBeLong := strings.HasPrefix(line, "  |") || strings.HasPrefix(line, "  i0 = ") || strings.HasPrefix(line, "  i1 = ")
		if len(line) > width && !mayBeLong {
			t.Errorf("line %d has %d columns: %s", i+1, len(line), line)
		}
		for _, c := range line {
			if c > '~' || c < ' ' && c != '\t' {
				t.Errorf("line %d is not plain text: %q", i+1, line)
			}
		}
	}
	for _, wrong := range []*regexp.Regexp{html, aPID} {
		if found := wrong.FindString(mail); found != "" {
			t.Errorf("%q is in it", found)
		}
	}
	if found := anAddress.FindAllString(strings.ReplaceAll(mail, "0123456789ab", ""), -1); found != nil {
		t.Errorf("addresses are in it: %q", found)
	}
}

func TestNotReady(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Case)
		want   string
	}{
		{"ready", func(*Case) {}, ""},
		{"now and then", func(c *Case) { c.Shown = 2 }, "flaky: it failed 2 of 5"},
		{"more often than not", func(c *Case) { c.Shown = 3 }, ""},
		{"a race, now and then", func(c *Case) { c.Shown, c.Race = 1, true }, ""},
		{"not run again", func(c *Case) { c.Runs, c.Shown = 0, 0 }, "not run again"},
		{"no reproducer", func(c *Case) { c.Repro = nil }, "unverified"},
		{"reproducer of no use", func(c *Case) { c.Repro = &Repro{Why: "it passed in the failing guest"} }, "it passed in the failing guest"},
	} {
		e := wrongErrno(t)
		c.change(&e)
		if got := e.NotReady(); !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestMaintainersFromTheTree(t *testing.T) {
	tree := t.TempDir()
	script := `print "Alexei Starovoitov <ast\@kernel.org> (maintainer:BPF [CORE])\n";
print "Song Liu <song\@kernel.org> (reviewer:BPF [CORE])\n";
print "bpf\@vger.kernel.org (open list:BPF [CORE])\n";
print "linux-kernel\@vger.kernel.org (open list)\n";
print STDERR "asked of @ARGV\n"; exit(grep($_ eq "kernel/bpf/arraymap.c", @ARGV) ? 0 : 1);`
	if err := os.MkdirAll(filepath.Join(tree, "scripts"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := MaintainersOf(t.Context(), tree, panicked(t)); err == nil {
		t.Error("a tree without the script was asked")
	}
	if err := os.WriteFile(filepath.Join(tree, "scripts", "get_maintainer.pl"), []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := MaintainersOf(t.Context(), tree, panicked(t))
	want := Addressees{[]string{list}, []string{"Alexei Starovoitov <ast@kernel.org>", "Song Liu <song@kernel.org>"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v %v, want %+v", got, err, want)
	}
	if _, err := MaintainersOf(t.Context(), tree, wrongErrno(t)); err == nil {
		t.Error("the script's failure is none")
	}
}
