package suite

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"mimic/properties"
	"mimic/report"
	"mimic/target"
	"mimic/vmtest"
)

var (
	vmFlag      = flag.String("vm", "", "kernels to run on: names of kernels.txt, all, host, or paths of images, separated by commas")
	seedFlag    = flag.Uint64("seed", 1, "seed that names every sequence of the run")
	sequences   = flag.Int("sequences", 0, SequencesHelp)
	quickFlag   = flag.Bool("quick", false, quickHelp)
	missingFlag = flag.String("missing", "fail", "what a kernel is that cannot be had: fail or skip")
	replayFlag  = flag.String("replay", "", "file of one sequence or trace to run instead")
	claimsFlag  = flag.String("claims", "", "claims to ask, as in P90 or P90/hash, separated by commas; all unless given")
	modeFlag    = flag.String("mode", string(target.Fast), "how the time of guests passes, see docs/running.md: "+target.ModeNames())
	backend     = flag.String("backend", vmtest.QEMU, "what starts guests: "+vmtest.BackendNames())
	coldFlag    = flag.Bool("cold", false, "boot each kernel, also if an earlier run kept one that had booted")
	outputs     = outputFlags()
	jobsFlag    = flag.Int("jobs", 0, "kernels examined at the same time; as many as there is room for unless given")
	outFlag     = flag.String("out", "", "folder for reduced sequences; out at the top of the module unless given")
)

const quickHelp = "instead of -sequences: ask each row as little as it takes to say that it holds"

// outputFlags are the files that the command writes too. A test runs in the folder of
// its package; who typed the path was at the top of the module.
func outputFlags() *Outputs {
	root, err := target.ModuleRoot()
	if err != nil {
		root = ""
	}
	o := &Outputs{Base: root}
	o.Flags(flag.CommandLine)
	return o
}

// TestMain makes Ctrl-C and SIGTERM end the run through its clean-ups.
func TestMain(m *testing.M) {
	flag.Parse()
	if *missingFlag != "fail" && *missingFlag != "skip" {
		fmt.Fprintf(os.Stderr, "usage: -missing %q: want fail or skip\n", *missingFlag)
		os.Exit(2)
	}
	if _, err := ParseHow(*modeFlag, *backend); err != nil {
		fmt.Fprintf(os.Stderr, "usage: %v\n", err)
		os.Exit(2)
	}
	debug.SetGCPercent(400) // hundreds of fake kernels leave much behind them, and there is room
	os.Exit(m.Run())
}

func interruptible(t *testing.T) context.Context {
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	t.Cleanup(stop)
	return ctx
}

func config(t *testing.T) Config {
	specs, err := ParseSpecs(*vmFlag, How{target.Mode(*modeFlag), *backend, *coldFlag})
	if err != nil {
		t.Fatalf("usage: %v", err)
	}
	rows, err := ParseRows(*claimsFlag)
	if err != nil {
		t.Fatalf("usage: %v", err)
	}
	return Config{
		Kernels: specs, Rows: rows, Seed: *seedFlag, Sequences: *sequences, Quick: *quickFlag, Jobs: *jobsFlag,
		Out: OutFolder(*outFlag), Log: os.Stderr,
	}
}

// TestClaims holds each kernel of -vm to every claim: one subtest a kernel,
// below it one a row of the table of claims.
func TestClaims(t *testing.T) {
	if *replayFlag != "" {
		t.Skip("-replay runs one sequence instead: see TestReplay")
	}
	c := config(t)
	if *vmFlag == "" {
		t.Log("no -vm: running against the in-memory kernel. Name a real one: go test ./suite -vm 6.12 -count=1 (or all, host, path/to/bzImage)")
	}
	kernels, err := outputs.Run(interruptible(t), c, *missingFlag == "skip")
	if err != nil {
		t.Errorf("harness: %v", err)
	}
	for _, k := range kernels {
		t.Run(k.Name, func(t *testing.T) { testKernel(t, k, *missingFlag == "skip") })
	}
	var text strings.Builder
	if testing.Verbose() {
		report.Verbose(&text, kernels)
	}
	report.All(&text, kernels)
	fmt.Fprint(outputs.Text(), text.String())
	if err := SaveTypes(c.Out, kernels); err != nil {
		t.Error(err)
	}
}

func testKernel(t *testing.T, k *report.Kernel, skipMissing bool) {
	if k.Missing && skipMissing {
		t.Skipf("%v", k.Fault)
	}
	if k.Fault != nil {
		t.Errorf("harness: %v", k.Fault)
	}
	if len(k.Absent) > 0 {
		t.Errorf("harness: the run has stopped asking: %s", strings.Join(k.Absent, ", "))
	}
	for _, row := range k.Rows {
		t.Run(row.Key.Claim+"/"+string(row.Key.Family), func(t *testing.T) { testRow(t, k, row) })
	}
}

func testRow(t *testing.T, k *report.Kernel, row report.Row) {
	says := properties.ClaimByID(row.Key.Claim).Says
	switch {
	case row.Verdict == report.NotClaimed:
		t.Skipf("not claimed here: %s", row.Reason)
	case !row.Verdict.Green():
		t.Errorf("%s: %s: %s%s", row.Verdict, says, row.Reason, report.FindingsOf(k, row.Key))
	}
}

// TestReplay runs the sequence of -replay on the kernels of -vm.
func TestReplay(t *testing.T) {
	if *replayFlag == "" {
		t.Skip("no -replay")
	}
	seq, err := ReadSequence(FindFile(*replayFlag))
	if err != nil {
		t.Fatalf("usage: %v", err)
	}
	c := config(t)
	for _, spec := range c.Kernels {
		t.Run(spec.Name, func(t *testing.T) {
			r := Replay(interruptible(t), c, spec, seq)
			fmt.Print(r.Text())
			if r.Fault != nil {
				t.Errorf("harness: %v", r.Fault)
			} else if r.Finding != nil && r.Finding.Known == "" {
				t.Error("the sequence breaks a promise")
			}
		})
	}
}
