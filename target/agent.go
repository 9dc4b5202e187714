package target

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"mimic/vmtest"
)

// agentPackage is the command that BuildAgent builds.
const agentPackage = "mimic/cmd/agent"

// BuildAgent builds the agent for an architecture, as Go names it, statically
// linked, and answers its path below cache. The go command keeps it up to date, and is asked when a file of the source,
// or what says how go works, is another than the last time: it takes half a second to find that nothing is to be done.
func BuildAgent(ctx context.Context, cache, arch string) (string, error) {
	root, err := ModuleRoot()
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, "agent", agentName(root, arch))
	unlock, err := vmtest.Lock(ctx, path+".lock")
	if err != nil {
		return "", fmt.Errorf("build the agent: %w", err)
	}
	defer unlock()
	state := sourceState(root)
	if whole(path, state) {
		return path, nil
	}
	temp := path + ".part" // always the same, so that no more than one is left by who was killed
	_ = os.Remove(temp)    // go would believe half a file to be up to date
	defer os.Remove(temp)
	if whole(path, "") && copyTo(temp, path) != nil { // go links nothing if that is up to date
		_ = os.Remove(temp)
	}
	work, err := goWork(path)
	if err != nil {
		return "", fmt.Errorf("build the agent: %w", err)
	}
	defer os.RemoveAll(work)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", temp, agentPackage)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOFLAGS=", "GOWORK=off", "GOTMPDIR="+work)
	if out, err := tidyOutput(cmd); err != nil {
		return "", fmt.Errorf("build the agent with %q in %s: %w\n%s", cmd.Args, root, cmp.Or(ctx.Err(), err), bytes.TrimSpace(out))
	}
	if err := os.Rename(temp, path); err != nil {
		return "", fmt.Errorf("build the agent: %w", err)
	}
	if hash, err := vmtest.HashFile(path); err == nil {
		_ = vmtest.WriteFile(sumOf(path), []byte(hash+" "+state)) // without it the agent is linked again
	}
	return path, nil
}

// sumOf is the file with the hash of what was built, and of what it was built from.
func sumOf(path string) string { return path + ".sum" }

// whole says whether a file is what was built, from this state of the source unless that is "": go looks only at its name
// for itself, near its beginning.
func whole(path, state string) bool {
	hash, err := vmtest.HashFile(path)
	text, none := os.ReadFile(sumOf(path))
	sum, from, _ := strings.Cut(string(text), " ")
	return err == nil && none == nil && sum == hash && (state == "" || state == from)
}

// sourceState is a hash of what the agent depends on: name, size and time of change of the files in the source's folder and
// of the go command, and the settings of go. What cannot be read is gone, or go says what is wrong with it.
func sourceState(root string) string {
	sum := sha256.New()
	note := func(path string, info fs.FileInfo) { fmt.Fprintln(sum, path, info.Size(), info.ModTime().UnixNano()) }
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
		case entry.IsDir() && (entry.Name() == ".git" || path == filepath.Join(root, "out")):
			return fs.SkipDir
		case !entry.IsDir():
			if info, err := entry.Info(); err == nil {
				note(path, info)
			}
		}
		return nil
	})
	tool, missing := exec.LookPath("go")
	if info, err := os.Stat(tool); missing == nil && err == nil {
		note(tool, info)
	}
	for _, setting := range os.Environ() {
		if strings.HasPrefix(setting, "GO") {
			fmt.Fprintln(sum, setting)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func copyTo(to, from string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o755)
}

// goWork is an empty folder for the temporary files of go, which it leaves where it is interrupted twice. It is
// always the same, too.
func goWork(path string) (string, error) {
	work := path + ".work"
	if err := os.RemoveAll(work); err != nil {
		return "", err
	}
	return work, os.Mkdir(work, 0o755)
}

// tidyLimit is the time that go has to delete its temporary files.
const tidyLimit = 10 * time.Second

// tidyOutput runs a go command that deletes its temporary files however this process ends: it is interrupted,
// not killed, when its context ends, and when this process dies. The kernel ties the latter to the thread. It has
// a process group of its own: a second interrupt, as that of a terminal beside ours, would kill it.
func tidyOutput(cmd *exec.Cmd) ([]byte, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT, Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = tidyLimit
	out, err := cmd.CombinedOutput()
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // a compiler that go did not wait for writes no more
	}
	return out, err
}

// agentName is one for each source tree and architecture: two of them at work at the same time
// must not be handed each other's agents.
func agentName(root, arch string) string {
	sum := fnv.New32a()
	io.WriteString(sum, root)
	return fmt.Sprintf("agent-%s-%08x", arch, sum.Sum32())
}

// ModuleRoot is the folder of this module's go.mod: of MIMIC_SOURCE if that is
// set, else from the working directory up.
func ModuleRoot() (string, error) {
	start := os.Getenv("MIMIC_SOURCE")
	if start == "" {
		var err error
		if start, err = os.Getwd(); err != nil {
			return "", err
		}
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(b, []byte("module mimic\n")) {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod of module mimic in %s or above: run this inside mimic's source, or say where that is with MIMIC_SOURCE", start)
		}
	}
}
