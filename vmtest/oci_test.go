package vmtest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/u-root/u-root/pkg/cpio"
)

// testRegistry is a registry on this machine. What it answers for layers goes through spoil.
type testRegistry struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []string // of layers, and from where
	images int      // how often a manifest was asked for
	spoil  func(w http.ResponseWriter, r *http.Request, whole []byte) (done bool)
	layers map[string][]byte
}

func newTestRegistry(t *testing.T) *testRegistry {
	t.Helper()
	reg := &testRegistry{layers: map[string][]byte{}}
	real := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	reg.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !reg.answers(w, r) {
			real.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(reg.Close)
	return reg
}

func (reg *testRegistry) answers(w http.ResponseWriter, r *http.Request) bool {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/manifests/") {
		reg.images++
	}
	whole, isLayer := reg.layers[r.URL.Path[strings.LastIndexByte(r.URL.Path, ':')+1:]]
	if r.Method != http.MethodGet || !isLayer {
		return false
	}
	reg.asked = append(reg.asked, r.Header.Get("Range"))
	return reg.spoil != nil && reg.spoil(w, r, whole)
}

// host is what MIMIC_OCI would be.
func (reg *testRegistry) host() string { return strings.TrimPrefix(reg.URL, "http://") }

// push makes an image of files, one layer for each map.
func (reg *testRegistry) push(t *testing.T, image string, layers ...map[string][]byte) v1.Hash {
	t.Helper()
	img := v1.Image(empty.Image)
	for _, files := range layers {
		layer := static.NewLayer(tarOf(t, files), types.DockerUncompressedLayer)
		sum, err := layer.Digest()
		if err != nil {
			t.Fatal(err)
		}
		reg.layers[sum.Hex] = tarOf(t, files)
		if img, err = mutate.AppendLayers(img, layer); err != nil {
			t.Fatal(err)
		}
	}
	ref, err := name.ParseReference(reg.host() + "/" + image)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	sum, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func tarOf(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, path := range []string{"boot/vmlinuz", "lib/modules/6.6.9/extra/bpf_testmod.ko", "lib/modules/6.6.9/modules.dep", "etc/passwd"} {
		data, ok := files[path]
		if !ok {
			continue
		}
		if err := w.WriteHeader(&tar.Header{Name: path, Typeflag: tar.TypeReg, Size: int64(len(data)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// oddKernel is a bzImage with nothing in it; made different by n.
func oddKernel(n int) []byte {
	data := emptyBzImage(4000)
	copy(data[len(data)-8:], fmt.Sprintf("%08d", n))
	return data
}

var kernelFiles = map[string][]byte{"boot/vmlinuz": oddKernel(1), "etc/passwd": []byte("x")}

var moduleFiles = map[string][]byte{
	"lib/modules/6.6.9/extra/bpf_testmod.ko": bytes.Repeat([]byte("module "), 1000),
	"lib/modules/6.6.9/modules.dep":          []byte("extra/bpf_testmod.ko:\n"),
}

var ociRow = Line{Series: "6.6", Images: []string{"cilium/ci-kernels:6.6"}, Pos: Pos{"k", 3, 1}}

// ociSource is a Source with an empty cache and a registry that has one image.
func ociSource(t *testing.T) (*Source, *testRegistry, *[]string) {
	t.Helper()
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	reg := newTestRegistry(t)
	reg.push(t, "cilium/ci-kernels:6.6", kernelFiles, moduleFiles)
	said := new([]string)
	return &Source{CacheDir: t.TempDir(), Registry: reg.host(), Progress: func(text string) { *said = append(*said, text) }}, reg, said
}

func TestImage(t *testing.T) {
	s, reg, _ := ociSource(t)
	k, err := s.Fetch(context.Background(), ociRow)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(k.Image); err != nil || !bytes.Equal(got, kernelFiles["boot/vmlinuz"]) {
		t.Errorf("the kernel is another one: %d bytes, %v", len(got), err)
	}
	if k.Version != "7.3.0-rc2" || !strings.HasPrefix(k.Package, "oci:cilium/ci-kernels:6.6 sha256:"+k.SHA256) || k.Name != "6.6" {
		t.Errorf("Fetch = %+v", k)
	}
	wantModules(t, k.Modules)
	if again, err := s.Fetch(context.Background(), ociRow); err != nil || again != k || len(reg.asked) != 2 {
		t.Errorf("again it is %+v, %v, with %d downloads; want the same without any", again, err, len(reg.asked))
	}
}

// wantModules looks for what the image has in the archive for the guest.
func wantModules(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := cpio.ReadAllRecords(cpio.Newc.Reader(f))
	if err != nil {
		t.Fatal(err)
	}
	found, folder := 0, false
	for _, r := range records {
		folder = folder || r.Name == "lib/modules/6.6.9/extra"
		if want, ok := moduleFiles[r.Name]; ok {
			got := make([]byte, r.FileSize)
			if _, err := r.ReadAt(got, 0); err != nil && err != io.EOF || !bytes.Equal(got, want) {
				t.Errorf("%s is another one", r.Name)
			}
			found++
		}
	}
	if found != len(moduleFiles) || !folder {
		t.Errorf("the archive has %d of %d files: %v", found, len(moduleFiles), records)
	}
}

// broken answers a layer with one byte changed.
func broken(w http.ResponseWriter, _ *http.Request, whole []byte) bool {
	data := bytes.Clone(whole)
	data[len(data)/2]++
	_, _ = w.Write(data)
	return true
}

func TestImageWithABrokenLayer(t *testing.T) {
	s, reg, _ := ociSource(t)
	reg.spoil = broken
	_, err := s.Fetch(context.Background(), ociRow)
	var wrong *WrongHashError
	var missing *UnavailableError
	if !errors.As(err, &wrong) || !errors.As(err, &missing) || !strings.Contains(err.Error(), "k:3:1: kernel 6.6 is not available; image "+reg.host()) {
		t.Fatalf("Fetch = %v, want a *WrongHashError in an *UnavailableError", err)
	}
	if left, _ := filepath.Glob(filepath.Join(s.CacheDir, "p*", "*")); len(left) != 0 {
		t.Errorf("%q stayed", left)
	}
	reg.spoil = nil
	if _, err := s.Fetch(context.Background(), ociRow); err != nil {
		t.Errorf("from a registry that is whole again: %v", err)
	}
}

func TestImageByDigest(t *testing.T) {
	s, reg, _ := ociSource(t)
	sum := reg.push(t, "cilium/ci-kernels:other", map[string][]byte{"boot/vmlinuz": oddKernel(2)})
	row := Line{Images: []string{"cilium/ci-kernels@" + sum.String()}}
	k, err := s.Fetch(context.Background(), row)
	if err != nil || k.SHA256 != sum.Hex {
		t.Fatalf("Fetch = %+v, %v", k, err)
	}
	before := reg.images
	if _, err := s.Fetch(context.Background(), row); err != nil || reg.images != before {
		t.Errorf("a digest that is in the cache is asked for: %v, %d", err, reg.images-before)
	}
	row.Images[0] = "cilium/ci-kernels@sha256:" + strings.Repeat("0", 64)
	if _, err := s.Fetch(context.Background(), row); err == nil || !strings.Contains(err.Error(), "MANIFEST_UNKNOWN") {
		t.Errorf("Fetch of a digest that nobody has = %v", err)
	}
}

// A registry that answers another image than the one that was named by its digest is not believed.
func TestImageWithAWrongDigest(t *testing.T) {
	s, reg, _ := ociSource(t)
	honest := reg.Config.Handler
	reg.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if at := strings.Index(r.URL.Path, "/manifests/sha256:"); at >= 0 {
			r.URL.Path = r.URL.Path[:at] + "/manifests/6.6"
		}
		honest.ServeHTTP(w, r)
	})
	_, err := s.Fetch(context.Background(), Line{Images: []string{"cilium/ci-kernels@sha256:" + strings.Repeat("0", 64)}})
	if err == nil || !strings.Contains(err.Error(), "does not match requested digest") {
		t.Errorf("Fetch = %v, want that the digest is another one", err)
	}
}

// cut answers what was asked for up to a quarter more of the file, and then breaks the connection.
func cut(w http.ResponseWriter, r *http.Request, whole []byte) bool {
	from, to := 0, len(whole)-1
	w.Header().Set("Content-Length", fmt.Sprint(len(whole)))
	if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to); n > 0 {
		w.Header().Set("Content-Length", fmt.Sprint(to+1-from))
		w.WriteHeader(http.StatusPartialContent)
	}
	end := min(from+len(whole)/4, to+1)
	_, _ = w.Write(whole[from:end])
	if end <= to {
		panic(http.ErrAbortHandler)
	}
	return true
}

func TestInterruptedDownloadGoesOn(t *testing.T) {
	s, reg, _ := ociSource(t)
	reg.spoil = cut
	if _, err := s.Fetch(context.Background(), ociRow); err != nil {
		t.Fatal(err)
	}
	if len(reg.asked) < 8 || !strings.HasPrefix(reg.asked[1], "bytes=") {
		t.Errorf("asked was for %q, want several pieces of each layer", reg.asked)
	}
}

// What one try brought is not downloaded again by the next.
func TestNextTryGoesOn(t *testing.T) {
	s, reg, said := ociSource(t)
	times := 0
	reg.spoil = func(w http.ResponseWriter, r *http.Request, whole []byte) bool {
		if times++; times == 1 {
			return cut(w, r, whole)
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	_, err := s.Fetch(context.Background(), ociRow)
	if err == nil || !strings.Contains(err.Error(), "503 Service Unavailable") || !strings.Contains(err.Error(), " of 69,120 bytes") {
		t.Fatalf("Fetch = %v, want how far it was", err)
	}
	reg.spoil, reg.asked = nil, nil
	if _, err := s.Fetch(context.Background(), ociRow); err != nil {
		t.Fatal(err)
	}
	if reg.asked[0] != "bytes=17280-69119" || !strings.Contains(strings.Join(*said, "\n"), "resuming the download of layer 1 of 2") {
		t.Errorf("the second try asked for %q and said %q", reg.asked, *said)
	}
}

// A server without ranges starts again.
func TestServerWithoutRanges(t *testing.T) {
	s, reg, _ := ociSource(t)
	times := 0
	reg.spoil = func(w http.ResponseWriter, r *http.Request, whole []byte) bool {
		if times++; times == 1 {
			return cut(w, r, whole)
		}
		_, _ = w.Write(whole)
		return true
	}
	if _, err := s.Fetch(context.Background(), ociRow); err != nil {
		t.Error(err)
	}
}

func TestImageOffline(t *testing.T) {
	s, reg, said := ociSource(t)
	k, err := s.Fetch(context.Background(), ociRow)
	if err != nil {
		t.Fatal(err)
	}
	reg.Close()
	again, err := s.Fetch(context.Background(), ociRow)
	if err != nil || again != k || !strings.Contains((*said)[len(*said)-1], "using oci:cilium/ci-kernels:6.6 sha256:") {
		t.Errorf("offline Fetch = %+v, %v and says %q", again, err, *said)
	}
	other := ociRow
	other.Images = []string{"cilium/ci-kernels:6.5"}
	if k, err := s.Fetch(context.Background(), other); err == nil {
		t.Errorf("Fetch of what is not in the cache = %+v", k)
	}
}

func TestImageSaysWhatIsWrong(t *testing.T) {
	s, reg, _ := ociSource(t)
	reg.push(t, "a/empty:1", moduleFiles)
	reg.push(t, "a/text:1", map[string][]byte{"boot/vmlinuz": bytes.Repeat([]byte("text "), 1000)})
	for image, want := range map[string]string{
		"a/empty:1":                  "the image has no boot/vmlinuz",
		"a/text:1":                   "not a kernel",
		"cilium/ci-kernels:9.9":      "MANIFEST_UNKNOWN",
		"nobody/nothing:1":           "NAME_UNKNOWN",
		"127.0.0.1:1/a/b:1":          "connection refused; check the network, MIMIC_OCI and the tag",
		"cilium/ci-kernels:UPPER&!!": "could not parse reference",
	} {
		if _, err := s.Fetch(context.Background(), Line{Images: []string{image}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Fetch of %s = %v, want %q", image, err, want)
		}
	}
	s.Registry = ""
	_, err := s.Fetch(context.Background(), ociRow)
	if err == nil || !strings.Contains(err.Error(), "set MIMIC_OCI to the host of a registry") {
		t.Errorf("Fetch without a registry = %v", err)
	}
}
