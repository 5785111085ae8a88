package auth

import (
	"context"
	"net/http"
)

type knownKey struct{}

// known is what [Auth.Authenticate] has said of a request.
type known struct {
	caller *Caller
	err    error
}

// Know says who sent r, as [Auth.Authenticate] does, and gives a context for r with
// which Authenticate says the same again without looking it up. It is good for one
// request; what lasts longer asks [Auth.Session] or [Auth.Token].
func (a *Auth) Know(r *http.Request) (context.Context, *Caller, error) {
	c, err := a.Authenticate(r)
	return context.WithValue(r.Context(), knownKey{}, &known{c, err}), c, err
}
