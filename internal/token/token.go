// Package token makes and checks what callers prove themselves with.
//
// There are three sorts. Opaque tokens ([New]) have GitHub's shapes and are known
// only by their hash, which the store looks up; they hold at least 140 random
// bits, so one SHA-256 is enough. Signed tokens ([Keys.SignJob] and its siblings) are
// JWTs for the runner protocol, whose clients read the claims; each sort has an
// audience of its own and is never taken for another. Signed URLs
// ([Keys.SignURL]) let a client without credentials read or write one object
// for a short time.
//
// None of them is for the number of a row alone: see identity.go.
//
// [VerifyAssertion] checks what others sign: a runner that asks for its token.
//
// Nothing here has a clock or randomness of its own. One key file is kept;
// replacing it ends all signed tokens and URLs.
package token
