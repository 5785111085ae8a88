package server

import (
	"cmp"
	"context"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/runner/archive"
)

// nodeDir is where `understudy admin node install` puts Node.js for the bundled runners.
func nodeDir(runnerDir string) string { return filepath.Join(runnerDir, "node") }

const (
	nodeRegistry = "https://registry.npmjs.org"
	nodeMetadata = 64 << 20  // bytes of what a registry says of a package
	nodePackage  = 512 << 20 // bytes of a package
	nodeTime     = 15 * time.Minute
)

// A NodeInstall is a Node.js to be installed.
type NodeInstall struct {
	To       string // directory; a version is in To/node24
	Version  string // "24", or "24.1.0"
	Registry string // of npm packages; empty for npm's own
}

// NodeDir is where bundled runners look for Node.js; runnerDir is what serve was given as
// --runner-dir, empty for the default.
func NodeDir(data, runnerDir string) string {
	return nodeDir(cmp.Or(runnerDir, filepath.Clean(data)+"-runners"))
}

// packument is what a registry says of a package, as far as it matters here.
type packument struct {
	Versions map[string]struct {
		Deprecated any `json:"deprecated"`
		Dist       struct {
			Tarball   string `json:"tarball"`
			Integrity string `json:"integrity"`
		} `json:"dist"`
	} `json:"versions"`
}

// InstallNode installs Node.js from the npm package that has its program for this machine,
// and returns its version. The package is what the registry says by its SHA-512, or is not
// taken; nothing of it runs but the program itself, which must say its version.
func InstallNode(ctx context.Context, in NodeInstall) (version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, nodeTime)
	defer cancel()
	name, err := nodePackageName(runtime.GOOS, runtime.GOARCH)
	if err != nil {
		return "", err
	}
	base := strings.TrimRight(cmp.Or(in.Registry, nodeRegistry), "/")
	var doc packument
	if err := getJSON(ctx, base+"/"+name, &doc); err != nil {
		return "", fmt.Errorf("package %s: %w", name, err)
	}
	if version, err = newest(&doc, in.Version); err != nil {
		return "", fmt.Errorf("package %s: %w", name, err)
	}
	dist := doc.Versions[version].Dist
	major, _, _ := strings.Cut(version, ".")
	if err := makeReadable(in.To); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(in.To, ".new-*")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	file := filepath.Join(tmp, "package.tgz")
	if err := download(ctx, dist.Tarball, dist.Integrity, file); err != nil {
		return "", fmt.Errorf("%s: %w", dist.Tarball, err)
	}
	root := filepath.Join(tmp, "node")
	if err := unpackNode(file, root); err != nil {
		return "", fmt.Errorf("package %s@%s: %w", name, version, err)
	}
	if err := tryNode(ctx, filepath.Join(root, "bin", "node"), version); err != nil {
		return "", fmt.Errorf("package %s@%s: %w", name, version, err)
	}
	to := filepath.Join(in.To, "node"+major)
	if err := os.Rename(to, filepath.Join(tmp, "old")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	return version, os.Rename(root, to)
}

// nodePackageName is the npm package that has the program for a system.
func nodePackageName(system, machine string) (string, error) {
	systems := map[string]string{"linux": "linux", "darwin": "darwin", "windows": "win"}
	machines := map[string]string{"amd64": "x64", "arm64": "arm64", "386": "x86", "ppc64le": "ppc64le", "s390x": "s390x", "arm": "armv7l"}
	if systems[system] == "" || machines[machine] == "" {
		return "", actions.Errorf(actions.Invalid, "npm has no package of Node.js for %s on %s: install it, and name its directory by --node", system, machine)
	}
	return "node-" + systems[system] + "-" + machines[machine], nil
}

// newest is the highest version that a wanted one is, or begins.
func newest(doc *packument, wanted string) (string, error) {
	best, found := [3]int{}, ""
	for v, about := range doc.Versions {
		n, ok := numbers(v)
		if !ok || v != wanted && !strings.HasPrefix(v, wanted+".") || about.Deprecated != nil && v != wanted {
			continue
		}
		if found == "" || n[0] > best[0] || n[0] == best[0] && (n[1] > best[1] || n[1] == best[1] && n[2] > best[2]) {
			best, found = n, v
		}
	}
	if found == "" {
		return "", actions.Errorf(actions.NotFound, "there is no version %.50q", wanted)
	}
	return found, nil
}

// numbers are those of a version, which is no preview.
func numbers(v string) (n [3]int, ok bool) {
	parts := strings.Split(v, ".")
	if len(parts) != len(n) {
		return n, false
	}
	for i, p := range parts {
		var err error
		if n[i], err = strconv.Atoi(p); err != nil || n[i] < 0 {
			return n, false
		}
	}
	return n, true
}

// fetch sends a GET for a URL, which leads to http or https only.
func fetch(ctx context.Context, at, accept string) (*http.Response, error) {
	u, err := url.Parse(at)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return nil, actions.Errorf(actions.Invalid, "%.200q is no http or https URL", at)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, errors.Join(actions.Errorf(actions.Unavailable, "the registry answers %s", res.Status), res.Body.Close())
	}
	return res, nil
}

func getJSON(ctx context.Context, at string, to any) error {
	res, err := fetch(ctx, at, "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(io.LimitReader(res.Body, nodeMetadata)).Decode(to); err != nil {
		return fmt.Errorf("the registry's answer cannot be read: %w", err)
	}
	return nil
}

// download writes a package to a file, if it is what its SHA-512 says.
func download(ctx context.Context, at, integrity, file string) error {
	var want []byte
	for one := range strings.FieldsSeq(integrity) {
		if text, ok := strings.CutPrefix(one, "sha512-"); ok {
			want, _ = base64.StdEncoding.DecodeString(text) // which then is too short
		}
	}
	if len(want) != sha512.Size {
		return actions.Errorf(actions.Invalid, "the registry names no SHA-512 of it")
	}
	res, err := fetch(ctx, at, "*/*")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	sum := sha512.New()
	n, err := io.Copy(io.MultiWriter(f, sum), io.LimitReader(res.Body, nodePackage+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if n > nodePackage {
		return actions.Errorf(actions.Invalid, "it is larger than %d MiB", nodePackage>>20)
	}
	if subtle.ConstantTimeCompare(sum.Sum(nil), want) != 1 {
		return actions.Errorf(actions.Invalid, "it is not what the registry says: its SHA-512 is another")
	}
	return nil
}

// unpackNode unpacks a package into a new directory.
func unpackNode(file, root string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := os.Mkdir(root, 0o755); err != nil {
		return err
	}
	if err := archive.Unpack(f, root); err != nil {
		return err
	}
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error { // jobs may have another user
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		more := fs.FileMode(0o444)
		if info.Mode()&0o100 != 0 {
			more |= 0o111
		}
		return os.Chmod(path, info.Mode().Perm()|more)
	})
}

// makeReadable makes a directory that others may read, whatever the umask says. One that
// is there stays as it is.
func makeReadable(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.Chmod(dir, 0o755)
}

// tryNode runs a program, which must say that it is that version.
func tryNode(ctx context.Context, program, version string) error {
	if err := os.Chmod(program, 0o755); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, "--version")
	cmd.Env = []string{}
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("its program does not run here: %w", err)
	}
	if got := strings.TrimSpace(string(out)); got != "v"+version {
		return actions.Errorf(actions.Invalid, "its program says that it is %.50q", got)
	}
	return nil
}
