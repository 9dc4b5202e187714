package properties

import (
	"strings"

	"mimic/ops"
)

// exampleRow is an example of the document, or one like it, as package loader
// loads it, and the facts that it must say, in order.
type exampleRow struct {
	name   ops.Example
	family Family
	rule   *Rule
	needs  []string
	says   []string
}

// exampleRows is the table of examples. The programs in them are compiled for machines whose numbers begin with the
// lowest byte.
var exampleRows = []exampleRow{
	{name: "devmaps", family: FamilyArray, rule: exampleDevmaps, needs: []string{ops.Devmap.Feature(), ops.XDP.Feature(), ops.FeatureLittleEndian}, says: []string{
		"outer_map array_of_maps key=4 value=4 max=2", "inner_map1 devmap key=4 value=4 max=10", "inner_map2 devmap key=4 value=4 max=10",
		"0=inner_map1 1=inner_map2",
		"update(0, inner_map2) ok", "delete(1) ok", "0=inner_map2 1=empty",
		"programs lookup ok, update EINVAL, delete EINVAL",
	}},
	{name: "template-fd", family: FamilyArray, rule: exampleCreate, needs: []string{ops.Devmap.Feature()}, says: []string{
		"example_array array_of_maps key=4 value=4 max=256", "0 of 256 used",
		"update(0, dev0) ok", "update(255, dev255) ok", "update(256, dev256) E2BIG", "0=dev0 1=empty 255=dev255", "2 of 256 used",
		"delete(0) ok", "0=empty 1=empty 255=dev255", "1 of 256 used",
	}},
	{name: "btf-inner", family: FamilyArray, rule: exampleDeclared, says: []string{
		"outer array_of_maps key=4 value=4 max=3", "0=empty 1=empty 2=empty",
		"update(1, as_declared) ok", "update(1, longer_values) EINVAL", "update(1, fewer_entries) EINVAL", "update(1, another_type) EINVAL",
		"0=empty 1=as_declared 2=empty",
	}},
	{name: "hash-outer", family: FamilyHash, rule: exampleHash, needs: []string{ops.XDP.Feature(), ops.FeatureLittleEndian}, says: []string{
		"by_number hash_of_maps key=4 value=4 max=3", "0=inner_a 1=empty 7=inner_b",
		"update(1, inner_b) ok", "update(2, inner_a) E2BIG", "delete(0) ok", "update(2, inner_a) ok", "0=empty 1=inner_b 2=inner_a 7=inner_b", "keys [1 2 7]",
		"programs lookup ok, update EINVAL, delete EINVAL",
		"by_flow hash_of_maps key=16 value=4 max=4 flags=NO_PREALLOC", "update(flow4, inner_a) ok", "flow4=inner_a flow5=empty",
	}},
	{name: "prog-lookup", family: FamilyArray, rule: exampleLookup, needs: []string{ops.XDP.Feature(), ops.FeatureRun, ops.FeatureLittleEndian}, says: []string{
		"lookup_in_array [0][1]=100 [2][1]=200 [0][9]=no entry [1][1]=no map [3][1]=no map",
		"update(0, inner_b) ok", "delete(2) ok", "lookup_in_array [0][1]=200 [2][1]=no map",
		"lookup_in_hash [0][1]=100 [2][1]=200 [0][9]=no entry [1][1]=no map [3][1]=no map",
		"update(0, inner_b) ok", "delete(2) ok", "lookup_in_hash [0][1]=200 [2][1]=no map",
		"programs unchecked_in_array EACCES, unchecked_in_hash EACCES",
	}},
	{name: "sharded-ringbuf", family: FamilyArray, rule: exampleRingbuf, needs: []string{ops.Ringbuf.Feature(), ops.XDP.Feature(), ops.FeatureRun, ops.FeatureLittleEndian, ops.FeatureUnaligned}, says: []string{
		"shards array_of_maps key=4 value=4 max=3", "shard_a ringbuf key=0 value=0 max=4096", "shard_b ringbuf key=0 value=0 max=4096",
		"0=shard_a 1=shard_b 2=empty",
		"output [0][70]=ok [1][71]=ok [1][72]=ok [2][73]=no map", "shard_a holds 70", "shard_b holds 71 72",
	}},
}

func init() {
	for i := range exampleRows {
		exampleRows[i].rule.with(exampleRows[i].needs...)
	}
}

// Examples answers what each example must say, by name.
func Examples() map[string]string {
	all := map[string]string{}
	for _, r := range exampleRows {
		all[string(r.name)] = r.line()
	}
	return all
}

func (r *exampleRow) line() string { return strings.Join(r.says, "; ") }

// example predicts what a loader sees of one of the examples.
func (s *State) example(o ops.Load) []Outcome {
	for i := range exampleRows {
		if r := &exampleRows[i]; r.name == o.Example && s.Kernel.missing(r.needs) == "" {
			return reads(r.line(), on(r.family, r.rule)...)
		}
	}
	return anything(nil)
}

// exampleMoves load the examples.
func exampleMoves() (all []move) {
	for i := range exampleRows {
		r := &exampleRows[i]
		all = append(all, move{"load-" + string(r.name), 0, func(d *draft) bool {
			return d.state.Kernel.missing(r.needs) == "" && d.add(ops.Load{Example: r.name})
		}})
	}
	return all
}
