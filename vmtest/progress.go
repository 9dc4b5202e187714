package vmtest

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
)

// sayEvery is how often a download that nobody watches on a terminal says how far it is.
const sayEvery = 10 * time.Second

// terminal is standard error if a person watches it, else nil.
func terminal() io.Writer {
	if info, err := os.Stderr.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return os.Stderr
}

// transfer is a download under way, for people: a bar with size and rate on a terminal, or lines.
type transfer struct {
	what        string
	size        int64
	had         int64 // what an earlier try left
	start, said time.Time
	tell        func(string)
	bar         *progressbar.ProgressBar // nil without a terminal
}

func (s *Source) transfer(what string, size, had int64) *transfer {
	now := time.Now()
	t := &transfer{what: what, size: size, had: had, start: now, said: now, tell: s.Progress}
	text := fmt.Sprintf("downloading %s, %s", what, amount(size))
	if had > 0 {
		text = fmt.Sprintf("resuming the download of %s at %s of %s", what, amount(had), amount(size))
	}
	s.Progress(text)
	if s.Terminal != nil {
		t.bar = progressbar.NewOptions64(size, progressbar.OptionSetWriter(s.Terminal), progressbar.OptionShowBytes(true),
			progressbar.OptionUseIECUnits(false), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth())
		_ = t.bar.Set64(had)
	}
	return t
}

// at says that so many bytes are there.
func (t *transfer) at(done int64) {
	if t.bar != nil {
		_ = t.bar.Set64(done) // fails if the terminal does
		return
	}
	if time.Since(t.said) >= sayEvery {
		t.said = time.Now()
		t.tell(fmt.Sprintf("%s: %s of %s, %s", t.what, amount(done), amount(t.size), t.rate(done)))
	}
}

// end is called when nothing more comes; done bytes are there.
func (t *transfer) end(done int64) {
	if t.bar != nil {
		_ = t.bar.Exit()
		_ = t.bar.Clear()
	}
	if done == t.size {
		t.tell(fmt.Sprintf("%s is there: %s in %.1fs, %s", t.what, amount(done-t.had), time.Since(t.start).Seconds(), t.rate(done)))
	}
}

// rate is how fast it went since it began.
func (t *transfer) rate(done int64) string {
	return amount(int64(float64(done-t.had)/max(time.Since(t.start).Seconds(), 0.001))) + "/s"
}

func amount(bytes int64) string { return humanize.Bytes(uint64(max(bytes, 0))) }
