package server

import (
	"cmp"
	"crypto/rand"
	"flag"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/goldentest"
	"github.com/understudy-ci/understudy/internal/openapitest"
	"github.com/understudy-ci/understudy/internal/rest"
)

var update = flag.Bool("update", false, "write docs/compatibility.md")

var compatibility = filepath.Join("..", "..", "docs", "compatibility.md")

// routes is the table of a server.
func routes(t *testing.T) []rest.Route {
	t.Helper()
	s, err := New(t.Context(), Config{Listen: []string{"127.0.0.1:0"}, Data: t.TempDir(), JobLease: time.Minute}, Deps{
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Now: time.Now, Random: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s.Routes()
}

func TestTheDocumentListsWhatIsServed(t *testing.T) {
	var patterns []string
	for _, rt := range routes(t) {
		patterns = append(patterns, rt.Pattern)
	}
	goldentest.Marked(t, compatibility, "operations", openapitest.New(t).Document(patterns), *update)
}

func TestTheDocumentSaysWhatEachOperationNeeds(t *testing.T) {
	var b strings.Builder
	b.WriteString("| operation | who may | scope | permission |\n| --- | --- | --- | --- |\n")
	for _, rt := range routes(t) {
		operation := "`" + strings.Replace(rt.Pattern, "/{$}", "/", 1) + "`"
		if rt.Docs != "" {
			operation = "[" + operation + "](https://docs.github.com/" + rt.Docs + ")"
		}
		permission := ""
		if p := rt.Need.Permission; p != "" {
			permission = fmt.Sprintf("`%s`: %s", p, rt.Need.AccessLevel())
		}
		scopes := make([]string, len(rt.Need.AcceptedScopes()))
		for i, scope := range rt.Need.AcceptedScopes() {
			scopes[i] = "`" + scope + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", operation, whoMay(rt.Need), cmp.Or(strings.Join(scopes, " or "), "–"), cmp.Or(permission, "–"))
	}
	goldentest.Marked(t, compatibility, "routes", b.String(), *update)
}

// whoMay is who may use an operation, in words.
func whoMay(n auth.Need) string {
	who := "who has signed in"
	switch {
	case n.Public:
		who = "everybody"
	case n.On == auth.Repo:
		who = n.Role.String() + " on the repository"
		if n.SignedIn && n.Role == actions.Read {
			who += ", signed in"
		}
	case n.On == auth.Org && n.Role == actions.Admin:
		who = "an owner of the organization"
	case n.On == auth.User && n.Role == actions.Admin:
		who = "the account itself"
	case n.Role == actions.Admin:
		who = "an admin of the site"
	}
	switch n.Registration {
	case auth.Register:
		who += ", or a runner with a registration token"
	case auth.Remove:
		who += ", or a runner with a removal token"
	}
	return who
}
