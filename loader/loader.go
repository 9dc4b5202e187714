// Package loader looks at maps of maps as a loader does: the examples of
// Documentation/bpf/map_of_maps.rst, declared in C, compiled to BTF and loaded
// on the kernel under it with cilium/ebpf.
//
// It says what it saw and judges nothing. It needs the privileges of root, and
// little memory: nothing here makes cilium/ebpf read the BTF of the kernel.
package loader

//go:generate ./build.sh

import (
	"embed"
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

//go:embed elf/*.o
var objects embed.FS

type example struct {
	name string
	show func(*stage)
}

// examples in the order of the document, and then what it does not show.
var examples = []example{
	{"devmaps", showDevmaps},
	{"template-fd", showTemplateFD},
	{"btf-inner", showBTFInner},
	{"hash-outer", showHashOuter},
	{"prog-lookup", showProgLookup},
	{"sharded-ringbuf", showShardedRingbuf},
}

// Names lists the examples.
func Names() (names []string) {
	for _, e := range examples {
		names = append(names, e.name)
	}
	return names
}

// attempts is how often an example is begun anew that a signal has cut off.
const attempts = 5

// Run loads an example and says in one line what was seen, the same in every
// run. What it made is closed when it returns; the kernel may take a moment to
// forget it. An error says what failed that the rest needs, and keeps the errno.
func Run(name string) (line string, err error) {
	for _, e := range examples {
		if e.name != name {
			continue
		}
		if err := rlimit.RemoveMemlock(); err != nil { // up to 5.10 maps count as locked memory
			return "", fmt.Errorf("example %s: raise the limit on locked memory: %w", name, err)
		}
		for range attempts {
			if line, err = run(e.name, e.show); !errors.Is(err, unix.EINTR) {
				break
			}
		}
		return line, err
	}
	return "", fmt.Errorf("example %q: there is none of this name, only %s", name, strings.Join(Names(), ", "))
}

func run(name string, show func(*stage)) (string, error) {
	s := &stage{object: name, maps: map[string]*ebpf.Map{}, names: map[ebpf.MapID]string{}}
	defer s.clear()
	if show(s); s.err != nil {
		return "", fmt.Errorf("example %s: %w", name, s.err)
	}
	return strings.Join(s.seen, "; "), nil
}
