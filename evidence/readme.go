package evidence

import (
	"fmt"
	"path/filepath"
	"strings"

	"mimic/ops"
)

// readme is what somebody reads first who finds the folder.
func (c Case) readme(dir string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s on %s\n\n", orElse(c.Claim, "an answer that nothing allows"), c.Kernel.Release)
	if c.Says != "" {
		fmt.Fprintf(&b, "%s breaks a promise: %s (%s).\n", c.Kernel.Release, c.Says, strings.Join(c.Sources, "; "))
	}
	fmt.Fprintf(&b, "\nExpected: %s. Actual: %s.\n\n%s\n", c.Wanted(), c.Answered(), indent(c.Steps()))
	if c.Trace.Detail != "" {
		fmt.Fprintf(&b, "The kernel %s: %s\n\n", c.Trace.End, c.Trace.Detail)
	}
	b.WriteString(c.provenance())
	b.WriteString(c.next(dir))
	b.WriteString(c.elsewhere())
	b.WriteString(c.contents())
	return b.String()
}

// provenance says where and how it was found, and how sure it is.
func (c Case) provenance() string {
	sure := fmt.Sprintf("It failed %d of %d times when it was run again.", c.Shown, c.Runs)
	if why := c.Flaky(); why != "" {
		sure = "Careful: " + why + "."
	}
	return fmt.Sprintf("Found %s on %s (%s, sha256 %s, mode %s) with seed %d by mimic %s, %s:\n\n    %s\n\nReduced from %d operations to %d in %d tries. %s\n",
		c.Date.UTC().Format("2006-01-02 15:04 MST"), c.Kernel.Release, orElse(c.Kernel.Package, "no package"), orElse(c.Kernel.SHA256, "unknown"),
		c.Kernel.Mode, c.Seed, orElse(c.Mimic, "of unknown commit"), orElse(c.QEMU, "no QEMU"), c.Command, c.From, c.Step+1, c.Tries, sure)
}

// next are the commands to go on with.
func (c Case) next(dir string) string {
	mode := ""
	if c.Kernel.Timing != "" && c.Kernel.Timing != "fast" {
		mode = " -mode " + c.Kernel.Timing
	}
	vm := ""
	if c.Kernel.Timing != "" || c.Kernel.Name == "host" {
		vm = " -vm " + c.Kernel.Name
	}
	return fmt.Sprintf(`
## Next

    mimic replay%s%s %s    # see it again
    mimic bisect%s %s -good VERSION -bad %s    # since which version
    mimic report %s    # the mail to those who can mend it
`, vm, mode, filepath.Join(dir, ReducedFile), mode, dir, orElse(c.Kernel.Name, "VERSION"), dir)
}

func (c Case) elsewhere() string {
	if len(c.Elsewhere) == 0 {
		return "\n## Other kernels\n\nThe sequence was not run on other kernels.\n"
	}
	return "\n## Other kernels\n\n" + indent(Table(c.Elsewhere)) + "\n" + indent(details(c.Elsewhere)) + "\n"
}

// contents says what the files are, and why one is missing that could be there.
func (c Case) contents() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## Files\n\n- `%s`, `%s`, `%s`: the sequence as it was found, reduced, and with what was answered\n",
		OriginalFile, ReducedFile, TraceFile)
	fmt.Fprintf(&b, "- `%s`: all of this for programs\n", CaseFile)
	say := func(there bool, name, what, otherwise string) {
		if there {
			fmt.Fprintf(&b, "- `%s`: %s\n", name, what)
		} else if otherwise != "" {
			fmt.Fprintf(&b, "- no `%s`: %s\n", name, otherwise)
		}
	}
	died := c.Trace.End != ops.Completed
	without := ""
	if died {
		without = "nobody kept what the kernel printed"
	}
	say(c.Trace.Console != "", ConsoleFile, "what the kernel printed", without)
	say(c.Config != nil, ConfigFile, "the kernel's configuration", "none came with the kernel (Debian's packages of 6.19 to 7.1 have none)")
	say(c.Timeline != nil, TimelineFile, "who did what when", "")
	say(c.ReproC != nil, ReproCFile, "a reproducer in C: "+c.verified(), c.verified())
	say(c.ReproGo != nil, ReproGoFile, "the same as a Go test: inside mimic's module, go test -count=1 -v on its folder", "")
	return b.String()
}

// verified says what the reproducer in C was seen to do.
func (c Case) verified() string {
	switch {
	case c.Repro == nil:
		return "no reproducer in C was made"
	case c.Repro.Verified:
		return "built with gcc -static, and run: " + strings.Join(c.Repro.Runs, "; ")
	}
	return orElse(c.Repro.Why, "not verified")
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("    " + line)
	}
	return b.String()
}
