package web

import (
	"strings"
	"testing"
)

func TestReturnGoesNowhereElse(t *testing.T) {
	for _, to := range []string{
		"/", "/octo/hello", "/octo/hello/actions/runs/7/job/9", "/octo/hello/actions?branch=feat%2Fx&page=2", "/a/b.c_d~e-f",
	} {
		if got := localPath(to); got != to {
			t.Errorf("%q became %q", to, got)
		}
	}
	for _, to := range []string{
		"", "octo", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/%2fevil.example", "/%2F%2Fevil.example", "/%5cevil.example",
		"/\t/evil.example", "/\n/evil.example", "\t//evil.example", " //evil.example", "https://evil.example", "https:evil.example", "javascript:alert(1)", "//user@evil.example",
		"/@evil.example", "/a@b", "/.//evil.example", "/../evil", "/a/..//evil.example", "/a/./b", "/a/", "/a#//b", "/a?x=\r\nSet-Cookie:y", "/login", "/login?return_to=/x",
		"/logout", "/a;b", "/a:b", "/é", "/a?b=%zz", "/\x00", "/a?next=//evil.example", strings.Repeat("/a", 2000),
	} {
		if got := localPath(to); got != "/" {
			t.Errorf("%q became %q, want /", to, got)
		}
	}
}
