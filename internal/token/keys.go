package token

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Keys sign the server's own tokens and URLs. Servers that share a database
// share the key file, too.
type Keys struct {
	jwt, url []byte

	jobs    good[Job]
	runners good[Runner]
}

const (
	keyFile = "token.key"
	keySize = 32
)

// LoadKeys reads the key file in dir. When there is none it makes one (0600)
// from random; of programs that start together all get the same.
func LoadKeys(dir string, random io.Reader) (*Keys, error) {
	path := filepath.Join(dir, keyFile)
	root, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = createKey(dir, path, random); err == nil {
			root, err = readKey(path)
		}
	}
	if err != nil {
		return nil, err
	}
	k := Keys{jobs: newGood(func(j Job) time.Time { return j.Expires }), runners: newGood(func(r Runner) time.Time { return r.Expires })}
	if k.jwt, err = hkdf.Key(sha256.New, root, nil, "understudy jwt", keySize); err != nil {
		return nil, err
	}
	k.url, err = hkdf.Key(sha256.New, root, nil, "understudy url", keySize)
	return &k, err
}

func readKey(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != keySize {
		return nil, fmt.Errorf("%s: want %d bytes in hex", path, keySize) // it must not be shown
	}
	return key, nil
}

// createKey makes the file complete and on disk, or not at all. The first of
// several programs wins; the others leave its file alone.
func createKey(dir, path string, random io.Reader) (err error) {
	key := make([]byte, keySize)
	if _, err := io.ReadFull(random, key); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, keyFile+".*") // 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.WriteString(hex.EncodeToString(key) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
