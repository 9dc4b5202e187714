package evidence

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// list is where reports about BPF go.
const list = "bpf@vger.kernel.org"

// Maintainers are those of kernel/bpf, as MAINTAINERS of 7.3-rc7 ("BPF [CORE]") and
// Documentation/bpf/bpf_devel_QA.rst have them: whom to write to where there is no tree to ask.
var Maintainers = Addressees{
	To: []string{list},
	Cc: []string{
		"Alexei Starovoitov <ast@kernel.org>",
		"Daniel Borkmann <daniel@iogearbox.net>",
		"Andrii Nakryiko <andrii@kernel.org>",
		"Eduard Zingerman <eddyz87@gmail.com>",
		"Kumar Kartikeya Dwivedi <memxor@gmail.com>",
	},
}

var (
	sourceFile = regexp.MustCompile(`\b(kernel|net|include|Documentation)/[\w/.-]+\.(c|h|rst)\b`)
	addressee  = regexp.MustCompile(`^(.*@[^ >]+>?) \((.*)\)$`)
)

// MaintainersOf asks get_maintainer.pl of a kernel's source who is to be told.
func MaintainersOf(ctx context.Context, tree string, c Case) (a Addressees, err error) {
	script := filepath.Join("scripts", "get_maintainer.pl")
	args := []string{script, "--no-git", "--no-git-fallback", "--no-tree"}
	for _, file := range c.sourceFiles() {
		args = append(args, "-f", file)
	}
	cmd := exec.CommandContext(ctx, "perl", args...)
	cmd.Dir = tree
	out, err := cmd.Output()
	if err != nil {
		return a, fmt.Errorf("ask %s of %s: %w; is that the source of a kernel?", script, tree, err)
	}
	return parseMaintainers(string(out))
}

// sourceFiles are those that the claim rests on, kernel/bpf first of all.
func (c Case) sourceFiles() []string {
	files := []string{"kernel/bpf/map_in_map.c"}
	for _, s := range c.Sources {
		for _, f := range sourceFile.FindAllString(s, -1) {
			if strings.HasPrefix(f, "kernel/bpf/") && !slices.Contains(files, f) {
				files = append(files, f)
			}
		}
	}
	return files
}

// parseMaintainers reads lines of "Name <mail> (role)". Whoever the list reaches need not be
// written to: reviewers and supporters are, chatty lists are not.
func parseMaintainers(text string) (a Addressees, err error) {
	a.To = []string{list}
	for line := range strings.Lines(text) {
		parts := addressee.FindStringSubmatch(strings.TrimSpace(line))
		if parts == nil {
			continue
		}
		who, role := parts[1], parts[2]
		if strings.Contains(role, "list") || slices.Contains(a.Cc, who) {
			continue
		}
		a.Cc = append(a.Cc, who)
	}
	if len(a.Cc) == 0 {
		return a, fmt.Errorf("get_maintainer.pl names nobody:\n%s", text)
	}
	return a, nil
}
