package lint

import (
	"regexp"
	"testing"
)

// orphans are functions that nothing calls and that may stay, each with the reason.
var orphans = map[string]string{
	"vmtest/example_test.go Example": "an example is compiled, and read in the documentation",
}

var deadLine = regexp.MustCompile(`(?m)^(\S+?):\d+:\d+: unreachable func: (\S+)$`)

// TestNothingIsOrphaned looks for functions that no command and no test reaches.
func TestNothingIsOrphaned(t *testing.T) {
	stdout, stderr, code := output(t, tool(t, "golang.org/x/tools/cmd/deadcode"), "-test", "./...")
	if code != 0 {
		t.Fatalf("deadcode exits %d: %s", code, stderr)
	}
	found := map[string]bool{}
	for _, m := range deadLine.FindAllStringSubmatch(stdout, -1) {
		name := m[1] + " " + m[2]
		found[name] = true
		if orphans[name] == "" {
			t.Errorf("%s: nothing calls it: delete it", name)
		}
	}
	for name := range orphans {
		if !found[name] {
			t.Errorf("%s is called, or gone: take it off the list of orphans", name)
		}
	}
}
