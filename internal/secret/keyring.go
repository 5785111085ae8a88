package secret

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/understudy-ci/understudy/internal/actions"
)

// File is the name of the key file in a data directory.
const File = "secret.keys"

const (
	maxKeys = 100     // in a file
	maxFile = 1 << 16 // bytes
)

// A Keyring is a file of master keys. It is safe for concurrent use, also by several
// programs. A key that another program has added is found when it is asked for.
type Keyring struct {
	path   string
	random io.Reader

	mu   sync.Mutex
	keys []masterKey // the newest last
	read os.FileInfo // of the file that they were read from; nil for none
}

// Open reads the keys in a file, which may not be there yet. One that somebody else can
// read is refused.
func Open(path string, random io.Reader) (*Keyring, error) {
	k := &Keyring{path: path, random: random}
	return k, k.reload()
}

// Path is where the file is.
func (k *Keyring) Path() string { return k.path }

// IDs are those of the keys in the file, the newest last.
func (k *Keyring) IDs() ([]string, error) {
	if err := k.reload(); err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	ids := make([]string, len(k.keys))
	for i, key := range k.keys {
		ids[i] = key.id
	}
	return ids, nil
}

// Seal encrypts a value with the key of that id.
func (k *Keyring) Seal(keyID string, of Identity, v Value) ([]byte, error) {
	key, err := k.key(keyID)
	if err != nil {
		return nil, err
	}
	return key.seal(of, v, k.random)
}

// Open decrypts what [Keyring.Seal] made for the same identity.
func (k *Keyring) Open(keyID string, of Identity, sealed []byte) (Value, error) {
	key, err := k.key(keyID)
	if err != nil {
		return Value{}, err
	}
	return key.open(of, sealed)
}

// PublicKey is what clients encrypt values with for a place, as long as the key of
// that id is the newest.
func (k *Keyring) PublicKey(keyID string, p Place) (PublicKey, error) {
	key, err := k.key(keyID)
	if err != nil {
		return PublicKey{}, err
	}
	_, public, err := key.pair(p)
	return public, err
}

// OpenBox opens what a client has encrypted with the public key of a place. It is
// Invalid if publicID is the id of another key, or if it is no box for that key.
func (k *Keyring) OpenBox(keyID string, p Place, publicID string, sealed []byte) (Value, error) {
	key, err := k.key(keyID)
	if err != nil {
		return Value{}, err
	}
	return key.openBox(p, publicID, sealed)
}

// key is the one with the id. The file is read again if it is not known, since another
// program may have added it.
func (k *Keyring) key(id string) (masterKey, error) {
	if key, ok := k.known(id); ok {
		return key, nil
	}
	if err := k.reload(); err != nil {
		return masterKey{}, err
	}
	key, ok := k.known(id)
	if !ok {
		return key, k.missing(id)
	}
	return key, nil
}

func (k *Keyring) known(id string) (masterKey, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	i := slices.IndexFunc(k.keys, func(key masterKey) bool { return key.id == id })
	if i < 0 {
		return masterKey{}, false
	}
	return k.keys[i], true
}

// Check is nil if the file has all those keys, and else says what to do.
func (k *Keyring) Check(ids []string) error {
	for _, id := range ids {
		if _, err := k.key(id); err != nil {
			return err
		}
	}
	return nil
}

// missing is the error for a key that the file does not have.
func (k *Keyring) missing(id string) error { return &MissingKeyError{id, k.path} }

// A MissingKeyError is about a key that is in use, and not in the file of keys.
type MissingKeyError struct{ ID, Path string }

// Error says what to do.
func (e *MissingKeyError) Error() string {
	return fmt.Sprintf("the database has secrets that are encrypted with the key %s, which %s does not have. "+
		"Put the key file back, from its backup or from another server of this database, or name it with --secret-key-file. "+
		"To add a key of another file: understudy admin key export there, understudy admin key import here. "+
		"If the key is lost: understudy admin key discard %s deletes the secrets that are encrypted with it", e.ID, e.Path, e.ID)
}

