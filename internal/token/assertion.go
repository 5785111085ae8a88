package token

import (
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/understudy-ci/understudy/internal/actions"
)

const (
	assertionSkew = 5 * time.Minute  // between a runner's clock and ours
	maxAssertion  = 15 * time.Minute // an assertion that lives longer is refused
)

// An Assertion is a runner's proof that it holds the private key which it has
// registered.
type Assertion struct {
	ClientID string
	Hash     []byte    // SHA-256 of what is signed: of this assertion alone
	Expires  time.Time // after this it is refused, whatever the clocks say
}

var errBadAssertion = actions.Errorf(actions.Unauthorized, "the client assertion is not valid")

// AssertionClient reads, without any check, whom an assertion claims to be from:
// to look up the key that [VerifyAssertion] needs.
func AssertionClient(text string) (clientID string, err error) {
	var c jwt.RegisteredClaims
	if len(text) > maxToken {
		return "", errBadAssertion
	}
	_, _, err = jwt.NewParser().ParseUnverified(text, &c)
	if err != nil || c.Subject == "" {
		return "", errBadAssertion
	}
	return c.Subject, nil
}

// VerifyAssertion checks an assertion (RS256 or PS256) of the client with the
// given id and key, made for one of the audiences. An error is Unauthorized; one
// about time says what time it is here, which runners show and wait for.
func VerifyAssertion(text, clientID string, key *rsa.PublicKey, audiences []string, now time.Time) (Assertion, error) {
	if len(text) > maxToken || clientID == "" || len(audiences) == 0 {
		return Assertion{}, errBadAssertion
	}
	p := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg(), jwt.SigningMethodPS256.Alg()}),
		jwt.WithAudience(audiences...),
		jwt.WithIssuer(clientID),
		jwt.WithSubject(clientID),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(assertionSkew),
		jwt.WithTimeFunc(func() time.Time { return now }),
	)
	var c jwt.RegisteredClaims
	_, err := p.ParseWithClaims(text, &c, func(*jwt.Token) (any, error) { return key, nil })
	switch {
	case errors.Is(err, jwt.ErrTokenExpired), errors.Is(err, jwt.ErrTokenNotValidYet):
		return Assertion{}, clockError(now)
	case err != nil:
		return Assertion{}, errBadAssertion
	case c.ExpiresAt.After(now.Add(maxAssertion)):
		return Assertion{}, clockError(now)
	}
	signed := sha256.Sum256([]byte(text[:strings.LastIndexByte(text, '.')])) // a signature can be written in several ways
	return Assertion{ClientID: c.Subject, Hash: signed[:], Expires: c.ExpiresAt.Add(assertionSkew).UTC()}, nil
}

func clockError(now time.Time) error {
	return actions.Errorf(actions.Unauthorized,
		"The client assertion is not within its valid time range. Current server time is %s.", now.UTC().Format(time.RFC3339))
}
