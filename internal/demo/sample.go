package demo

import (
	"bytes"
	"embed"
	"io/fs"
	"os"
	"path/filepath"
)

// Files of the two repositories. The sample's are below sample/, those of the
// action below checkout/.
//
//go:embed all:sample all:checkout
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