// reload reads the file if it is another than the one that was read last.
func (k *Keyring) reload() error {
	f, err := os.Open(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.keys, k.read = nil, nil
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := checkFile(k.path, info); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.read != nil && os.SameFile(k.read, info) && k.read.ModTime().Equal(info.ModTime()) && k.read.Size() == info.Size() {
		return nil
	}
	keys, err := parse(f)
	if err != nil {
		return fmt.Errorf("%s: %w", k.path, err)
	}
	k.keys, k.read = keys, info
	return nil
}

// checkFile refuses a file that others can read: its keys are no secret.
func checkFile(path string, info os.FileInfo) error {
	if !info.Mode().IsRegular() {
		return actions.Errorf(actions.Invalid, "%s is not a file", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return actions.Errorf(actions.Invalid, "%s has the mode %#o: others can read the keys of all secrets. chmod 600 it, and make new keys with understudy admin key rotate if somebody may have read it", path, mode)
	}
	return nil
}

// parse reads keys, one a line: its id and itself in hex.
func parse(r io.Reader) ([]masterKey, error) {
	var keys []masterKey
	lines := bufio.NewScanner(io.LimitReader(r, maxFile))
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		id, root, _ := strings.Cut(text, " ")
		bytes, err := hex.DecodeString(strings.TrimSpace(root))
		if err != nil || len(bytes) != keySize {
			return nil, actions.Errorf(actions.Invalid, "line %d is not a key: want an id and %d bytes in hex", n, keySize) // it must not be shown
		}
		key, err := newKey(bytes)
		if err != nil {
			return nil, err
		}
		if key.id != id {
			return nil, actions.Errorf(actions.Invalid, "line %d: the key is not the one with the id %.20q, but %s", n, id, key.id)
		}
		if !slices.ContainsFunc(keys, func(k masterKey) bool { return k.id == id }) {
			keys = append(keys, key)
		}
		if len(keys) > maxKeys {
			return nil, actions.Errorf(actions.Invalid, "more than %d keys", maxKeys)
		}
	}
	return keys, lines.Err()
}

// text is what parse reads.
func text(keys []masterKey) []byte {
	var b bytes.Buffer
	b.WriteString("# Keys of the secrets in Understudy's database. Whoever has them can read the secrets; without them they are lost.\n")
	for _, k := range keys {
		fmt.Fprintf(&b, "%s %s\n", k.id, hex.EncodeToString(k.root))
	}
	return b.Bytes()
}

// Update changes the file while no other program does. What fn does with the [Editor] is
// on disk when Update returns, also when fn fails.
func (k *Keyring) Update(fn func(e *Editor) error) error {
	path, err := k.target()
	if err != nil {
		return err
	}
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close() // ends the lock, too
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock of %s: %w", k.path, err)
	}
	if err := k.reload(); err != nil {
		return err
	}
	return fn(&Editor{k})
}

// target is the file itself, where the path is a link: several servers may have links
// to one file.
func (k *Keyring) target() (string, error) {
	path, err := filepath.EvalSymlinks(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		return k.path, nil
	}
	return path, err
}

// An Editor changes a key file. It is valid until the function that received it returns.
type Editor struct{ k *Keyring }

// Newest is the id of the newest key, "" for none.
func (e *Editor) Newest() string {
	e.k.mu.Lock()
	defer e.k.mu.Unlock()
	if len(e.k.keys) == 0 {
		return ""
	}
	return e.k.keys[len(e.k.keys)-1].id
}

// Generate adds a new key, and returns its id. The key is on disk then.
func (e *Editor) Generate() (id string, err error) {
	key, err := generate(e.k.random)
	if err != nil {
		return "", err
	}
	return key.id, e.add(key)
}

// Import adds the keys that [Keyring.Export] wrote, and returns the ids of those that
// were not there.
func (e *Editor) Import(r io.Reader) (added []string, err error) {
	keys, err := parse(r)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, actions.Errorf(actions.Invalid, "there is no key in what is to be imported")
	}
	var others []masterKey
	for _, key := range keys {
		if _, ok := e.k.known(key.id); !ok {
			others, added = append(others, key), append(added, key.id)
		}
	}
	if len(others) == 0 {
		return nil, nil
	}
	return added, e.add(others...)
}

// Keep drops all keys but those.
func (e *Editor) Keep(ids []string) error {
	e.k.mu.Lock()
	kept := slices.DeleteFunc(slices.Clone(e.k.keys), func(k masterKey) bool { return !slices.Contains(ids, k.id) })
	same := len(kept) == len(e.k.keys)
	e.k.mu.Unlock()
	if same {
		return nil
	}
	return e.write(kept)
}

func (e *Editor) add(keys ...masterKey) error {
	e.k.mu.Lock()
	all := slices.Concat(e.k.keys, keys)
	e.k.mu.Unlock()
	if len(all) > maxKeys {
		return actions.Errorf(actions.Invalid, "%s would have more than %d keys", e.k.path, maxKeys)
	}
	return e.write(all)
}

// write puts a whole new file in the place of the old one, once it is on disk.
func (e *Editor) write(keys []masterKey) (err error) {
	path, err := e.k.target()
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, File+".*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text(keys))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return err
	}
	return e.k.reload()
}

// Export writes all keys of the file as [Editor.Import] reads them.
func (k *Keyring) Export(w io.Writer) error {
	if err := k.reload(); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.keys) == 0 {
		return actions.Errorf(actions.NotFound, "%s has no key", k.path)
	}
	_, err := w.Write(text(k.keys))
	return err
}
