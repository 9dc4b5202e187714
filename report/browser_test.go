package report

import (
	"bytes"
	"context"
	"fmt"
	"image/color"
	"image/png"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// browser is a tab of a real one, and what it complained of.
type browser struct {
	ctx context.Context

	mu       sync.Mutex
	complain []string // of the console, and each address it asked for
}

// start starts a browser that ends with the test.
func start(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(findChromium(t)), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()))
	ctx, end := context.WithTimeout(context.Background(), 5*time.Minute) // t.Context ends before the browser can
	t.Cleanup(end)
	ctx, end = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(end)
	ctx, end = chromedp.NewContext(ctx)
	t.Cleanup(end)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Errorf("end the browser: %v", err)
		}
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	return ctx
}

// open shows a page in a tab of this width.
func open(t *testing.T, parent context.Context, html []byte, width int64) *browser {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(path, html, 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, end := chromedp.NewContext(parent)
	t.Cleanup(end)
	b := &browser{ctx: ctx}
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	call(t, b, network.Enable, network.EnableParams{})
	call(t, b, log.Enable, cdp.Empty{})
	call(t, b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 800, DeviceScaleFactor: 1, Mobile: width < 500})
	b.do(t, chromedp.Navigate((&url.URL{Scheme: "file", Path: path}).String()))
	return b
}

// findChromium skips a test where there is none, unless MIMIC_BROWSER=1.
func findChromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("MIMIC_BROWSER") == "1" {
		t.Fatal("no chromium: apt-get install chromium")
	}
	t.Skip("no chromium; MIMIC_BROWSER=1 makes this a failure")
	return ""
}

func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		b.complain = append(b.complain, fmt.Sprintf("console: %s %s", e.Type, e.Args[0].Value))
	case *runtime.EventExceptionThrown:
		b.complain = append(b.complain, "exception: "+e.ExceptionDetails.Exception.Description)
	case *log.EventEntryAdded:
		b.complain = append(b.complain, "log: "+e.Entry.Text)
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; !strings.HasPrefix(u, "file:") && !strings.HasPrefix(u, "data:") && u != "about:srcdoc" {
			b.complain = append(b.complain, "asked for "+u)
		}
	}
}

func (b *browser) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.complain
}

