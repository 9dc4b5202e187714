// Command seeded measures what the suite catches: it runs it against kernels that are broken on
// purpose, each in one way of faults.txt, and says which claim was blamed, after how many executions.
// ci/seeded/build.sh builds the kernel.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"mimic/properties"
	"mimic/report"
	"mimic/suite"
	"mimic/target"
)

// tableFile lists the faults; kernelName is the row of kernels.txt that has them.
const (
	tableFile  = "ci/seeded/faults.txt"
	kernelName = suite.SeededConfig + "-6.12"
)

// options are what was asked for.
type options struct {
	faults    string
	seeds     int
	from      uint64
	sequences int
	whole     bool
	quick     bool
	brief     bool
	saved     string
	kernel    string
	others    bool
	narrow    bool
	drop      int
}

func main() {
	var o options
	flag.StringVar(&o.faults, "faults", "all", "faults to run: all, none (the kernel is whole), or numbers as in 1,4,10-19")
	flag.IntVar(&o.seeds, "seeds", 1, "how many seeds to run each fault on")
	flag.Uint64Var(&o.from, "from", 1, "the first seed")
	flag.IntVar(&o.sequences, "sequences", suite.DefaultSequences, "sequences planned for each row of the table of claims")
	flag.BoolVar(&o.whole, "whole", false, "go on after the first violation, as a usual run does")
	flag.BoolVar(&o.quick, "quick", false, "ask each row as little as mimic -quick does; saved in out/quick.tsv unless -saved says otherwise")
	flag.BoolVar(&o.brief, "brief", false, "only find out whether a fault is caught: nothing is reduced, or written to out; claims that are blamed are more then")
	flag.BoolVar(&o.narrow, "narrow", false, "ask only the rows that were blamed for the fault in what is saved, and those of its claim: for many seeds")
	flag.IntVar(&o.drop, "drop", 0, "do not run a fault on more seeds when it survived `N` and was never caught, in what is saved: those count as not caught; 0 is never")
	flag.StringVar(&o.kernel, "kernel", kernelName, "the kernel that has the faults: the row of kernels.txt, or the path of an image")
	flag.BoolVar(&o.others, "baseline", false, "run what others assert, the fixed sequences of "+baselineFile+", in place of the suite")
	flag.StringVar(&o.saved, "saved", "", "out/seeded.tsv, or out/baseline.tsv, unless given: file to which a line is added for each run, and from which the table is made; -seeds 0 only makes the table")
	flag.Parse()
	switch {
	case o.saved != "":
	case o.others:
		o.saved = "out/baseline.tsv"
	case o.quick:
		o.saved = "out/quick.tsv"
	default:
		o.saved = "out/seeded.tsv"
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, o))
}

// run does what was asked for, and answers the exit code: 1 if a fault was not caught, or the whole
// kernel was blamed.
func run(ctx context.Context, o options) int {
	all, chosen, err := o.read()
	if err != nil {
		fmt.Fprintln(os.Stderr, "seeded:", err)
		return suite.ExitUsage
	}
	before, err := load(o.saved)
	if err != nil {
		fmt.Fprintln(os.Stderr, "seeded:", err)
		return suite.ExitUsage
	}
	for seed := o.from; seed < o.from+uint64(o.seeds); seed++ {
		for _, f := range chosen {
			if o.dropped(f, before) {
				continue
			}
			r, err := o.one(ctx, f, seed, before)
			if err != nil || ctx.Err() != nil {
				fmt.Fprintln(os.Stderr, "seeded:", f.name, err, ctx.Err())
				return suite.ExitHarness
			}
			fmt.Println(r.progress(f))
			if err := save(o.saved, r); err != nil {
				fmt.Fprintln(os.Stderr, "seeded:", err)
				return suite.ExitHarness
			}
			before = append(before, r)
		}
	}
	results, err := load(o.saved)
	if err != nil {
		fmt.Fprintln(os.Stderr, "seeded:", err)
		return suite.ExitUsage
	}
	fmt.Print(table(all, results))
	if failed(results) {
		return suite.ExitViolated
	}
	return suite.ExitHeld
}

