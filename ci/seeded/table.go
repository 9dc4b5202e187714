package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"mimic/properties"
)

// fault is one way in which the kernel is broken on purpose: a row of faults.txt.
type fault struct {
	number     int
	name       string
	file       string // below kernel/bpf
	concurrent bool   // it shows only beside another thread, or beside a program
	claim      string // that must catch it
	says       string
}

// parseFaults reads rows of "number name file seq|conc claim what it breaks", with comments from # to
// the end of the line. The error tells of every bad line.
func parseFaults(r io.Reader) (all []fault, wrong error) {
	scanner := bufio.NewScanner(r)
	for n := 1; scanner.Scan(); n++ {
		text, _, _ := strings.Cut(scanner.Text(), "#")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		f, err := parseFault(words)
		if err == nil && slices.ContainsFunc(all, func(o fault) bool { return o.number == f.number || o.name == f.name }) {
			err = fmt.Errorf("fault %d, or the name %s, is in the table already", f.number, f.name)
		}
		if err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("%s:%d: %w", tableFile, n, err))
		}
		all = append(all, f)
	}
	return all, errors.Join(wrong, scanner.Err())
}

func parseFault(words []string) (f fault, err error) {
	if len(words) < 6 {
		return f, fmt.Errorf("want number, name, file, seq or conc, claim and what it breaks, got %d words", len(words))
	}
	if f.number, err = strconv.Atoi(words[0]); err != nil || f.number < 1 {
		return f, fmt.Errorf("%q is not the number of a fault", words[0])
	}
	f.name, f.file, f.claim = words[1], words[2], words[4]
	if words[3] != "seq" && words[3] != "conc" {
		return f, fmt.Errorf("%q is neither seq nor conc", words[3])
	}
	if properties.ClaimByID(f.claim) == nil {
		return f, fmt.Errorf("there is no claim %s", f.claim)
	}
	f.concurrent = words[3] == "conc"
	f.says = strings.Join(words[5:], " ")
	return f, nil
}

// choose are the faults that a text names: all, none, which is the whole kernel, or numbers and ranges
// of them separated by commas, as in 1,4,10-19.
func choose(all []fault, text string) (chosen []fault, err error) {
	switch text {
	case "all":
		return all, nil
	case "none":
		return []fault{{name: "none", says: "the whole kernel"}}, nil
	}
	for word := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(word, "-")
		if !isRange {
			to = from
		}
		low, err1 := strconv.Atoi(from)
		high, err2 := strconv.Atoi(to)
		before := len(chosen)
		for _, f := range all {
			if f.number >= low && f.number <= high {
				chosen = append(chosen, f)
			}
		}
		if err1 != nil || err2 != nil || len(chosen) == before {
			return nil, fmt.Errorf("-faults %q: want all, none, or numbers of %s as in 1,4,10-19", word, tableFile)
		}
	}
	return chosen, nil
}
