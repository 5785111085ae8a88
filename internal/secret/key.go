package secret

import (
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/nacl/box"

	"github.com/understudy-ci/understudy/internal/actions"
)

const (
	keySize = 32
	idSize  = 8 // bytes of the id of a master key
)

// A Place is where values are kept: a kind of thing, and the id of one that is never
// used again.
type Place struct {
	Kind string // "organization", "repository", "environment"
	ID   int64
}

// An Identity is the one row to which a value belongs.
type Identity struct {
	Place

	Name string
}

// bytes are the identity as authenticated data: each part with its length, so that no
// two identities have the same.
func (i Identity) bytes() []byte {
	var b []byte
	for _, part := range []string{"understudy secret", i.Kind, strconv.FormatInt(i.ID, 10), i.Name} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part))) //nolint:gosec // short texts
		b = append(b, part...)
	}
	return b
}

// A PublicKey is what clients encrypt a value with for one place.
type PublicKey struct {
	ID  string // decimal, as GitHub's
	Key []byte // of X25519
}

// A masterKey encrypts values.
type masterKey struct {
	id   string
	root []byte
}

// newKey is the key of those bytes.
func newKey(root []byte) (masterKey, error) {
	k := masterKey{root: root}
	id, err := k.derive("id", idSize)
	k.id = hex.EncodeToString(id)
	return k, err
}

// generate makes a new key.
func generate(random io.Reader) (masterKey, error) {
	root := make([]byte, keySize)
	if _, err := io.ReadFull(random, root); err != nil {
		return masterKey{}, err
	}
	return newKey(root)
}

// derive is a key or id for one purpose.
func (k masterKey) derive(purpose string, size int) ([]byte, error) {
	return hkdf.Key(sha256.New, k.root, nil, "understudy secret "+purpose, size)
}

func (k masterKey) seal(of Identity, v Value, random io.Reader) ([]byte, error) {
	key, err := k.derive("values", keySize)
	if err != nil {
		return nil, err
	}
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, err
	}
	out := make([]byte, aead.NonceSize(), aead.NonceSize()+v.Len()+aead.Overhead())
	if _, err := io.ReadFull(random, out); err != nil {
		return nil, err
	}
	return aead.Seal(out, out, []byte(v.Reveal()), of.bytes()), nil
}

var errMoved = actions.Errorf(actions.Invalid, "it was changed, or moved from another row")

func (k masterKey) open(of Identity, sealed []byte) (Value, error) {
	key, err := k.derive("values", keySize)
	if err != nil {
		return Value{}, err
	}
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return Value{}, err
	}
	if len(sealed) < aead.NonceSize() {
		return Value{}, errMoved
	}
	text, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], of.bytes())
	if err != nil {
		return Value{}, errMoved
	}
	return New(string(text)), nil
}

// pair is the key pair of a place.
func (k masterKey) pair(p Place) (*ecdh.PrivateKey, PublicKey, error) {
	where := fmt.Sprintf("%s %d", p.Kind, p.ID)
	private, err := k.derive("box of "+where, keySize)
	if err != nil {
		return nil, PublicKey{}, err
	}
	key, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		return nil, PublicKey{}, err
	}
	number, err := k.derive("box id of "+where, 8)
	if err != nil {
		return nil, PublicKey{}, err
	}
	id := binary.BigEndian.Uint64(number)>>4 | 1<<59 // of 18 or 19 digits, as GitHub's
	return key, PublicKey{ID: strconv.FormatUint(id, 10), Key: key.PublicKey().Bytes()}, nil
}

// openBox opens a sealed box for the public key with the id, which must be that of the
// place.
func (k masterKey) openBox(p Place, publicID string, sealed []byte) (Value, error) {
	private, public, err := k.pair(p)
	if err != nil {
		return Value{}, err
	}
	if publicID != public.ID {
		return Value{}, actions.Errorf(actions.Invalid, "The key_id is not that of the public key: get the public key and encrypt the value with it")
	}
	text, ok := box.OpenAnonymous(nil, sealed, (*[keySize]byte)(public.Key), (*[keySize]byte)(private.Bytes()))
	if !ok {
		return Value{}, actions.Errorf(actions.Invalid, "The encrypted_value is not a sealed box for the public key")
	}
	return New(string(text)), nil
}
