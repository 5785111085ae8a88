package token

import (
	"crypto/hkdf"
	"crypto/sha256"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// Installation is the GITHUB_TOKEN of a job that was acquired. It is the same
// text each time, until it is acquired again after older data was put back, so that a runner that lost the answer to its acquire gets the
// same message again, and nobody without the key can make it. It counts only as
// long as the store has its hash.
func (k *Keys) Installation(j *actions.Job) (string, error) {
	const enough = 1024 // New throws some bytes away
	stream, err := hkdf.Expand(sha256.New, k.jwt, "installation token of job "+JobGUID(j), enough)
	if err != nil {
		return "", err
	}
	return New(Installation, strings.NewReader(string(stream)))
}
