package demo

import (
	"os"
	"path/filepath"
	"strings"
)

// readToken reads a token from its file.
func readToken(file string) (string, error) {
	text, err := os.ReadFile(file)
	return strings.TrimSpace(string(text)), err
}

// writeToken puts a token in a file that only this user reads.
func writeToken(dir, name, token string) (file string, err error) {
	file = filepath.Join(dir, name)
	return file, os.WriteFile(file, []byte(token+"\n"), 0o600)
}
