package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/commands.md")

// TestCommandsAreDocumented: docs/commands.md is what the commands say of themselves.
func TestCommandsAreDocumented(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("# Commands\n\nWhat `mimic COMMAND -h` says of each. Made by `go test ./cmd/mimic -run TestCommandsAreDocumented -update`; a flag has one dash or two.\n")
	for _, c := range commands() {
		f := c.flagSet()
		f.SetOutput(&b)
		fmt.Fprintf(&b, "\n## mimic %s\n\n```\n", c.name)
		c.help(f)
		b.WriteString("```\n")
	}
	b.WriteString("\n`mimic -h` lists them. Colour is for terminals, and not if `NO_COLOR` is set; `mimic bisect -step` has the exit codes of `git bisect run`.\n")
	path := filepath.Join("..", "..", "docs", "commands.md")
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, b.Bytes()) {
		t.Errorf("%s is out of date (%v): go test ./cmd/mimic -run TestCommandsAreDocumented -update", path, err)
	}
}

// TestExamplesParse: each example of a command begins with it and has only flags that it has.
func TestExamplesParse(t *testing.T) {
	for _, c := range commands() {
		if len(c.examples) == 0 || c.says == "" {
			t.Errorf("mimic %s: want words and examples", c.name)
		}
		f := c.flagSet()
		for _, e := range c.examples {
			before, _, _ := strings.Cut(e, "|")
			for _, w := range strings.Fields(before) {
				if name := strings.TrimLeft(w, "-"); strings.HasPrefix(w, "-") && len(name) > 0 && f.Lookup(name) == nil && name != "version" {
					t.Errorf("mimic %s: example %q: no flag %s", c.name, e, w)
				}
			}
		}
	}
}

func TestCandidates(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"", "run replay reduce bisect report judge kernels completion version"},
		{"re", "replay reduce report"},
		{"frob", ""},
		{"-mi", "-missing"},
		{"run -kt", "-ktap"},
		{"replay -tr", "-traces -tries"},
		{"judge -", "-json"},
		{"-mode ", "fast stock det"},
		{"run --mode d", "det"},
		{"-missing s", "skip"},
		{"-vm 6.12,kc", "6.12,kcsan-6.12"},
		{"-claims P90,C", "P90,C1 P90,C2 P90,C3 P90,C4"},
		{"reduce -elsewhere n", "none"},
		{"kernels ", "list fetch prune"},
		{"kernels fetch kas", "kasan-6.12"},
		{"completion f", "fish"},
		{"judge findings/", ""},
		{"-out fin", ""},
	} {
		if got := strings.Join(candidates(strings.Split(c.line, " ")), " "); got != c.want {
			t.Errorf("mimic %s: %q, want %q", c.line, got, c.want)
		}
	}
}

// TestShellsComplete has each shell that is there complete a flag with the script that it is given.
func TestShellsComplete(t *testing.T) {
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	tried := 0
	for shell, line := range map[string]string{
		"bash": `source <(mimic completion bash); COMP_WORDS=(mimic run -mis); COMP_CWORD=2; _mimic; echo "${COMPREPLY[@]}"`,
		"zsh":  `compdef() { }; compadd() { print -- $found }; source <(mimic completion zsh); words=(mimic run -mis); CURRENT=3; _mimic`,
		"fish": `mimic completion fish | source; complete -C "mimic run -mis"`,
	} {
		path, err := exec.LookPath(shell)
		if err != nil {
			continue
		}
		tried++
		out, err := exec.Command(path, "-c", line).CombinedOutput()
		if err != nil || string(out) != "-missing\n" {
			t.Errorf("%s: %v, %q", shell, err, out)
		}
	}
	if tried == 0 {
		t.Skip("there is no bash, zsh or fish here")
	}
}

// TestInstalled: a mimic that is run outside of its source finds it, and says which it is.
func TestInstalled(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "mimic")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"version", "-json"}, {"--version", "-json"}} {
		cmd := exec.Command(bin, args...)
		cmd.Dir = "/"
		cmd.Env = slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "MIMIC_SOURCE=") })
		out, err := cmd.Output()
		var v version
		if err != nil || json.Unmarshal(out, &v) != nil || v.Source != root || v.Version == "" {
			t.Errorf("mimic %q in /: %v, %s", args, err, out)
		}
	}
}

// TestJudgedForMachines: a line for each trace, of what it breaks and why that is no failure.
func TestJudgedForMachines(t *testing.T) {
	var b bytes.Buffer
	before := stdout
	stdout = &witness{w: &b}
	defer func() { stdout = before }()
	dir := "../../findings/traces/6.12/"
	if code := run(t.Context(), []string{"judge", "-json", dir + "F2-percpu-array-overrun.trace", dir + "D3-lock-inside.trace"}); code != 0 {
		t.Fatalf("exit code %d: %s", code, &b)
	}
	var bad, good judged
	d := json.NewDecoder(&b)
	if err := errors.Join(d.Decode(&bad), d.Decode(&good)); err != nil || d.More() {
		t.Fatalf("want two lines: %v", err)
	}
	if strings.Join(bad.Broken, " ") != "P85/array" || bad.Rule != "run/beyond-percpu" || bad.Want != "= null@4" || bad.Got == bad.Want || !strings.Contains(bad.Known, "F2") || bad.Fault != "" {
		t.Errorf("%+v", bad)
	}
	if good.Broken != nil || good.Exit != 0 || good.Kernel == "" || good.File != dir+"D3-lock-inside.trace" {
		t.Errorf("%+v", good)
	}
}
