package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"mimic/ops"
	"mimic/properties"
)

// Distribution writes how often each outcome of each operation was judged, by
// kernel.
func Distribution(w io.Writer, kernels []*Kernel) {
	seen := map[properties.Triple]bool{}
	for _, k := range tallied(kernels) {
		for t := range k.Tally.Triples {
			seen[t] = true
		}
	}
	rows := make([][]string, 0, len(seen))
	for _, t := range sortedTriples(seen) {
		row := []string{t.Verb, string(t.Family), t.Errno.String()}
		for _, k := range tallied(kernels) {
			row = append(row, dash(k.Tally.Triples[t]))
		}
		rows = append(rows, row)
	}
	table(w, append([]string{"operation", "on", "outcome"}, names(kernels)...), rows)
}

func tallied(kernels []*Kernel) []*Kernel {
	return slices.DeleteFunc(slices.Clone(kernels), func(k *Kernel) bool { return k.Tally == nil })
}

func names(kernels []*Kernel) (all []string) {
	for _, k := range tallied(kernels) {
		all = append(all, k.Name)
	}
	return all
}

func dash(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func sortedTriples(seen map[properties.Triple]bool) (all []properties.Triple) {
	for t := range seen {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b properties.Triple) int {
		return cmp.Or(cmp.Compare(a.Verb, b.Verb), cmp.Compare(a.Family, b.Family), cmp.Compare(a.Errno, b.Errno))
	})
	return all
}

func table(w io.Writer, head []string, rows [][]string) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, strings.Join(head, "\t"))
	for _, row := range rows {
		fmt.Fprintln(tw, strings.Join(row, "\t"))
	}
	tw.Flush()
}

// typeRows are the uses of every map type, and what each kernel answered.
func typeRows(kernels []*Kernel) (rows [][]string) {
	for _, t := range mapTypes() {
		for _, role := range []properties.Role{properties.RoleTemplate, properties.RoleElement} {
			for _, f := range []properties.Family{properties.FamilyArray, properties.FamilyHash} {
				row := []string{fmt.Sprint(uint32(t)), t.String(), string(role), string(f)}
				for _, k := range tallied(kernels) {
					row = append(row, answered(k, properties.Use{Type: t, Role: role, Family: f}))
				}
				rows = append(rows, row)
			}
		}
	}
	return rows
}

func mapTypes() []ops.MapType {
	all := append(properties.TemplateTypes(), ops.ArrayOfMaps, ops.HashOfMaps)
	slices.Sort(all)
	return all
}

// answered is the errno that user space sees, or why there is none.
func answered(k *Kernel, use properties.Use) string {
	if e, ok := k.Tally.Types[use]; ok {
		if e == 0 {
			return "ok"
		}
		return fmt.Sprintf("%s(%d)", e, int(e))
	}
	if k.Lacks[use.Type.Feature()] != "" {
		return "no such map"
	}
	return "not asked"
}

var typeHead = []string{"nr", "type", "as", "in"}

// Types writes what each type of map is answered as a template and as an element,
// by kernel.
func Types(w io.Writer, kernels []*Kernel) {
	table(w, append(slices.Clone(typeHead), names(kernels)...), typeRows(kernels))
}

// TypesTSV writes the same separated by tabs, to be kept as data.
func TypesTSV(w io.Writer, kernels []*Kernel) {
	fmt.Fprintln(w, strings.Join(append(slices.Clone(typeHead), names(kernels)...), "\t"))
	for _, row := range typeRows(kernels) {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
}
