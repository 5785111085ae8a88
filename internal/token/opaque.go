package token

import (
	"bufio"
	"crypto/sha256"
	"hash/crc32"
	"io"
	"strings"
)

// A Kind of opaque token is the prefix by which people and secret scanners know it.
type Kind string

// The kinds of opaque token.
const (
	Classic      Kind = "ghp_"        // a person's token with scopes
	FineGrained  Kind = "github_pat_" // a person's token with permissions per repository
	Installation Kind = "ghs_"        // of a job (GITHUB_TOKEN) or an app
	Registration Kind = "A"           // lets runners register, or be removed
)

const (
	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

	checksumSize     = 6  // characters at the end of all but registration tokens
	plainSize        = 30 // random characters of ghp_ and ghs_
	patHead, patTail = 22, 59 - checksumSize
	registrationSize = 28
)

// New makes a token of kind k with characters drawn from random.
func New(k Kind, random io.Reader) (string, error) {
	r := bufio.NewReaderSize(random, 128)
	switch k {
	case Registration:
		s, err := draw(r, base32, registrationSize)
		return string(k) + s, err
	case FineGrained:
		head, err := draw(r, base62, patHead)
		if err != nil {
			return "", err
		}
		tail, err := draw(r, base62, patTail)
		body := head + "_" + tail
		return string(k) + body + checksum(body), err
	default:
		body, err := draw(r, base62, plainSize)
		return string(k) + body + checksum(body), err
	}
}

// draw returns n characters of an alphabet, each equally likely.
func draw(r io.ByteReader, alphabet string, n int) (string, error) {
	limit := 256 - 256%len(alphabet) // bytes from here on would favour the first letters
	s := make([]byte, 0, n)
	for len(s) < n {
		b, err := r.ReadByte()
		if err != nil {
			return "", err
		}
		if int(b) < limit {
			s = append(s, alphabet[int(b)%len(alphabet)])
		}
	}
	return string(s), nil
}

// checksum is the CRC-32 of body in base 62. It is no protection: it tells a
// token from a random word without asking the store.
func checksum(body string) string {
	var s [checksumSize]byte
	n := crc32.ChecksumIEEE([]byte(body))
	for i := range s {
		s[len(s)-1-i] = base62[n%62]
		n /= 62
	}
	return string(s[:])
}

// KindOf tells the kind of a text that has the shape of a token and the right
// checksum; any other text was never made by [New].
func KindOf(text string) (k Kind, ok bool) {
	for _, k := range [...]Kind{Classic, Installation, FineGrained, Registration} {
		if body, found := strings.CutPrefix(text, string(k)); found {
			return k, k.valid(body)
		}
	}
	return "", false
}

func (k Kind) valid(body string) bool {
	switch k {
	case Registration:
		return len(body) == registrationSize && only(body, base32)
	case FineGrained:
		return len(body) == patHead+1+patTail+checksumSize && body[patHead] == '_' &&
			only(body[:patHead], base62) && only(body[patHead+1:], base62) && sumsUp(body)
	default:
		return len(body) == plainSize+checksumSize && only(body, base62) && sumsUp(body)
	}
}

func only(s, alphabet string) bool { return strings.Trim(s, alphabet) == "" }

func sumsUp(body string) bool {
	n := len(body) - checksumSize
	return checksum(body[:n]) == body[n:]
}

// Hash is what the store keeps of a token and looks it up by.
func Hash(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}
