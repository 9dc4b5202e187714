package vmtest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/u-root/u-root/pkg/cpio"
)

// registryVariable names the environment variable with the host of the registry of images that name none.
const registryVariable = "MIMIC_OCI"

// What a kernel's image has, and where: what cilium/ci-kernels has and vimto boots.
const (
	imageKernel  = "boot/vmlinuz"
	imageConfig  = "boot/config"
	imageModules = "lib/modules/"
)

// fromImage gets the kernel in an OCI image. What a tag stands for is asked each time; an image that is
// in the cache is not downloaded again, and one that is named by its digest is not asked for.
func (s *Source) fromImage(ctx context.Context, row Line, image string) (Kernel, error) {
	ref, err := s.reference(image)
	if err != nil {
		return Kernel{}, &UnavailableError{Line: row, Tried: []string{"image " + image + ": " + err.Error()}, Err: err,
			Next: fmt.Sprintf("set %s to the host of a registry that has it, or give %sREGISTRY/%s, or a kernel image of your own", registryVariable, ociPrefix, image)}
	}
	if digest, ok := ref.(name.Digest); ok {
		k, err := s.store().load(imageID(row, strings.TrimPrefix(digest.DigestStr(), "sha256:")))
		if err == nil {
			return k, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			s.Progress(err.Error())
		}
	}
	k, err := s.pull(ctx, row, image, ref)
	if err != nil {
		return Kernel{}, &UnavailableError{Line: row, Tried: []string{"image " + ref.Name() + ": " + err.Error()}, Err: err,
			Next: "check the network, " + registryVariable + " and the tag, or give a kernel image of your own"}
	}
	return k, nil
}

// reference adds the registry to the name of an image that has none.
func (s *Source) reference(image string) (name.Reference, error) {
	first, _, several := strings.Cut(image, "/")
	if several && (strings.ContainsAny(first, ".:") || first == "localhost") {
		return name.ParseReference(image)
	}
	if s.Registry == "" {
		return nil, errors.New("it names no registry, and " + registryVariable + " is not set")
	}
	host, insecure := strings.CutPrefix(s.Registry, "http://")
	host = strings.TrimSuffix(strings.TrimPrefix(host, "https://"), "/")
	options := []name.Option{}
	if insecure {
		options = append(options, name.Insecure)
	}
	return name.ParseReference(host+"/"+image, options...)
}

// imageID names the kernel of an image in the cache.
func imageID(row Line, digest string) string { return "oci-" + digest + "-" + archOf(row.Arch).name }

// pull asks what an image is, and downloads its layers.
func (s *Source) pull(ctx context.Context, row Line, image string, ref name.Reference) (Kernel, error) {
	platform := v1.Platform{OS: "linux", Architecture: archOf(row.Arch).name}
	keys := remote.WithAuthFromKeychain(authn.DefaultKeychain)
	found, err := remote.Get(ref, remote.WithContext(ctx), keys, remote.WithPlatform(platform))
	if err != nil {
		return Kernel{}, err
	}
	sum := found.Digest.Hex
	return s.once(ctx, imageID(row, sum), func(part string) (Kernel, error) {
		img, err := found.Image()
		if err != nil {
			return Kernel{}, err
		}
		manifest, err := img.Manifest()
		if err != nil {
			return Kernel{}, err
		}
		if err := s.unpackLayers(ctx, ref, manifest.Layers, part); err != nil {
			return Kernel{}, err
		}
		k := Kernel{Name: row.Name(), SHA256: sum, Arch: row.Arch, Package: ociPrefix + image + " sha256:" + sum}
		if modules := filepath.Join(part, "modules"); exists(modules) {
			k.Modules = modules
		}
		return describe(part, k)
	})
}

