package server

import (
	"context"
	"io"

	"github.com/understudy-ci/understudy/internal/secret"
	"github.com/understudy-ci/understudy/internal/vault"
)

// Keys are the keys of secrets in a file, "" for the one of the data directory.
func (a *Admin) Keys(file string) (*secret.Keyring, error) {
	return secret.Open(secretKeys(a.data, file), a.deps.Random)
}

// RotateKey makes a new key, encrypts all secrets with it, and drops the old ones. It
// says what the new key is called and how many secrets were encrypted anew.
func (a *Admin) RotateKey(ctx context.Context, file string) (id string, secrets int, err error) {
	keys, err := a.Keys(file)
	if err != nil {
		return "", 0, err
	}
	return vault.Rotate(operator(ctx), a.store, keys, a.deps.Now)
}

// ExportKeys writes all keys of the file.
func (a *Admin) ExportKeys(file string, to io.Writer) error {
	keys, err := a.Keys(file)
	if err != nil {
		return err
	}
	return keys.Export(to)
}

// ImportKeys adds keys to the file, and returns the ids of those that are new there.
func (a *Admin) ImportKeys(file string, from io.Reader) (added []string, err error) {
	keys, err := a.Keys(file)
	if err != nil {
		return nil, err
	}
	err = keys.Update(func(e *secret.Editor) error {
		added, err = e.Import(from)
		return err
	})
	return added, err
}

// DiscardKey forgets a key that is lost, and says how many secrets went with it.
func (a *Admin) DiscardKey(ctx context.Context, file, id string) (secrets int64, err error) {
	keys, err := a.Keys(file)
	if err != nil {
		return 0, err
	}
	return vault.Discard(operator(ctx), a.store, keys, id)
}
