package faults

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// try is one run of mimic with a fault, in folders of its own.
type try struct {
	*world
	fault
	random                *mathrand.Rand
	number                int
	dir, cache, temp, out string
	marker                string // in the environment of everything that is started
	args                  []string
	image                 string // for -vm; the series if ""
	stdout                string // where the report goes; "" is to us
	env                   []string
	background            func(mimic int, done <-chan struct{})
	beside                func() []string // a second run: what is wrong with it
	heal                  func() error    // ends the fault, for the run after it
	undo                  []func() error
	told                  string // what was broken, for people
}

// marked is the variable by which processes of a try are known.
const marked = "MIMIC_FAULTS_TRY"

func (w *world) newTry(seed uint64, f fault) *try {
	t := &try{world: w, fault: f, random: mathrand.New(mathrand.NewPCG(seed, 6)), marker: rand.Text()}
	t.dir = filepath.Join(w.dir, "try-"+t.marker)
	t.cache, t.temp, t.out = filepath.Join(t.dir, "cache"), filepath.Join(t.dir, "tmp"), filepath.Join(t.dir, "out")
	if t.workload == nil {
		t.workload = holding
	}
	return t
}

// useCache gives the try a copy of a cache.
func (t *try) useCache(from string) error {
	return errors.Join(os.MkdirAll(t.temp, 0o755), os.MkdirAll(t.out, 0o755), copyTree(from, t.cache))
}

func (t *try) close() error {
	var err error
	for _, undo := range slices.Backward(t.undo) {
		err = errors.Join(err, undo())
	}
	return errors.Join(err, os.RemoveAll(t.dir))
}

// result is what became of a run.
type result struct {
	code     int
	output   string
	verdicts verdicts
	took     time.Duration
	wrong    []string // that must not be
}

// limit is the time after which a run is said to hang: the longest takes a minute and a half on a machine of
// its own, a kernel that says nothing on one board and the other. What hangs does so for ever, so a machine
// under load may have much longer.
const limit = 10 * time.Minute

// run runs mimic with the fault and looks at what it left.
func (t *try) run() (r result) {
	runtime.LockOSThread() // a mimic is told when its test dies, and the kernel means this thread
	defer runtime.UnlockOSThread()
	cmd, output := t.command()
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return result{wrong: []string{err.Error()}}
	}
	done := make(chan struct{})
	waited := make(chan struct{})
	if t.background != nil {
		go func() { t.background(cmd.Process.Pid, done); close(waited) }()
	} else {
		close(waited)
	}
	alarm := time.AfterFunc(limit, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait() // its status is in ProcessState
	close(done)
	<-waited
	r = result{code: cmd.ProcessState.ExitCode(), output: output.String(), took: time.Since(start)}
	if !alarm.Stop() {
		r.wrong = append(r.wrong, fmt.Sprintf("no end within %v", limit))
	}
	r.verdicts = parseVerdicts(r.output)
	r.wrong = append(r.wrong, t.left()...)
	return r
}

