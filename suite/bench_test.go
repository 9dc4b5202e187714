package suite

import (
	"testing"
)

// BenchmarkExamineHonest is the cost of the host's side: planning and judging.
func BenchmarkExamineHonest(b *testing.B) {
	for b.Loop() {
		out, err := examineFake(honest(), 1, DefaultSequences)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(out.Operations), "ns/op-judged")
	}
}
