package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/understudy-ci/understudy/internal/wire"
)

// Configured reports whether root holds the configuration of a runner for the
// given URL; an empty URL means any.
func Configured(root, url string) bool {
	c, err := readConfig(root)
	return err == nil && (url == "" || c.Settings.GitHubURL == url)
}

// ConfigureJIT writes the configuration in the text of --jitconfig to root.
func ConfigureJIT(root, text string) error {
	c, err := wire.DecodeJIT(text)
	if err != nil {
		return err
	}
	if _, err := c.Key.PrivateKey(); err != nil {
		return fmt.Errorf("jit configuration: %w", err)
	}
	return writeConfig(root, c)
}

var configFiles = []string{wire.KeyFile, wire.CredentialsFile, wire.SettingsFile}

func readConfig(root string) (*wire.RunnerConfig, error) {
	files := make(map[string][]byte, len(configFiles))
	for _, name := range configFiles {
		b, err := os.ReadFile(filepath.Join(root, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, ErrNotConfigured
		case err != nil:
			return nil, err
		}
		files[name] = b
	}
	return wire.ParseRunnerFiles(files)
}

// writeConfig writes the files, .runner last: it is what makes a root
// configured.
func writeConfig(root string, c *wire.RunnerConfig) error {
	files, err := c.Files()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return fmt.Errorf("runner root: %w", err)
	}
	for _, name := range configFiles {
		if err := writeFile(filepath.Join(root, name), files[name]); err != nil {
			return fmt.Errorf("runner configuration: %w", err)
		}
	}
	return nil
}

// writeFile replaces the file at path whole or not at all.
func writeFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already when all went well
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func removeConfig(root string) error {
	var errs []error
	for _, name := range configFiles {
		if err := os.Remove(filepath.Join(root, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
