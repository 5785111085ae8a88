package runnerapi

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A message of the live console becomes a bounded number of short lines, each with the
// beginning of what was sent.
func FuzzAMessageIsShortLines(f *testing.F) {
	for _, s := range []string{
		`{"count":2,"value":["2026-11-20T12:43:29Z a","b\r\nc"],"stepId":"3d1b7c1e-6a0c-4f0e-8c3b-111111111111","startLine":1}`,
		`{"value":["` + strings.Repeat("é", 3000) + `"]}`, `{"value":["` + strings.Repeat(`\n`, 5000) + `"],"startLine":"-9223372036854775808"}`, `{"value":[null,"\u0000\ud800"]}`,
		`{"value":null}`, `{"startLine":1e300}`, `[]`, `{"value":[1]}`, ``, "{\"value\":[\"\xff\xfe\"]}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		var m wire.FeedLines
		if json.Unmarshal(message, &m) != nil {
			return
		}
		lines := feedLines(m.Value)
		if len(lines) > maxFeedLines {
			t.Errorf("%d lines", len(lines))
		}
		rest := strings.Join(m.Value, "\n")
		for _, line := range lines {
			if strings.Contains(line, "\n") || utf8.RuneCountInString(line) > maxFeedLine || len(line) > maxFeedLine*utf8.UTFMax || !utf8.ValidString(line) {
				t.Errorf("the line %q", line)
			}
			whole, after, _ := strings.Cut(rest, "\n")
			if !strings.HasPrefix(whole, line) {
				t.Errorf("%q is not the beginning of %q", line, whole)
			}
			rest = after
		}
	})
}

// The archive that a signed URL names is the one that it was made for.
func FuzzAnArchiveIsTheOneOfItsURL(f *testing.F) {
	f.Add(strings.Repeat("1", 40), int64(7), int64(1), "x.1.2")
	f.Add("", int64(-1), int64(0), "1.2.3.4")
	f.Add("a~b", int64(1<<62), int64(-1<<63), "a.+1.02")
	f.Fuzz(func(t *testing.T, sha string, job, part int64, object string) {
		at := archive{repo: 3, kept: part ^ job, job: job, part: part, sha: sha}
		got, err := archiveOf(token.Grant{Purpose: archivePurpose, RepoID: 3, Object: at.object()})
		if !strings.Contains(sha, ".") && (err != nil || got != at) {
			t.Errorf("%+v came back as %+v, %v", at, got, err)
		}
		if _, err := archiveOf(token.Grant{Purpose: "other", RepoID: 3, Object: object}); err == nil {
			t.Errorf("%q is taken for an archive", object)
		}
		if got, err := archiveOf(token.Grant{Purpose: archivePurpose, RepoID: 3, Object: object}); err == nil && !strings.HasPrefix(object, got.sha+".") {
			t.Errorf("%q is %+v", object, got)
		}
	})
}
