package report

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func kcidbSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schema, err := c.Compile("testdata/kcidb.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func keeps(t *testing.T, schema *jsonschema.Schema, text []byte) error {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value)
}

func TestJSONKeepsToItsSchema(t *testing.T) {
	schema, text := kcidbSchema(t), written(t, "json", everything(t))
	if err := keeps(t, schema, text); err != nil {
		t.Error(err)
	}
	for from, to := range map[string]string{
		`"PASS"`: `"HOLDS"`, `"build_id"`: `"build"`, `"id": "mimic:`: `"id": "`, `"path": "mimic.`: `"path": "mimic/`,
		`T08:00:00`: `T25:00:00`, `"major": 5`: `"major": 4`, `"culprit"`: `"culprits"`, `"unit"`: `"units"`, `"log_excerpt": "P`: `"log_excerpt": "\u0000P`,
	} {
		wrong := bytes.ReplaceAll(text, []byte(from), []byte(to))
		if bytes.Equal(wrong, text) {
			t.Errorf("there is no %s to break", from)
		} else if keeps(t, schema, wrong) == nil {
			t.Errorf("with %s for %s it keeps to the schema too", to, from)
		}
	}
}

// TestJSON reads back what was written.
func TestJSON(t *testing.T) {
	r := everything(t)
	var all kcidb
	if err := json.Unmarshal(written(t, "json", r), &all); err != nil {
		t.Fatal(err)
	}
	want := map[Verdict]string{
		Undecided: "MISS", Holds: "PASS", Violated: "FAIL", Deviates: "FAIL", Defect: "PASS", NotClaimed: "SKIP", Inconclusive: "ERROR", Broken: "MISS",
	}
	ids, explained := map[string]kcidbTest{}, map[string]bool{}
	for _, one := range all.Tests {
		if _, twice := ids[one.ID]; twice {
			t.Errorf("two tests are %s", one.ID)
		}
		ids[one.ID] = one
	}
	for _, i := range all.Incidents {
		explained[i.TestID] = all.Issues[0].ID == i.IssueID
	}
	for _, row := range r.Kernels[1].Rows {
		one := ids[all.Builds[1].ID[:strings.LastIndex(all.Builds[1].ID, "-")]+"-mimic."+string(row.Key.Family)+"."+row.Key.Claim]
		if one.Status != want[row.Verdict] || one.Misc["verdict"] != row.Verdict.String() || one.BuildID != all.Builds[1].ID {
			t.Errorf("%s %s is %+v", row.Key, row.Verdict, one)
		}
		if explained[one.ID] != (row.Verdict == Deviates) {
			t.Errorf("%s %s has an issue that explains it: %v", row.Key, row.Verdict, explained[one.ID])
		}
		if row.Verdict == Violated && !row.Stale && (one.Misc["findings"] == nil || !strings.Contains(one.LogExcerpt, "want EINVAL")) {
			t.Errorf("%s does not tell what breaks it: %+v", row.Key, one)
		}
	}
	var endings []string
	for _, one := range all.Tests {
		if one.Path == "mimic" {
			endings = append(endings, one.Status)
		}
	}
	if want := []string{"PASS", "FAIL", "SKIP", "MISS", "MISS", "MISS", "MISS"}; !slices.Equal(endings, want) {
		t.Errorf("kernels are %v, want %v", endings, want)
	}
}

func TestExcerptIsCut(t *testing.T) {
	if got := excerpt(strings.Repeat("é", excerptMax+9)); len([]rune(got)) != excerptMax {
		t.Errorf("%d characters", len([]rune(got)))
	}
}
