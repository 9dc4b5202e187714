// Command coverage says which lines and branches of the kernel's maps of maps were run: by the suite, and by others
// beside it. Its arguments are folders that MIMIC_COVERAGE named; see docs/power.md, "Coverage".
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"mimic/suite"
	"mimic/target"
)

// reasonsFile says of lines that the first folder did not reach why.
const reasonsFile = "ci/coverage/unreached.txt"

func main() {
	page := flag.String("html", "", "write the source here, too, each line with how often the first folder ran it")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "coverage: want folders that MIMIC_COVERAGE named, the suite's first: go run ./ci/coverage out/coverage/suite out/coverage/baseline")
		os.Exit(suite.ExitUsage)
	}
	unexplained, err := run(flag.Args(), *page)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "coverage:", err)
		os.Exit(suite.ExitHarness)
	case unexplained > 0:
		fmt.Fprintf(os.Stderr, "coverage: %d lines without a reason: reach them, or say in %s why not\n", unexplained, reasonsFile)
		os.Exit(suite.ExitViolated)
	}
}

// run prints what the folders tell, and says how many lines the first did not reach that have no reason.
func run(folders []string, page string) (unexplained int, err error) {
	var all []counts
	for _, folder := range folders {
		c, err := readFolder(folder)
		if err != nil {
			return 0, err
		}
		all = append(all, c)
	}
	root, err := target.ModuleRoot()
	if err != nil {
		return 0, err
	}
	reasons, err := readReasons(filepath.Join(root, reasonsFile))
	if err != nil {
		return 0, err
	}
	fmt.Print(table(folders, all))
	gaps := all[0].gaps(reasons)
	for _, g := range gaps {
		fmt.Println(g)
		if g.reason == "" && !g.branch {
			unexplained++
		}
	}
	if page != "" {
		err = writePage(page, all[0], gaps)
	}
	return unexplained, err
}
