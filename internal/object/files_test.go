package object_test

import "io/fs"

// walkFiles calls fn with every file of a file system.
func walkFiles(root fs.FS, fn func(name string, content []byte)) error {
	return fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(root, name)
		if err == nil {
			fn(name, content)
		}
		return err
	})
}
