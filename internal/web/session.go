package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
)

// sessionLife is how long a sign-in lasts, if its token lasts as long.
const sessionLife = 14 * 24 * time.Hour

// maxForm is more than any form of these pages has.
const maxForm = 128 << 10

type loginPage struct {
	page
	ReturnTo string
	Problem  string
}

// loginForm serves GET /login.
func (s *Site) loginForm(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	to := localPath(r.URL.Query().Get("return_to"))
	if !c.Anonymous() {
		redirect(w, to)
		return nil
	}
	return s.render(w, http.StatusOK, "login", loginPage{page: s.page(r, c, "Sign in"), ReturnTo: to})
}

var (
	errOtherSite = actions.Errorf(actions.Forbidden, "This form was sent by another site.")
	errStale     = actions.Errorf(actions.Forbidden, "This form is too old. Go back, load the page again, and repeat.")
)

// login serves POST /login. Each sign-in makes a session of its own, so that a
// session somebody planted before is worth nothing.
func (s *Site) login(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	if !sameOrigin(r) {
		return errOtherSite
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return actions.Errorf(actions.Malformed, "The form cannot be read.")
	}
	to := localPath(r.PostForm.Get("return_to"))
	who, err := s.auth.Token(r.Context(), strings.TrimSpace(r.PostForm.Get("token")))
	switch {
	case actions.KindOf(err) == actions.Unauthorized:
		return s.loginAgain(w, r, c, to, "This token is not valid.")
	case err != nil:
		return err
	case !who.HasScope("repo"):
		// A session may do all that its account may do here; a lesser token
		// must not grow into one.
		return s.loginAgain(w, r, c, to, "This token cannot sign in: it must be a classic token with the repo scope.")
	}
	now := s.now()
	session := &actions.Token{
		AccountID: who.Account.ID, Kind: actions.WebSession, Note: "browser", Scopes: who.Token.Scopes,
		ParentID: who.Token.ID, CreatorID: who.Token.CreatorID, CreatedAt: now, ExpiresAt: now.Add(sessionLife),
	}
	if until := who.Token.ExpiresAt; !until.IsZero() && until.Before(session.ExpiresAt) {
		session.ExpiresAt = until
	}
	ctx := actions.WithAccount(r.Context(), who.Account.ID)
	text, err := s.auth.Create(ctx, session)
	if err != nil {
		return err
	}
	if !c.Anonymous() {
		if err := s.auth.Revoke(r.Context(), c.Token.ID); err != nil {
			return err
		}
	}
	http.SetCookie(w, s.cookie(r, text, session.ExpiresAt.Sub(now)))
	s.log.InfoContext(r.Context(), "signed in", "account", who.Account.ID)
	redirect(w, to)
	return nil
}

func (s *Site) loginAgain(w http.ResponseWriter, r *http.Request, c *auth.Caller, to, problem string) error {
	p := loginPage{page: s.page(r, c, "Sign in"), ReturnTo: to, Problem: problem}
	return s.render(w, http.StatusUnauthorized, "login", p)
}

// logout serves POST /logout.
func (s *Site) logout(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	if err := s.auth.Revoke(r.Context(), c.Token.ID); err != nil {
		return err
	}
	http.SetCookie(w, s.cookie(r, "", -time.Second))
	redirect(w, "/")
	return nil
}

// cookie holds a session; one with a negative life removes it.
func (s *Site) cookie(r *http.Request, text string, life time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: auth.Cookie, Value: text, Path: "/", MaxAge: int(life / time.Second),
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(httpjson.Base(r).HTML, "https://"),
	}
}

// changing wraps a handler of a form that changes something: the visitor has
// signed in, and the form is one that this site gave to this session.
func (s *Site) changing(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
		if !sameOrigin(r) {
			return errOtherSite
		}
		if c.Anonymous() {
			return actions.Errorf(actions.Unauthorized, "Sign in first.")
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if !hmac.Equal([]byte(r.PostFormValue("csrf")), []byte(csrf(r))) {
			return errStale
		}
		return h(w, r, c)
	}
}

// csrf is the token of the forms of r's session: only who holds the cookie,
// which no script can read, can compute it.
func csrf(r *http.Request) string {
	cookie, err := r.Cookie(auth.Cookie)
	if err != nil {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(cookie.Value))
	mac.Write([]byte("form of a page"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// localPath is to if it is certainly a path of this site, as its own pages write
// it, and / otherwise. Unusual paths are refused, because proxies and browsers
// differ in what they make of them.
func localPath(to string) string {
	p, query, _ := strings.Cut(to, "?")
	if len(to) > 2048 || !strings.HasPrefix(p, "/") || path.Clean(p) != p || p == "/login" || p == "/logout" {
		return "/"
	}
	plain := func(c rune, more string) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(more, c)
	}
	if strings.ContainsFunc(p, func(c rune) bool { return !plain(c, "/-._~") }) ||
		strings.ContainsFunc(query, func(c rune) bool { return !plain(c, "-._~%&=+") }) {
		return "/"
	}
	if _, err := url.ParseQuery(query); err != nil {
		return "/"
	}
	return to
}

// redirect sends a browser to a path of this site by GET.
func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}
