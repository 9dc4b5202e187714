package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// result is what one run of the suite found on one kernel.
type result struct {
	fault      int
	seed       uint64
	blamed     []string // rows of the table of claims
	right      bool     // one of them is the claim that must catch it
	executions int      // sequences asked before it was seen
	asking     time.Duration
	length     int    // of the shortest reduced sequence
	fell       string // what the harness said; "" if nothing
	took       time.Duration
	asked      string // everything, or what of it: see options.asked
	commit     string // that was measured; "" if the command was built without it
}

// everything is what a run asks if nobody says otherwise.
const everything = "all"

func (r result) caught() bool { return len(r.blamed) > 0 }

// verdict is the result in a word.
func (r result) verdict() string {
	switch {
	case r.right:
		return "caught"
	case r.caught():
		return "misblamed"
	case r.fell != "":
		return "broke-harness"
	}
	return "survived"
}

func (r result) progress(f fault) string {
	text := fmt.Sprintf("%3d %-24s seed %d: %-9s %5d sequences, %.1fs; %d operations; %s", r.fault, f.name, r.seed, r.verdict(), r.executions, r.asking.Seconds(), r.length, strings.Join(r.blamed, " "))
	if r.fell != "" {
		text += "; harness: " + r.fell
	}
	return text
}

// line is the result as a line of a file.
func (r result) line() string {
	return strings.Join([]string{
		strconv.Itoa(r.fault), strconv.FormatUint(r.seed, 10), r.verdict(), strings.Join(r.blamed, " "), strconv.Itoa(r.executions),
		fmt.Sprintf("%.1f", r.asking.Seconds()), strconv.Itoa(r.length), fmt.Sprintf("%.0f", r.took.Seconds()), strings.ReplaceAll(r.fell, "\t", " "),
		r.asked, r.commit,
	}, "\t") + "\n"
}

func save(path string, r result) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(r.line())
	return errors.Join(err, f.Close())
}

// load reads what save wrote; of several runs of a fault with a seed the last counts.
func load(path string) (all []result, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		r, err := parseResult(strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w; remove the line", path, n, err)
		}
		all = slices.DeleteFunc(all, func(o result) bool { return o.fault == r.fault && o.seed == r.seed })
		all = append(all, r)
	}
	return all, nil
}

func parseResult(words []string) (r result, err error) {
	if len(words) != 11 {
		return r, fmt.Errorf("%d columns, want 11", len(words))
	}
	var errs [6]error
	var asking, took float64
	r.fault, errs[0] = strconv.Atoi(words[0])
	r.seed, errs[1] = strconv.ParseUint(words[1], 10, 64)
	r.blamed, r.right = strings.Fields(words[3]), words[2] == "caught"
	r.executions, errs[2] = strconv.Atoi(words[4])
	asking, errs[3] = strconv.ParseFloat(words[5], 64)
	r.length, errs[4] = strconv.Atoi(words[6])
	took, errs[5] = strconv.ParseFloat(words[7], 64)
	r.asking, r.took, r.fell = time.Duration(asking*1e9), time.Duration(took*1e9), words[8]
	r.asked, r.commit = words[9], words[10]
	return r, errors.Join(errs[:]...)
}
