package oidcapi_test

import (
	"context"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/servertest"
)

// published are the kids that verifiers are told.
func (w *world) published() (ids []string) {
	w.Helper()
	var doc struct {
		Keys []struct {
			Kty, Alg, Use, Kid, X5t, N, E string
			X5c                           []string
		}
	}
	w.Want(w.Do(http.MethodGet, "/_services/token/.well-known/jwks", "", nil), http.StatusOK).Into(w, &doc)
	for _, k := range doc.Keys {
		if k.Kty != "RSA" || k.Alg != "RS256" || k.Use != "sig" || k.X5t == "" || k.N == "" || k.E != "AQAB" || len(k.X5c) != 1 {
			w.Errorf("key %+v", k)
		}
		der, err := base64.StdEncoding.DecodeString(k.X5c[0])
		w.Must(err)
		cert, err := x509.ParseCertificate(der)
		w.Must(err)
		sum := sha1.Sum(der)
		n := base64.RawURLEncoding.EncodeToString(cert.PublicKey.(*rsa.PublicKey).N.Bytes())
		if base64.RawURLEncoding.EncodeToString(sum[:]) != k.X5t || fmt.Sprintf("%X", sum) != k.Kid || n != k.N || cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) != nil {
			w.Errorf("the certificate is not that of key %+v", k)
		}
		ids = append(ids, k.Kid)
	}
	return ids
}

// kid is the key by which a job's token is signed now, and the token.
func (w *world) kid(j *actions.Job) (kid, text string) {
	w.Helper()
	text = w.value(w.ask(j, "&audience=x"))
	return w.header(text)["kid"].(string), text
}

func (w *world) wantPublished(when string, ids ...string) {
	w.Helper()
	if d := cmp.Diff(ids, w.published()); d != "" {
		w.Errorf("%s (-want +published)\n%s", when, d)
	}
}

const day = 24 * time.Hour

func TestAKeyIsReplacedBeforeItIsOldAndNoTokenFails(t *testing.T) { // OIDC-5
	each(t, func(w *world) {
		j := w.job("refs/heads/main", workflow)
		first, _ := w.kid(j)
		w.wantPublished("at first", first)
		w.Pass(89*day - 2*time.Hour)
		w.wantPublished("a day before its end, nearly", first)
		w.Pass(2 * time.Hour)
		both := w.published()
		if len(both) != 2 || both[0] != first {
			w.Fatalf("a day before its end: %v, want the next one, too", both)
		}
		next := both[1]
		w.Pass(day - time.Minute)
		kid, last := w.kid(j)
		if kid != first {
			w.Errorf("the next key signs before verifiers may know it")
		}
		w.Pass(2 * time.Minute)
		if kid, text := w.kid(j); kid != next {
			w.Errorf("after its end %s signs, want %s", kid, next)
		} else {
			w.claims(text, "x")
		}
		w.claims(last, "x")
		w.wantPublished("when both have signed", first, next)
		w.Pass(2 * time.Hour)
		w.wantPublished("when all tokens of the first have expired", next)
	})
}

func TestAKeyThatIsMadeByHandSignsAtOnce(t *testing.T) {
	each(t, func(w *world) {
		j := w.job("refs/heads/main", workflow)
		first, before := w.kid(j)
		keys, err := w.Issuer.Rotate(w.Context(), false)
		w.Must(err)
		second, text := w.kid(j)
		if second == first || second != keys[len(keys)-1].ID {
			w.Errorf("%s signs, want the new one of %s, %v", second, first, keys)
		}
		w.claims(before, "x")
		w.claims(text, "x")
		w.wantPublished("rotated", first, second)

		// A key that waits for its turn goes, too.
		w.Pass(89 * day)
		announced := w.published()
		_, err = w.Issuer.Rotate(w.Context(), false)
		w.Must(err)
		if now := w.published(); len(announced) != 2 || slices.Contains(now, announced[1]) || len(now) != 2 {
			w.Errorf("announced %v, then %v", announced, now)
		}

		_, before = w.kid(j)
		_, err = w.Issuer.Rotate(w.Context(), true)
		w.Must(err)
		if _, err := w.verify(before, "x"); err == nil {
			w.Error("a token of a key that was revoked is good")
		}
		_, text = w.kid(j)
		w.claims(text, "x")
		if left, err := w.Store.SigningKeys(w.Context()); err != nil || len(left) != 1 {
			w.Errorf("left: %v, %v", left, err)
		}
	})
}

// Those who ask at the same time, at any server, find one key.
func TestServersOfADatabaseSignWithTheSameKey(t *testing.T) {
	servertest.Cluster(t, 2, func(t *testing.T, sites []*servertest.Site) {
		var wg sync.WaitGroup
		found := make([]string, 8)
		for n := range found {
			wg.Go(func() {
				keys, err := sites[n%2].Issuer.Published(context.WithoutCancel(t.Context()))
				if err != nil {
					t.Error(err)
					return
				}
				found[n] = keys[len(keys)-1].ID
			})
		}
		wg.Wait()
		if len(slices.Compact(found)) != 1 {
			t.Errorf("keys %v, want one", found)
		}
		for _, s := range sites {
			s.Serve()
		}
		keys, err := sites[0].Issuer.Rotate(t.Context(), true)
		sites[0].Must(err)
		sites[1].Await("the other server knows the new key", func() bool {
			now, err := sites[1].Issuer.Published(t.Context())
			sites[1].Must(err)
			return len(now) == 1 && now[0].ID == keys[0].ID
		})
	})
}
