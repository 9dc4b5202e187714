package main

import (
	"encoding/json"
	"flag"
	"fmt"

	"mimic/suite"
)

// judged is what became of one sequence or trace, for machines.
type judged struct {
	File   string   `json:"file"`
	Kernel string   `json:"kernel"`
	Exit   int      `json:"exit"`             // as the exit code of mimic is for this one
	Broken []string `json:"broken,omitempty"` // claims and families, as in P85/array
	Rule   string   `json:"rule,omitempty"`   // the most particular that is broken
	Step   string   `json:"step,omitempty"`   // the operation that was answered otherwise
	Want   string   `json:"want,omitempty"`
	Got    string   `json:"got,omitempty"`
	Known  string   `json:"known,omitempty"` // why it is no failure
	Fault  string   `json:"fault,omitempty"` // why it could not be judged
}

func jsonFlag(f *flag.FlagSet) *bool {
	return f.Bool("json", false, "a line of JSON for each file, instead of text")
}

// show prints what became of a file: in these words, or as a line of JSON.
func show(asJSON bool, path, text string, r suite.Replayed) error {
	if !asJSON {
		_, err := fmt.Fprint(stdout, text)
		return err
	}
	j := judged{File: path, Kernel: r.Kernel.Name, Exit: r.ExitCode()}
	if r.Fault != nil {
		j.Fault = r.Fault.Error()
	}
	if r.Finding != nil {
		v := r.Finding.Reduced
		for _, key := range v.Broken() {
			j.Broken = append(j.Broken, key.String())
		}
		step := v.Trace.Steps[v.Step]
		j.Step, j.Want, j.Known = step.Op.String(), v.Wanted(), r.Finding.Known
		if len(v.By) > 0 {
			j.Rule = v.By[0].Rule.ID
		}
		if step.Returned {
			j.Got = step.Got.String()
		}
	}
	return json.NewEncoder(stdout).Encode(j)
}
