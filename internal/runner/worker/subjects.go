package worker

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/wire"
)

// Limits of what steps declare in GITHUB_ARTIFACTS.
const (
	maxSubjectFile = 1 << 20 // bytes that one step writes
	maxSubjects    = 500     // of a job
	maxSubjectName = 1024    // bytes of a name
)

// A subject is something that a job has made, by name and digest: a file, or an image
// in a registry. Steps declare them in the file GITHUB_ARTIFACTS, and read those of
// earlier steps in GITHUB_ARTIFACTS_LIST.
type subject = wire.Subject

var (
	anyScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.\-]*://`)
	ociDigest = regexp.MustCompile(`^(.+)@(sha256|sha384|sha512):([0-9a-fA-F]+)$`)
)

// digestDigits is how many hexadecimal digits a digest has.
func digestDigits(algorithm string) int {
	return map[string]int{"sha256": 64, "sha384": 96, "sha512": 128}[algorithm]
}

// declares says whether the server wants steps to declare what they make.
func (r *running) declares() bool { return r.Message.Variable(wire.VarArtifactsFile) == "true" }

// sortedSubjects are those that steps have declared so far, by name.
func (r *running) sortedSubjects() []subject {
	return slices.SortedFunc(maps.Values(r.state.subjects), func(a, b subject) int { return cmp.Compare(a.Name, b.Name) })
}

// reportedSubjects are those that the server is told of, without secrets in their names.
func (r *running) reportedSubjects() []subject {
	list := r.sortedSubjects()
	for i := range list {
		list[i].Name = r.state.mask.Text(list[i].Name)
	}
	return list
}

// listSubjects writes what steps have declared so far.
func (x *execution) listSubjects(file string) error {
	if !x.job.declares() {
		return nil
	}
	list := struct {
		Version  int       `json:"version"`
		Subjects []subject `json:"subjects"`
	}{1, x.job.sortedSubjects()}
	if list.Subjects == nil {
		list.Subjects = []subject{}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(list); err != nil {
		return err
	}
	return os.WriteFile(file, bytes.TrimSuffix(text.Bytes(), []byte("\n")), 0o644)
}

// keepSubjects reads what the step declares. If a line is wrong, nothing of the file
// counts and the step fails.
func (x *execution) keepSubjects(path string) {
	info, err := os.Stat(path)
	if !x.job.declares() || err != nil || !info.Mode().IsRegular() { // as if there were none
		return
	}
	if info.Size() > maxSubjectFile {
		x.wrong("artifacts", problemf("$GITHUB_ARTIFACTS file exceeds the maximum size of %d KiB (got %d KiB).", maxSubjectFile>>10, info.Size()>>10))
		_ = os.Remove(path) // in the job's directory, which goes soon
		return
	}
	declared, err := x.parseSubjects(x.read("artifacts", path))
	if err == nil {
		err = x.addSubjects(declared)
	}
	if err != nil {
		x.wrong("artifacts", err)
	}
}

// A declared subject stands in a line of its file.
type declared struct {
	subject
	line int
}

func (d declared) wrong(format string, args ...any) error {
	return problemf("Invalid $GITHUB_ARTIFACTS entry on line %d: %s", d.line, fmt.Sprintf(format, args...))
}

func (x *execution) parseSubjects(text string) (list []declared, err error) {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(text, "\ufeff"))
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		d := declared{line: i + 1}
		if d.subject, err = x.subject(line); err != nil {
			return nil, d.wrong("%v", err)
		}
		list = append(list, d)
	}
	return list, nil
}

// addSubjects adds subjects to those of the job.
func (x *execution) addSubjects(list []declared) error {
	all, added := x.job.state.subjects, 0
	for _, d := range list {
		before, known := all[d.Name]
		switch {
		case known && before.Digest == d.Digest:
			continue
		case known:
			return d.wrong("Conflicting digest for artifact '%s': previously declared as '%s', now declared as '%s'.", d.Name, before.Digest, d.Digest)
		case len(all) >= maxSubjects:
			return d.wrong("The job has exceeded the maximum of %d declared artifacts.", maxSubjects)
		}
		all[d.Name] = d.subject
		added++
	}
	if added > 0 {
		x.record.print(fmt.Sprintf("Captured %d artifact subject(s) from this step (job total: %d).", added, len(all)))
	}
	return nil
}

// subject reads a line: the path of a file, or the reference of an image with its
// digest, each with or without file:// or oci:// before it.
func (x *execution) subject(line string) (subject, error) {
	if strings.Contains(line, "=") {
		return subject{}, problemf("entries containing '=' are reserved and not permitted")
	}
	scheme := strings.ToLower(anyScheme.FindString(line))
	rest := line[len(scheme):]
	image := ociDigest.FindStringSubmatch(rest)
	switch {
	case scheme == "file://" && strings.TrimSpace(rest) == "":
		return subject{}, problemf("file:// entries must include a path")
	case scheme == "file://":
		return x.fileSubject(rest)
	case scheme == "oci://" && image == nil:
		return subject{}, problemf("oci:// entries must include an @sha{256,384,512}:<hex> digest")
	case scheme == "oci://" && len(image[3]) != digestDigits(image[2]):
		return subject{}, problemf("digest '%s' must be %d hex characters, got %d", image[2], digestDigits(image[2]), len(image[3]))
	case scheme != "oci://" && scheme != "":
		return subject{}, problemf("unsupported URI scheme")
	case image == nil || len(image[3]) != digestDigits(image[2]):
		return x.fileSubject(rest)
	case len(image[1]) > maxSubjectName:
		return subject{}, problemf("the reference is longer than %d bytes", maxSubjectName)
	}
	return subject{Name: image[1], Digest: image[2] + ":" + strings.ToLower(image[3]), Kind: "oci"}, nil
}

// fileSubject is a file of the job, whose path begins in the workspace.
func (x *execution) fileSubject(shown string) (subject, error) {
	path := shown
	if !filepath.IsAbs(path) {
		path = filepath.Join(x.job.workspace, path)
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return subject{}, problemf("'%s' is a directory, not a regular file", shown)
	case err == nil && !info.Mode().IsRegular():
		return subject{}, problemf("'%s' is %s, not a regular file", shown, special(info.Mode()))
	case errors.Is(err, fs.ErrNotExist) && filepath.IsAbs(shown):
		return subject{}, problemf("file '%s' does not exist", shown)
	case errors.Is(err, fs.ErrNotExist):
		return subject{}, problemf("file '%s' does not exist (relative paths are resolved against the workspace root '%s')", shown, x.job.workspace)
	case err != nil:
		return subject{}, err
	}
	sum, err := sumOf(x.limit, path, make([]byte, 64<<10))
	return subject{Name: filepath.Base(path), Digest: "sha256:" + hex.EncodeToString(sum), Kind: "file"}, err
}

// sumOf is the SHA-256 of a regular file, which it reads by way of buf.
func sumOf(ctx context.Context, path string, buf []byte) ([]byte, error) {
	f, _, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sum := sha256.New()
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := f.Read(buf)
		_, _ = sum.Write(buf[:n]) // never fails
		switch {
		case err == io.EOF:
			return sum.Sum(nil), nil
		case err != nil:
			return nil, err
		}
	}
}