func (b *browser) do(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

func call[P, R any](t *testing.T, b *browser, command cdp.Command[P, R], params P) R {
	t.Helper()
	answer, err := chromedp.Call(b.ctx, command, params)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// eval is the value of an expression.
func eval[T any](t *testing.T, b *browser, expression string) T {
	t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func (b *browser) press(t *testing.T, keys ...string) {
	t.Helper()
	for _, key := range keys {
		b.do(t, chromedp.KeyEvent(key))
	}
}

// keep keeps a picture for people if MIMIC_SCREENSHOTS names a folder.
func (b *browser) keep(t *testing.T, name string) {
	dir := os.Getenv("MIMIC_SCREENSHOTS")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644); err != nil {
		t.Error(err)
	}
}

// TestPage looks at the page in a real browser.
func TestPage(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser is slow")
	}
	ctx := start(t)
	for name, test := range map[string]func(*testing.T, context.Context){
		"by keyboard": pageByKeyboard, "on a phone": pageOnAPhone, "in print": pageInPrint, "in light and dark": pageInLightAndDark, "safe": pageIsSafe, "timeline": pageShowsATimeline,
		"the tests listen": theTestsListen,
	} {
		t.Run(name, func(t *testing.T) { test(t, ctx) })
	}
}

const visibleRows = `Array.from(document.querySelectorAll(".matrix tbody tr")).filter(r => !r.hidden).length`

// pageByKeyboard uses nothing but keys.
func pageByKeyboard(t *testing.T, ctx context.Context) {
	r := everything(t)
	b := open(t, ctx, written(t, "html", r), 1200)
	all := eval[int](t, b, visibleRows)
	b.press(t, "/", "p28")
	if got := eval[int](t, b, visibleRows); got != 2 || all < 100 {
		t.Errorf("%d rows of %d after / p28", got, all)
	}
	if got := eval[string](t, b, `document.getElementById("count").textContent`); got != fmt.Sprintf("2 of %d claims, 1 of 2 findings", all) {
		t.Errorf("it says %q", got)
	}
	b.keep(t, "filtered")
	b.press(t, kb.Escape)
	if got := eval[int](t, b, visibleRows); got != all {
		t.Errorf("%d rows of %d after Escape", got, all)
	}
	b.press(t, kb.Tab, "VIOLATED")
	if got := eval[int](t, b, visibleRows); got != r.Kernels[1].Count(Violated) {
		t.Errorf("%d rows show violations", got)
	}
	b.press(t, kb.Tab, kb.Tab)
	if got := eval[string](t, b, `document.activeElement.closest("table").className`); got != "matrix" {
		t.Errorf("two tabs later the focus is in %q", got)
	}
	if got := eval[string](t, b, `getComputedStyle(document.activeElement).outlineStyle`); got != "solid" {
		t.Errorf("the focus is drawn %q", got)
	}
	key := r.Kernels[1].Rows[0].Key
	eval[chromedp.Void](t, b, `document.querySelector('a[href="#k1-`+key.Claim+"-"+string(key.Family)+`"]').focus()`)
	b.press(t, kb.Enter)
	if !eval[bool](t, b, `document.querySelector(":target").checkVisibility()`) {
		t.Error("a cell leads to what is closed")
	}
	for _, c := range b.complaints() {
		t.Error(c)
	}
}

// pageOnAPhone is about a window of 360 points.
func pageOnAPhone(t *testing.T, ctx context.Context) {
	b := open(t, ctx, written(t, "html", everything(t)), 360)
	eval[chromedp.Void](t, b, `document.querySelectorAll("details").forEach(d => { d.open = true; })`)
	if got := eval[int](t, b, `document.documentElement.scrollWidth`); got > 360 {
		t.Errorf("the page is %d wide: %s", got, eval[string](t, b, tooWide))
	}
	if got := eval[float64](t, b, `document.querySelector(".matrix tbody td").getBoundingClientRect().right`); got > 360 {
		t.Errorf("the first kernel's verdicts end at %v", got)
	}
	b.keep(t, "phone")
	for _, c := range b.complaints() {
		t.Error(c)
	}
}

// tooWide names what sticks out and nothing scrolls.
const tooWide = `Array.from(document.querySelectorAll("body *")).filter(e => e.getBoundingClientRect().right > 360 && !e.closest(".scroll"))
	.map(e => e.tagName + "." + e.className).slice(0, 5).join(" ")`

// pageInPrint prints, and looks at what is shown then.
func pageInPrint(t *testing.T, ctx context.Context) {
	b := open(t, ctx, written(t, "html", everything(t)), 800)
	call(t, b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	b.keep(t, "print")
	yes := true
	pdf := call(t, b, cdppage.PrintToPDF, cdppage.PrintToPDFParams{PreferCSSPageSize: &yes}).Data
	if !strings.HasPrefix(string(pdf), "%PDF") || len(pdf) < 20000 {
		t.Errorf("%d bytes of PDF", len(pdf))
	}
	if dir := os.Getenv("MIMIC_SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, "page.pdf"), pdf, 0o644); err != nil {
			t.Error(err)
		}
	}
	if got := eval[string](t, b, `getComputedStyle(document.getElementById("filter")).display`); got != "none" {
		t.Errorf("the filter is printed: %s", got)
	}
	if got := eval[string](t, b, `getComputedStyle(document.querySelector(".scroll")).overflowX`); got != "visible" {
		t.Errorf("what does not fit scrolls on paper: %s", got)
	}
	shown := `(document.querySelector(".finding .next").checkVisibility({contentVisibilityAuto: true}) && document.querySelector("details:not([open]) dl").getBoundingClientRect().height > 0)`
	if !eval[bool](t, b, shown) {
		t.Error("what is closed is not printed")
	}
}

// pageIsSafe shows that text stays text.
func pageIsSafe(t *testing.T, ctx context.Context) {
	b := open(t, ctx, written(t, "html", everything(t)), 1200)
	if got := eval[int](t, b, `document.querySelectorAll("body script").length`); got != 1 {
		t.Errorf("%d scripts in the page, want its own", got)
	}
	if !eval[bool](t, b, `document.body.textContent.includes("]]> <script>alert(1)<"+"/script> & # hash")`) {
		t.Error("the text is not there")
	}
	if !eval[bool](t, b, `Array.from(document.querySelectorAll(".v")).every(v => v.textContent.trim() !== "")`) {
		t.Error("there is a verdict that only a colour tells")
	}
	for _, c := range b.complaints() {
		t.Error(c)
	}
}

// theTestsListen breaks the page: it must be noticed.
func theTestsListen(t *testing.T, ctx context.Context) {
	html := string(written(t, "html", everything(t)))
	html = strings.Replace(html, "filter();\nreveal();", `fetch("http://192.0.2.1/x").catch(() => {}); console.log("hello"); nothing();`, 1)
	html = strings.Replace(html, `<div class="scroll"`, `<div style="width:900px">x</div><div class="scroll"`, 1)
	b := open(t, ctx, []byte(html), 360)
	heard := strings.Join(b.complaints(), "\n")
	for _, want := range []string{"hello", "nothing is not defined", "Content Security Policy"} {
		if !strings.Contains(heard, want) {
			t.Errorf("nobody noticed %q:\n%s", want, heard)
		}
	}
	if eval[int](t, b, `document.documentElement.scrollWidth`) <= 360 {
		t.Error("what sticks out was not noticed")
	}
}

// pageShowsATimeline draws a race inside the page.
func pageShowsATimeline(t *testing.T, ctx context.Context) {
	k := racing(t)
	b := open(t, ctx, written(t, "html", &Run{Kernels: []*Kernel{k}}), 1200)
	eval[chromedp.Void](t, b, `document.querySelector("iframe").closest("details").open = true; document.querySelector("iframe").scrollIntoView()`)
	got := 0
	for end := time.Now().Add(time.Minute); got < 5 && time.Now().Before(end); {
		got = colours(t, b, "iframe") // as soon as the frame has loaded
	}
	if got < 5 {
		t.Errorf("the frame shows %d colours: nothing is drawn", got)
	}
	drawn := open(t, ctx, []byte(eval[string](t, b, `document.querySelector("iframe").srcdoc`)), 1200)
	if got := eval[int](t, drawn, `document.querySelectorAll("svg rect").length`); got < 4 {
		t.Errorf("%d operations are drawn, want 4", got)
	}
	b.keep(t, "timeline")
	for _, c := range b.complaints() {
		t.Error(c)
	}
}

// colours is how many colours there are where an element is.
func colours(t *testing.T, b *browser, selector string) int {
	t.Helper()
	box := eval[[]float64](t, b, `(r => [r.x + scrollX, r.y + scrollY, r.width, r.height])(document.querySelector("`+selector+`").getBoundingClientRect())`)
	clip := cdppage.Viewport{X: box[0], Y: box[1], Width: box[2], Height: box[3], Scale: 1}
	picture, err := png.Decode(bytes.NewReader(call(t, b, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{Clip: &clip}).Data))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[color.Color]bool{}
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			seen[picture.At(x, y)] = true
		}
	}
	return len(seen)
}

// faint names the verdicts that stand out too little from their ground: WCAG wants 4.5.
const faint = `(() => {
	const light = c => c.match(/[0-9.]+/g).slice(0, 3).map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const ratio = e => { const s = getComputedStyle(e), [a, b] = [light(s.color), light(s.backgroundColor)].sort((a, b) => b - a); return (a + 0.05) / (b + 0.05); };
	return Array.from(document.querySelectorAll(".legend .v, .seq .wrong td, .matrix tbody th")).filter(e => ratio(e) < 4.5).map(e => e.className + " " + ratio(e)).join(", ");
})()`

func pageInLightAndDark(t *testing.T, ctx context.Context) {
	b := open(t, ctx, written(t, "html", everything(t)), 1200)
	for _, scheme := range []string{"light", "dark"} {
		features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
		call(t, b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
		if got := eval[string](t, b, faint); got != "" {
			t.Errorf("in %s, hard to read: %s", scheme, got)
		}
		b.keep(t, scheme)
	}
	eval[chromedp.Void](t, b, `document.documentElement.style.setProperty("--known-ink", "#806020")`)
	if got := eval[string](t, b, faint); !strings.Contains(got, "known") {
		t.Errorf("what is hard to read is not noticed: %q", got)
	}
}