func (t *try) command() (*exec.Cmd, *bytes.Buffer) {
	vm := series
	if t.image != "" {
		vm = t.image
	}
	cmd := exec.Command(t.mimic, slices.Concat([]string{"-vm", vm, "-out", t.out}, t.workload, t.args)...)
	cmd.Dir = t.dir
	cmd.Env = append(os.Environ(), marked+"="+t.marker, "MIMIC_CACHE="+t.cache, "TMPDIR="+t.temp, "MIMIC_SOURCE="+t.source)
	cmd.Env = append(cmd.Env, t.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.WaitDelay = patience // a child of it may have the pipe
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if f, err := os.OpenFile(t.stdout, os.O_WRONLY, 0); err == nil {
		cmd.Stdout = f
		t.undo = append(t.undo, f.Close)
	}
	return cmd, &output
}

// patience is the time that what was started has to go when mimic is gone.
const patience = time.Minute

// left says what a run left behind that it must not.
func (t *try) left() (wrong []string) {
	for start := time.Now(); len(processes(t.marker)) > 0; {
		if time.Since(start) > patience {
			for _, p := range processes(t.marker) {
				wrong = append(wrong, fmt.Sprintf("process %d is left: %s", p.pid, p.command))
				_ = syscall.Kill(p.pid, syscall.SIGKILL)
			}
			break
		}
		<-time.After(20 * time.Millisecond)
	}
	for _, path := range filesIn(t.temp) {
		wrong = append(wrong, "left in TMPDIR: "+path)
	}
	if mounts, err := os.ReadFile("/proc/self/mounts"); err != nil || !t.mounts && strings.Contains(string(mounts), t.dir) {
		wrong = append(wrong, "a mount is left")
	}
	return wrong
}

// debris lists files of a cache that are the half of something.
func debris(cache string) (paths []string) {
	for _, path := range filesIn(cache) {
		if half.MatchString(path) && !strings.Contains(path, "/apt/") {
			paths = append(paths, path)
		}
	}
	return paths
}

var half = regexp.MustCompile(`\.tmp\d*|\.part\b|/parts?/|/partial/|/agent/.*\.\d+$`)

// filesIn lists what is below a folder, but folders.
func filesIn(dir string) (paths []string) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			paths = append(paths, path)
		}
		return nil // what is gone is not left
	})
	return paths
}

// process is one that was started for a try.
type process struct {
	pid     int
	command string
}

// processes finds those with a marker in their environment.
func processes(marker string) (all []process) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		env, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err != nil || !bytes.Contains(env, []byte(marked+"="+marker)) {
			continue
		}
		command, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		pid, _ := strconv.Atoi(filepath.Base(dir))
		all = append(all, process{pid, string(bytes.ReplaceAll(command, []byte{0}, []byte(" ")))})
	}
	return all
}

// verdicts are those of a report.
type verdicts struct {
	rows  map[string]string // the mark of each row
	asked string            // how many sequences and operations
}

var (
	rowLine      = regexp.MustCompile(`(?m)^([A-Z]+[-\d]*/[a-z]+) +(\S+) `)
	undecidedRow = regexp.MustCompile(`(?m)^[A-Z]+[-\d]*/[a-z]+ +\? .*\n`)
	askedLine    = regexp.MustCompile(`(\d+ sequences, \d+ operations) verified`)
)

func parseVerdicts(report string) verdicts {
	v := verdicts{rows: map[string]string{}}
	for _, m := range rowLine.FindAllStringSubmatch(report, -1) {
		v.rows[m[1]] = m[2]
	}
	if m := askedLine.FindStringSubmatch(report); m != nil {
		v.asked = m[1]
	}
	return v
}

// judge says what is wrong with a result: a code that is not allowed, a verdict that was not earned, or
// nothing said about why there is none.
func (t *try) judge(r result) (wrong []string) {
	wrong = r.wrong
	if !slices.Contains(t.exits, r.code) {
		wrong = append(wrong, fmt.Sprintf("exit %d, want one of %v", r.code, t.exits))
	}
	asked := t.workload[1]
	usual := t.usual[asked]
	for row, mark := range r.verdicts.rows {
		earned := row == asked && mark == usual.rows[row] && r.verdicts.asked == usual.asked
		if (mark == "ok" || mark == "known" || mark == "doc") && !earned {
			wrong = append(wrong, fmt.Sprintf("%s is %s after %s, usually %s", row, mark, r.verdicts.asked, usual.asked))
		}
	}
	for row, mark := range r.verdicts.rows {
		if mark == "FAIL" && usual.rows[row] != "FAIL" && !t.judged {
			wrong = append(wrong, row+" is blamed")
		}
	}
	if r.code == 0 && r.verdicts.rows[asked] != usual.rows[asked] && t.stdout == "" {
		wrong = append(wrong, fmt.Sprintf("exit 0, but %s is %q", asked, r.verdicts.rows[asked]))
	}
	if r.code > 0 && t.says != "" && !regexp.MustCompile("(?m)"+t.says).MatchString(r.output) {
		wrong = append(wrong, fmt.Sprintf("nothing it says matches %q", t.says))
	}
	return wrong
}
