package container

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// pull fetches an image. Credentials are in a file of the runner's own while it runs.
func (d *Docker) pull(ctx context.Context, c *Command, s Stream) (int, error) {
	if err := checkImage(c.Image); err != nil {
		return 0, err
	}
	i := invocation{args: []string{"pull", c.Image}}
	if c.Username != "" && c.Password != "" {
		dir, err := d.scratch("registry")
		if err != nil {
			return 0, err
		}
		i.files = append(i.files, dir)
		login := map[string]any{"auths": map[string]any{registry(c.Image): map[string]string{
			"auth": base64.StdEncoding.EncodeToString([]byte(c.Username + ":" + c.Password)),
		}}}
		text, err := json.Marshal(login)
		file := filepath.Join(dir, "config.json")
		if err = errors.Join(err, os.WriteFile(file, text, 0o600)); err != nil {
			return 0, errors.Join(err, os.RemoveAll(dir))
		}
		i.env = []Variable{{"DOCKER_CONFIG", dir}, {"REGISTRY_AUTH_FILE", file}}
	}
	return d.call(ctx, c, i, s)
}

// registry is where an image comes from, as files with credentials name it.
func registry(image string) string {
	first, _, ok := strings.Cut(image, "/")
	if !ok || !strings.ContainsAny(first, ".:") && first != "localhost" {
		return "https://index.docker.io/v1/"
	}
	return first
}

var builtName = regexp.MustCompile(`^` + BuiltName + `[0-9a-f]{32}$`)

// build builds an image of a directory of the job, from a copy that the job does not see: the
// engine's program reads it with other rights, and must not follow links out of it.
func (d *Docker) build(ctx context.Context, c *Command, s Stream) (int, error) {
	if !builtName.MatchString(c.Image) {
		return 0, checkImage("")
	}
	from, err := d.real(filepath.Dir(c.Dockerfile))
	if err != nil {
		return 0, err
	}
	dir, err := d.scratch("build")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // at worst it goes with the scratch directory
	if err := copyContext(ctx, from, dir); err != nil {
		return 0, err
	}
	file := filepath.Join(dir, filepath.Base(c.Dockerfile))
	if info, err := os.Lstat(file); err != nil || !info.Mode().IsRegular() {
		return 0, Error("'" + c.Dockerfile + "' is not a file.")
	}
	d.mu.Lock()
	d.images[c.Image] = true
	d.mu.Unlock()
	args := append(append([]string{"build", "-t", c.Image}, d.labels()...), "-f")
	return d.call(ctx, c, invocation{
		args:  append(append([]string{}, args...), file, dir),
		shown: append(append([]string{}, args...), c.Dockerfile, filepath.Dir(c.Dockerfile)),
		dir:   dir,
	}, s)
}

// What a directory that an image is built of may be at most.
const (
	maxContext = 8 << 30 // bytes
	maxEntries = 500_000
)

// copyContext copies a directory that a job may be changing. Links are copied as links, and files
// are read without following any.
func copyContext(ctx context.Context, from, to string) error {
	source, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer target.Close()
	left, entries := int64(maxContext), 0
	return fs.WalkDir(source.FS(), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entries++; entries > maxEntries || ctx.Err() != nil {
			return errors.Join(ctx.Err(), Error("The directory that the image is to be built of has too many files."))
		}
		info, err := source.Lstat(path)
		switch {
		case err != nil:
			return err
		case path == ".":
			return nil
		case info.IsDir():
			return target.Mkdir(path, info.Mode().Perm()|0o700)
		case info.Mode()&fs.ModeSymlink != 0:
			if strings.HasSuffix(strings.ToLower(path), "dockerignore") || strings.HasSuffix(strings.ToLower(path), "containerignore") {
				return nil // the engine's program would follow it
			}
			link, err := source.Readlink(path)
			if err != nil {
				return err
			}
			return target.Symlink(link, path)
		case !info.Mode().IsRegular():
			return nil
		}
		n, err := copyFile(source, target, path, info.Mode().Perm(), left)
		left -= n
		return err
	})
}

func copyFile(source, target *os.Root, path string, mode fs.FileMode, left int64) (int64, error) {
	in, err := source.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	out, err := target.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode|0o600)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(out, io.LimitReader(in, left+1))
	if err = errors.Join(err, out.Close()); err == nil && n > left {
		err = Error("The directory that the image is to be built of is too large.")
	}
	return n, err
}
