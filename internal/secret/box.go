package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A Row is where a sealed value is kept. All of it is bound to the value.
type Row struct {
	Table string
	ID    int64  // of the row, or of what owns it when the row has no id yet
	Name  string // tells values of the same owner apart
}

// A Box seals values for rows and opens them again.
type Box struct {
	aead   cipher.AEAD
	random io.Reader
}

// sealedVersion is the first byte of a sealed value: AES-256-GCM with a
// random nonce, which follows it.
const sealedVersion = 1

// NewBox makes a box with a key of 32 bytes. Nonces are read from random.
func NewBox(key []byte, random io.Reader) (*Box, error) {
	if len(key) != keySize {
		return nil, fmt.Errorf("secret: a key of %d bytes, want %d", len(key), keySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &Box{aead, random}, err
}

// Seal encrypts v for row.
func (b *Box) Seal(row Row, v Value) ([]byte, error) {
	text := v.Reveal()
	head := 1 + b.aead.NonceSize()
	sealed := make([]byte, head, head+len(text)+b.aead.Overhead())
	sealed[0] = sealedVersion
	nonce := sealed[1:head]
	if _, err := io.ReadFull(b.random, nonce); err != nil {
		return nil, fmt.Errorf("seal %s %d: %w", row.Table, row.ID, err)
	}
	return b.aead.Seal(sealed, nonce, []byte(text), row.bytes()), nil
}

var errSealed = errors.New("the sealed value is damaged, of another row, or of another key")

// Open decrypts what Seal made for the same row.
func (b *Box) Open(row Row, sealed []byte) (Value, error) {
	head := 1 + b.aead.NonceSize()
	if len(sealed) < head || sealed[0] != sealedVersion {
		return Value{}, fmt.Errorf("open %s %d: %w", row.Table, row.ID, errSealed)
	}
	text, err := b.aead.Open(nil, sealed[1:head], sealed[head:], row.bytes())
	if err != nil {
		return Value{}, fmt.Errorf("open %s %d: %w", row.Table, row.ID, errSealed)
	}
	return New(string(text)), nil
}

// bytes is different for different rows: the texts stand behind their lengths.
func (r Row) bytes() []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(r.ID))
	for _, s := range []string{r.Table, r.Name} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}
