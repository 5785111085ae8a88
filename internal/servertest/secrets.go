package servertest

import (
	"crypto/rand"

	"golang.org/x/crypto/nacl/box"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/vault"
)

// Secret gives a holder a secret, sealed as a client does it. One of an organization is
// for all of its repositories.
func (s *Site) Secret(h actions.Holder, name, value string) {
	s.Helper()
	public, err := s.Vault.PublicKey(s.Context(), h)
	s.Must(err)
	sealed, err := box.SealAnonymous(nil, []byte(value), (*[32]byte)(public.Key), rand.Reader)
	s.Must(err)
	c := vault.SecretChange{Name: name, KeyID: public.ID, Box: sealed}
	if h.Kind() == actions.HeldByOrganization {
		c.Visibility = actions.VisibleToAll
	}
	_, err = s.Vault.SaveSecret(s.Context(), h, c)
	s.Must(err)
}

// Variable gives a holder a variable. One of an organization is for all of its
// repositories.
func (s *Site) Variable(h actions.Holder, name, value string) {
	s.Helper()
	c := vault.VariableChange{Name: &name, Value: &value}
	if h.Kind() == actions.HeldByOrganization {
		c.Visibility = new(actions.VisibleToAll)
	}
	s.Must(s.Vault.CreateVariable(s.Context(), h, c))
}
