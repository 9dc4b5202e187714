package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"mimic/suite"
	"mimic/vmtest"
)

// unusedDays is for how long a kernel may lie unused before prune deletes it.
const unusedDays = 30

func runKernels(ctx context.Context, c command, args []string) (int, error) {
	f := c.flags()
	unused := f.Int("unused", unusedDays, "prune: delete what was not used for so many days; 0 is everything that is not in use just now")
	asJSON := f.Bool("json", false, "list: JSON, a line a row of kernels.txt: its name, its places, whether -vm all has it, and which versions of it are in the cache")
	words, err := parse(f, args)
	switch {
	case err != nil:
		return 0, err
	case *unused < 0:
		return 0, usagef("-unused %d: want a number of days", *unused)
	case len(words) == 1 && words[0] == "list":
		return 0, listKernels(*asJSON)
	case len(words) > 1 && words[0] == "fetch":
		return 0, fetchKernels(ctx, words[1:])
	case len(words) == 1 && words[0] == "prune":
		return 0, pruneKernels(ctx, time.Duration(*unused)*24*time.Hour)
	}
	return 0, usagef("mimic kernels %s: want list, fetch and names, or prune", strings.Join(words, " "))
}

// listKernels prints the rows of kernels.txt, and then what the cache has.
func listKernels(asJSON bool) error {
	rows, err := suite.Matrix()
	if err != nil {
		return err
	}
	if asJSON {
		return listJSON(rows)
	}
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintf(w, "%s\t%s\n", row.Name(), strings.Join(places(row), " "))
	}
	w.Flush()
	fmt.Fprintln(stdout, "\nin the cache:")
	for _, k := range suite.Kept() {
		printKept(w, k)
	}
	return w.Flush()
}

// listed is a row of kernels.txt for machines.
type listed struct {
	Name   string   `json:"name"`
	Places []string `json:"places"`
	All    bool     `json:"all"`    // -vm all has it
	Cached []string `json:"cached"` // versions of its series
}

// listJSON writes an array with a line for each row, so that line tools can read it, too.
func listJSON(rows []vmtest.Line) error {
	kept := suite.Kept()
	lines := make([]string, len(rows))
	for i, row := range rows {
		l := listed{Name: row.Name(), Places: places(row), All: row.Everyday(), Cached: []string{}}
		for _, k := range kept {
			if row.MayBe(k.Kernel) {
				l.Cached = append(l.Cached, k.Kernel.Version)
			}
		}
		b, err := json.Marshal(l)
		if err != nil {
			return err
		}
		lines[i] = " " + string(b)
	}
	_, err := fmt.Fprintf(stdout, "[\n%s\n]\n", strings.Join(lines, ",\n"))
	return err
}

// places are those of a row as kernels.txt has them.
func places(row vmtest.Line) []string {
	all := slices.Clone(row.Suites)
	for _, image := range row.Images {
		all = append(all, "oci:"+image)
	}
	return all
}

func printKept(w *tabwriter.Writer, k vmtest.Kept) {
	fmt.Fprintf(w, "%s\t%s\t%s\tused %s\n", k.Kernel.Version, k.ID, humanize.Bytes(uint64(k.Bytes)), humanize.Time(k.Used))
}

// fetchKernels prints where the image of each is.
func fetchKernels(ctx context.Context, names []string) error {
	for _, name := range names {
		k, err := suite.Fetch(ctx, name, func(s string) { fmt.Fprintln(os.Stderr, s) })
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, k.Image)
	}
	return nil
}

// pruneKernels prints what it deleted.
func pruneKernels(ctx context.Context, unused time.Duration) error {
	p, err := suite.Prune(ctx, unused)
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	for _, k := range p.Kernels {
		printKept(w, k)
	}
	w.Flush()
	fmt.Fprintf(stdout, "deleted %d kernels, %s with what belonged to none\n", len(p.Kernels), humanize.Bytes(uint64(max(p.Bytes, 0))))
	return err
}
