package main

import (
	"fmt"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"

	"mimic/ops"
	"mimic/suite"
)

// series is processor time against how much there is to do.
type series struct {
	of     string
	points plotter.XYs
}

// cost is the processor time of something that is done.
func cost(do func() error) (time.Duration, error) {
	before := usage()
	err := do()
	after := usage()
	return after.self + after.guests - before.self - before.guests, err
}

// run is the suite on some of the kernels.
func (m *measurement) run(list string, sequences int) func() error {
	return func() error {
		kernels, err := specs(list, false)
		if err != nil {
			return err
		}
		suite.Run(m.ctx, suite.Config{Kernels: kernels, Seed: 1, Sequences: sequences})
		return m.ctx.Err()
	}
}

// replay is one sequence, so often.
func (m *measurement) replay(text string, times int) func() error {
	return func() error {
		kernels, err := specs(m.one, false)
		if err != nil {
			return err
		}
		seq, err := ops.Parse(text)
		if err != nil {
			return err
		}
		all := make([]ops.Sequence, times)
		for i := range all {
			all[i] = seq
		}
		suite.ReplayEach(m.ctx, suite.Config{}, kernels[0], all, 1)
		return m.ctx.Err()
	}
}

const maps = "i0 = map(hash, key=4, value=8, max=16)\no0 = outer(array, max=4, template=i0)\n"

// long has so many operations that wait for nothing.
func long(operations int) string {
	return maps + strings.Repeat("i0.update(1, 2)\no0.lookup(1)\n", operations/2) + "end()\n"
}

// racing has so many threads.
func racing(threads int) string {
	return maps + "o0.update(1, i0)\n" + strings.Repeat("thread(times=1000)\no0.lookup(1)\n", threads) + "join()\nend()\n"
}

// growth measures what grows with what.
func (m *measurement) growth() error {
	base := strings.Split("6.1,6.12,6.18,7.3", ",")
	all := []series{{of: "kernels"}, {of: "sequences of a row"}, {of: "operations of a sequence, hundreds"}, {of: "threads of a race"}}
	header("What a piece more costs, in processor time, by how many there are\n\n| of | number | seconds | of one piece, by that of the first |\n| --- | --- | --- | --- |")
	for i, s := range []struct {
		counts []int
		scale  float64
		do     func(n int) func() error
	}{
		{[]int{1, 2, 3, 4}, 1, func(n int) func() error { return m.run(strings.Join(base[:n], ","), 4) }},
		{[]int{5, 10, 20, 40}, 1, func(n int) func() error { return m.run(m.one, n) }},
		{[]int{100, 200, 400, 800, 1600}, 100, func(n int) func() error { return m.replay(long(n), 100) }},
		{[]int{1, 2, 4, 8, 16}, 1, func(n int) func() error { return m.replay(racing(n), 20) }},
	} {
		first := 0.0
		for _, n := range s.counts {
			took, err := cost(s.do(n))
			if err != nil {
				return err
			}
			piece := took.Seconds() / float64(n)
			if first == 0 {
				first = piece
			}
			all[i].points = append(all[i].points, plotter.XY{X: float64(n) / s.scale, Y: took.Seconds()})
			fmt.Printf("| %s | %d | %.1f | %.2f |\n", all[i].of, n, took.Seconds(), piece/first)
		}
	}
	if m.plot == "" {
		return nil
	}
	return draw(all, m.plot)
}

// draw draws each series with its last point at 1, 1: what is linear is on the diagonal.
func draw(all []series, path string) error {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = "how many, by the most", "processor time, by that of the most"
	p.Legend.Top, p.Legend.Left = true, true
	var lines []any
	for _, s := range all {
		last := s.points[len(s.points)-1]
		var scaled plotter.XYs
		for _, xy := range s.points {
			scaled = append(scaled, plotter.XY{X: xy.X / last.X, Y: xy.Y / last.Y})
		}
		lines = append(lines, s.of, scaled)
	}
	if err := plotutil.AddLinePoints(p, lines...); err != nil {
		return err
	}
	return p.Save(16*vg.Centimeter, 11*vg.Centimeter, path)
}
