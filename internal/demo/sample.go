package demo

import (
	"bytes"
	"embed"
	"io/fs"
	"os"
	"path/filepath"
)

// files are those of the sample.
//
//go:embed all:sample
var files embed.FS

// writeFiles writes the files below a directory of the embedded ones. Scripts
// can be executed.
func writeFiles(from, to string) error {
	tree, err := fs.Sub(files, from)
	if err != nil {
		return err
	}
	return fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		path := filepath.Join(to, filepath.FromSlash(name))
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return os.MkdirAll(path, 0o755)
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if bytes.HasPrefix(text, []byte("#!")) {
			mode = 0o755
		}
		return os.WriteFile(path, text, mode)
	})
}