// unpackLayers downloads the layers of an image and puts the files of interest in them into dir.
func (s *Source) unpackLayers(ctx context.Context, ref name.Reference, layers []v1.Descriptor, dir string) error {
	repository := ref.Context()
	auth, err := authn.Resolve(ctx, authn.DefaultKeychain, repository)
	if err != nil {
		return err
	}
	trip, err := transport.NewWithContext(ctx, repository.Registry, auth, http.DefaultTransport, []string{repository.Scope(transport.PullScope)})
	if err != nil {
		return err
	}
	u := unpacker{dir: dir}
	defer u.close()
	for n, layer := range layers {
		d := download{
			what: fmt.Sprintf("layer %d of %d of %s", n+1, len(layers), ref),
			url:  fmt.Sprintf("%s://%s/v2/%s/blobs/%s", repository.Scheme(), repository.RegistryStr(), repository.RepositoryStr(), layer.Digest),
			sum:  layer.Digest.Hex, size: layer.Size, client: &http.Client{Transport: trip},
		}
		if err := s.acquire(ctx, d, u.layer); err != nil {
			return err
		}
	}
	if !u.image {
		return fmt.Errorf("the image has no %s", imageKernel)
	}
	return u.close()
}

// unpacker takes the files of interest out of layers; a later one replaces what an earlier one has.
type unpacker struct {
	dir     string
	image   bool
	modules *moduleArchive // nil as long as there are none
}

// layer unpacks one.
func (u *unpacker) layer(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	plain, _, err := unwrap(file, data)
	if err != nil {
		return err
	}
	archive := tar.NewReader(bytes.NewReader(plain))
	for {
		h, err := archive.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("unpack the layer: %w", err)
		}
		if err := u.file(h, archive); err != nil {
			return fmt.Errorf("unpack %s: %w", h.Name, err)
		}
	}
}

// file takes one file, if it is of interest.
func (u *unpacker) file(h *tar.Header, r io.Reader) error {
	// Where /lib is a link to /usr/lib, modules are below that.
	at := strings.TrimPrefix(path.Clean("/" + h.Name)[1:], "usr/")
	switch {
	case at == imageKernel && h.Typeflag == tar.TypeReg:
		u.image = true
		return save(filepath.Join(u.dir, "vmlinuz"), r)
	case at == imageConfig && h.Typeflag == tar.TypeReg:
		return save(filepath.Join(u.dir, "config"), r)
	case strings.HasPrefix(at, imageModules) && (h.Typeflag == tar.TypeReg || h.Typeflag == tar.TypeSymlink):
		if u.modules == nil {
			var err error
			if u.modules, err = newModuleArchive(filepath.Join(u.dir, "modules")); err != nil {
				return err
			}
		}
		return u.modules.add(at, h, r)
	}
	return nil
}

// close ends the archive of modules.
func (u *unpacker) close() error {
	m := u.modules
	u.modules = nil
	if m == nil {
		return nil
	}
	return errors.Join(cpio.WriteTrailer(m.w), m.file.Close())
}

// moduleArchive is a cpio archive that a kernel unpacks after the other ones it is started with.
type moduleArchive struct {
	file *os.File
	w    cpio.RecordWriter
	has  map[string]bool
}

func newModuleArchive(path string) (*moduleArchive, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &moduleArchive{f, cpio.Newc.Writer(f), map[string]bool{}}, nil
}

// add writes a file, and the folders that it is in if they are not there yet.
func (m *moduleArchive) add(at string, h *tar.Header, r io.Reader) error {
	for i, c := range at {
		if dir := at[:i]; c == '/' && !m.has[dir] {
			m.has[dir] = true
			if err := m.write(cpio.Directory(dir, 0o755)); err != nil {
				return err
			}
		}
	}
	if h.Typeflag == tar.TypeSymlink {
		return m.write(cpio.Symlink(at, h.Linkname))
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return m.write(cpio.StaticFile(at, string(data), 0o644))
}

// write numbers a record: equal inode numbers would be hard links.
func (m *moduleArchive) write(r cpio.Record) error {
	m.has[r.Name] = true
	r.Ino = uint64(len(m.has))
	return m.w.WriteRecord(r)
}
