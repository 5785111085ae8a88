package artifactcli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"os"
	"path/filepath"
	"strings"
)

// Options say what Save saves, and how.
type Options struct {
	Run     int64    // 0 for any
	IDs     []string // ids; a word that is none is a name
	Names   []string // and patterns; neither for all of Run
	Dir     string
	Keep    bool // archives as they are, and not their files
	Workers int  // pieces of an artifact at once
	Limits  Limits
}

// Save saves artifacts in a directory: each one's files in a directory of its
// name. One that fails does not keep it from the others.
func (c *Client) Save(ctx context.Context, t *Terminal, o Options) error {
	if o.Run == 0 && len(o.IDs) == 0 && len(o.Names) == 0 {
		return errors.New("say what to download: a NAME, an ID, or all of a run with --run ID (understudy artifact list shows them)")
	}
	found, expired, err := c.find(ctx, o.Run, o.IDs, o.Names)
	if err != nil {
		return interrupted(ctx, err)
	}
	for _, a := range expired {
		fmt.Fprintf(t.Notes, "%s is left out: it expired on %s\n", a, day(a.ExpiresAt))
	}
	if len(found) == 0 {
		return fmt.Errorf("run %d of %s has no artifact that can be downloaded", o.Run, c.repo)
	}
	if err := os.MkdirAll(o.Dir, 0o777); err != nil {
		return err
	}
	root, err := os.OpenRoot(o.Dir)
	if err != nil {
		return err
	}
	defer root.Close()
	s := &saver{c: c, t: t, o: o, root: root}
	if err := s.targets(found); err != nil {
		return err
	}
	var errs []error
	for _, a := range found {
		if ctx.Err() == nil {
			errs = append(errs, s.save(ctx, a))
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: the same command goes on where it was", errInterrupted)
	}
	return errors.Join(errs...)
}

// interrupted is err, or errInterrupted if the user has ended the command.
func interrupted(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

var errInterrupted = errors.New("interrupted")

// A saver saves artifacts in one directory.
type saver struct {
	c    *Client
	t    *Terminal
	o    Options
	root *os.Root
}

// targets says whether each artifact gets a file name that no other has and that
// does not exist yet.
func (s *saver) targets(found []*Artifact) error {
	taken := make(map[string]*Artifact)
	for _, a := range found {
		names := []string{localName(a)}
		if s.o.Keep {
			names = append(names, zipName(a))
		}
		for _, name := range names {
			if other := taken[strings.ToLower(name)]; other != nil && other != a {
				return fmt.Errorf("%s and %s would both be %s: download one, and the other with another --dir", other, a, printable(name))
			}
			taken[strings.ToLower(name)] = a
		}
		if err := s.free(names[len(names)-1]); err != nil {
			return err
		}
	}
	return nil
}

func (s *saver) free(name string) error {
	_, err := s.root.Lstat(name)
	switch {
	case err == nil:
		return fmt.Errorf("%s is there already: remove it, or give another --dir", printable(filepath.Join(s.o.Dir, name)))
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return nil
}

// localName is an artifact's name, if that is surely the name of a file here.
func localName(a *Artifact) string {
	odd := func(c rune) bool { return c < ' ' || c == 0x7f || strings.ContainsRune(`/\:*?"<>|`, c) }
	if a.Name == "." || len(a.Name) > 251 || !filepath.IsLocal(a.Name) || strings.ContainsFunc(a.Name, odd) || strings.HasPrefix(a.Name, ".artifact-") {
		return fmt.Sprintf("artifact-%d", a.ID)
	}
	return a.Name
}

func zipName(a *Artifact) string {
	name := localName(a)
	if strings.HasSuffix(strings.ToLower(name), ".zip") {
		return name
	}
	return name + ".zip"
}

// save saves one artifact, and says how that went.
func (s *saver) save(ctx context.Context, a *Artifact) error {
	b := show(s.t, printable(a.Name), a.Size, s.c.now)
	p, err := s.c.fetch(ctx, s.root, a, s.o.Workers, b.move)
	if err != nil {
		b.close()
		return err
	}
	where, what, err := s.deliver(ctx, a, p)
	b.close()
	if err == nil {
		err = p.remove()
	} else {
		p.close()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", a, err)
	}
	proof := "no digest to check"
	if a.Digest != "" {
		proof = "SHA-256 verified"
	}
	fmt.Fprintf(s.t.Out, "%s: %s in %s, %s, %s %s\n", printable(a.Name), bytesText(a.Size), durationText(s.c.now().Sub(b.began)), proof, what,
		printable(filepath.Join(s.o.Dir, where)))
	return nil
}

// deliver moves or extracts what a part holds to where the user looks for it.
func (s *saver) deliver(ctx context.Context, a *Artifact, p *part) (where, what string, err error) {
	zipped := isZip(p.contentType())
	switch {
	case zipped && s.o.Keep:
		where = zipName(a)
	case zipped:
		where = localName(a)
		n, err := s.extract(ctx, a, p, where)
		if n == 1 {
			return where, "1 file in", err
		}
		return where, fmt.Sprintf("%d files in", n), err
	default:
		where = localName(a)
	}
	if err := s.free(where); err != nil {
		return where, "", err
	}
	return where, "kept as", s.root.Rename(p.name, where)
}

// isZip says whether bytes of a content type are an archive of the files that
// were uploaded.
func isZip(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && (t == "application/zip" || t == "application/x-zip-compressed" || t == "application/zip-compressed")
}

// extract extracts into a directory that gets its name when it is complete.
func (s *saver) extract(ctx context.Context, a *Artifact, p *part, where string) (n int, err error) {
	tmp := fmt.Sprintf(".artifact-%d.files", a.ID)
	if err := s.root.RemoveAll(tmp); err != nil {
		return 0, err
	}
	if err := s.root.Mkdir(tmp, 0o777); err != nil {
		return 0, err
	}
	n, err = s.extractTo(ctx, tmp, a, p)
	if err == nil {
		if err = s.free(where); err == nil {
			err = s.root.Rename(tmp, where)
		}
	}
	if err != nil {
		return n, errors.Join(err, s.root.RemoveAll(tmp))
	}
	return n, nil
}

func (s *saver) extractTo(ctx context.Context, dir string, a *Artifact, p *part) (int, error) {
	to, err := s.root.OpenRoot(dir)
	if err != nil {
		return 0, err
	}
	defer to.Close()
	return extract(ctx, to, p.file, a.Size, s.o.Limits)
}
