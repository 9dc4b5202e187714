package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// table is the kill matrix of results, as Markdown: a row for each fault that was run, and the score.
func table(all []fault, results []result) string {
	var b strings.Builder
	fmt.Fprintln(&b, "| | fault | must be caught by | caught | right claim | blamed | executions | seconds | operations |")
	fmt.Fprintln(&b, "| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	for _, f := range all {
		if of := resultsOf(results, f.number); len(of) > 0 {
			fmt.Fprintln(&b, row(f, of))
		}
	}
	fmt.Fprintln(&b)
	for _, concurrent := range []bool{false, true} {
		fmt.Fprintln(&b, score(all, results, concurrent))
		fmt.Fprint(&b, bySeed(all, results, concurrent))
	}
	b.WriteString(falseAlarms(resultsOf(results, 0)))
	return b.String()
}

// falseAlarms says, for each way to ask, how many runs blamed the whole kernel.
func falseAlarms(whole []result) string {
	var b strings.Builder
	runs := map[string][]result{}
	for _, r := range whole {
		runs[r.asked] = append(runs[r.asked], r)
	}
	for _, asked := range slices.Sorted(maps.Keys(runs)) {
		fmt.Fprintf(&b, "false alarms on the whole kernel, asked %s: %s runs\n", asked, interval(count(runs[asked], result.caught), len(runs[asked])))
	}
	return b.String()
}

func resultsOf(results []result, number int) (of []result) {
	for _, r := range results {
		if r.fault == number {
			of = append(of, r)
		}
	}
	return of
}

func count(of []result, is func(result) bool) (n int) {
	for _, r := range of {
		if is(r) {
			n++
		}
	}
	return n
}

func row(f fault, of []result) string {
	var blamed []string
	for _, r := range of {
		blamed = append(blamed, r.blamed...)
	}
	slices.Sort(blamed)
	blamed = slices.Compact(blamed)
	caught := slices.DeleteFunc(slices.Clone(of), func(r result) bool { return !r.caught() })
	wide := slices.DeleteFunc(slices.Clone(caught), func(r result) bool { return r.asked != everything })
	name := f.name
	if f.concurrent {
		name += " (concurrent)"
	}
	return fmt.Sprintf("| %d | %s: %s | %s | %s | %d | %s | %s | %s | %s |", f.number, name, f.says, f.claim,
		interval(len(caught), len(of)), count(of, func(r result) bool { return r.right }), strings.Join(blamed, " "),
		median(wide, func(r result) float64 { return float64(r.executions) }),
		median(wide, func(r result) float64 { return r.asking.Seconds() }),
		median(caught, func(r result) float64 { return float64(r.length) }))
}

// interval is a share with Wilson's interval of 95 %, of several runs.
func interval(k, n int) string {
	text := fmt.Sprintf("%d/%d", k, n)
	if n < 2 {
		return text
	}
	low, high := wilson(k, n)
	return fmt.Sprintf("%s (%.0f-%.0f %%)", text, 100*low, 100*high)
}

// wilson is the interval of 95 % in which the probability lies of what was seen k times of n.
func wilson(k, n int) (low, high float64) {
	const z = 1.96
	p, m := float64(k)/float64(n), float64(n)
	middle := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return max(0, middle-half), min(1, middle+half)
}

func median(of []result, value func(result) float64) string {
	if len(of) == 0 {
		return ""
	}
	var values []float64
	for _, r := range of {
		values = append(values, value(r))
	}
	slices.Sort(values)
	return fmt.Sprintf("%.0f", values[len(values)/2])
}

// score says how many runs of the faults of one kind were caught, and which faults never were.
func score(all []fault, results []result, concurrent bool) string {
	kind := "sequential"
	if concurrent {
		kind = "concurrent"
	}
	var runs, caught, right, faults int
	var never []string
	for _, f := range all {
		of := resultsOf(results, f.number)
		if f.concurrent != concurrent || len(of) == 0 {
			continue
		}
		k := count(of, result.caught)
		faults, runs, caught, right = faults+1, runs+len(of), caught+k, right+count(of, func(r result) bool { return r.right })
		if k == 0 {
			never = append(never, f.name)
		}
	}
	text := fmt.Sprintf("%s: %s of the runs against %d faults caught, %d by the right claim", kind, interval(caught, max(1, runs)), faults, right)
	if len(never) > 0 {
		text += "; never: " + strings.Join(never, ", ")
	}
	return text
}

// goal is the share of the faults of a kind that the suite has to catch on a seed.
func goal(concurrent bool) float64 {
	if concurrent {
		return 0.80
	}
	return 0.95
}

// bySeed says, where there are several seeds, how many of the faults of one kind that were run on any of them were caught on
// each, at least and at most, and on how many of the seeds that is the goal. A fault that was not run on a seed, as -drop has
// it, counts as not caught there.
func bySeed(all []fault, results []result, concurrent bool) string {
	faults, caught := 0, map[uint64]int{}
	for _, f := range all {
		of := resultsOf(results, f.number)
		if f.concurrent != concurrent || len(of) == 0 {
			continue
		}
		faults++
		for _, r := range of {
			caught[r.seed] += 0
			if r.caught() {
				caught[r.seed]++
			}
		}
	}
	if len(caught) < 2 {
		return ""
	}
	shares := slices.Sorted(maps.Values(caught))
	reached := len(slices.DeleteFunc(slices.Clone(shares), func(n int) bool { return float64(n) < goal(concurrent)*float64(faults) }))
	return fmt.Sprintf("  on a seed: %d to %d of %d; at least %.0f %% on %d of %d seeds\n",
		shares[0], shares[len(shares)-1], faults, 100*goal(concurrent), reached, len(shares))
}

// failed says whether a fault survived, or the whole kernel was blamed.
func failed(results []result) bool {
	return slices.ContainsFunc(results, func(r result) bool { return r.caught() == (r.fault == 0) })
}
