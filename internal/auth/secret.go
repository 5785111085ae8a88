package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"hash/crc32"

	"github.com/understudy-ci/understudy/internal/actions"
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// prefixes begin a token, so that people and scanners know it.
var prefixes = map[actions.TokenKind]string{
	actions.Classic: "ghp_", actions.FineGrained: "github_pat_", actions.JobToken: "ghs_",
}

// NewSecret makes the text of a token of that kind, in GitHub's form: a prefix,
// 30 random characters, and a checksum of six by which a scanner knows it from
// other text. The hash is what [actions.Token] keeps.
func NewSecret(kind actions.TokenKind) (text string, hash []byte) {
	random := randomBase62(30)
	text = prefixes[kind] + random + checksum(random)
	sum := sha256.Sum256([]byte(text))
	return text, sum[:]
}

// Create adds t with a new secret, which it returns. Nothing else ever can.
func (a *Auth) Create(ctx context.Context, t *actions.Token) (text string, err error) {
	text, t.Hash = NewSecret(t.Kind)
	if t.CreatedAt.IsZero() {
		t.CreatedAt = a.now()
	}
	return text, a.store.CreateToken(ctx, t)
}

// Revoke removes a token: it counts no more when Revoke returns.
func (a *Auth) Revoke(ctx context.Context, id int64) error {
	err := a.store.DeleteToken(ctx, id)
	a.Changed()
	return err
}

func randomBase62(n int) string {
	text := make([]byte, 0, n)
	var buf [64]byte
	for {
		_, _ = rand.Read(buf[:]) // never fails
		for _, b := range buf {
			if b &= 63; b < 62 { // each character is as likely as the others
				if text = append(text, base62[b]); len(text) == n {
					return string(text)
				}
			}
		}
	}
}

func checksum(text string) string {
	sum := crc32.ChecksumIEEE([]byte(text))
	var out [6]byte
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = base62[sum%62]
		sum /= 62
	}
	return string(out[:])
}