// read reads the table of faults and which of them are meant.
func (o *options) read() (all, chosen []fault, err error) {
	root, err := target.ModuleRoot()
	if err != nil {
		return nil, nil, err
	}
	f, err := os.Open(filepath.Join(root, tableFile))
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if all, err = parseFaults(f); err != nil {
		return nil, nil, err
	}
	if !filepath.IsAbs(o.saved) {
		o.saved = filepath.Join(root, o.saved)
	}
	chosen, err = choose(all, o.faults)
	return all, chosen, err
}

// dropped says whether a fault is not worth another seed.
func (o *options) dropped(f fault, before []result) bool {
	of := resultsOf(before, f.number)
	return o.drop > 0 && len(of) >= o.drop && count(of, result.caught) == 0
}

// specs is the kernel with one fault.
func (o *options) specs(f fault) ([]suite.Spec, error) {
	word := o.kernel
	if f.number > 0 {
		word = fmt.Sprintf("%s:%d", o.kernel, f.number)
	}
	return suite.ParseSpecs(word, suite.How{Mode: target.Fast})
}

// asked says in a word what is asked of a kernel. What asks less misses more: a share of such runs is a lower bound.
func (o *options) asked() string {
	switch {
	case o.narrow: // only the rows that may catch the fault: see rowsFor
		return "narrow"
	case o.quick:
		return "quick"
	case o.sequences != suite.DefaultSequences:
		return fmt.Sprintf("%d of each row", o.sequences)
	}
	return everything
}

// one runs the suite, or the baseline, against one fault with one seed.
func (o *options) one(ctx context.Context, f fault, seed uint64, before []result) (result, error) {
	if o.others {
		return o.baseline(ctx, f)
	}
	specs, err := o.specs(f)
	if err != nil {
		return result{}, err
	}
	start := time.Now()
	c := suite.Config{Kernels: specs, Seed: seed, Sequences: o.sequences, Quick: o.quick, First: !o.whole, Brief: o.brief, Out: suite.OutFolder("")}
	if o.brief {
		c.Out = ""
	}
	if o.narrow {
		c.Rows = rowsFor(f, before)
	}
	k := suite.Run(ctx, c)[0]
	r := resultOf(f, k)
	r.took, r.asked, r.commit = time.Since(start), o.asked(), commit()
	if k.Missing {
		return r, k.Fault
	}
	return r, nil
}

// rowsFor are the rows that may catch a fault: those of the claim that the table names, and those that were blamed for it
// before. What they miss the others may catch: a share of such runs is a lower bound.
func rowsFor(f fault, before []result) (rows []properties.Key) {
	for _, key := range properties.Keys() {
		blamed := slices.ContainsFunc(before, func(r result) bool { return r.fault == f.number && slices.Contains(r.blamed, key.String()) })
		if key.Claim == f.claim || blamed {
			rows = append(rows, key)
		}
	}
	return rows
}

// commit is the beginning of what git calls the tree that this command was built of, "" if it was not told.
func commit() string {
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(7, len(s.Value))]
		}
	}
	return ""
}

// resultOf is what a run found.
func resultOf(f fault, k *report.Kernel) result {
	r := result{fault: f.number, seed: k.Seed, executions: k.Sequences, asking: k.Took}
	if k.Fault != nil {
		r.fell = strings.SplitN(k.Fault.Error(), "\n", 2)[0]
	}
	for _, found := range k.Findings {
		if found.Known != "" {
			continue
		}
		for _, key := range found.Reduced.Broken() {
			r.blamed = append(r.blamed, key.String())
			if key.Claim == f.claim {
				r.right = true
			}
		}
		if n := found.Reduced.Step + 1; r.length == 0 || n < r.length {
			r.length = n
		}
	}
	slices.Sort(r.blamed)
	r.blamed = slices.Compact(r.blamed)
	return r
}
