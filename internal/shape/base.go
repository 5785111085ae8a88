package shape

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A Base is what the URLs of an object begin with. Neither ends in a slash.
type Base struct {
	API  string // of REST: "http://host:3000/api/v3", or "http://api.host"
	HTML string // of pages and git: "http://host:3000"
}

// Git is the URL of a repository for git, by the same scheme and host as pages.
func (b Base) Git(fullName string) string { return b.HTML + "/" + fullName + ".git" }

// Host is the host of pages, in the one form in which signed URLs are bound to
// it: in lower case, without a port that its scheme implies.
func (b Base) Host() string {
	scheme, rest, _ := strings.Cut(b.HTML, "://")
	host, _, _ := strings.Cut(rest, "/")
	port := ":80"
	if scheme == "https" {
		port = ":443"
	}
	return strings.TrimSuffix(strings.ToLower(host), port)
}

// Hostname is the host of pages, without scheme and port.
func (b Base) Hostname() string {
	_, host, _ := strings.Cut(b.HTML, "://")
	if strings.HasPrefix(host, "[") {
		if end := strings.IndexByte(host, ']'); end > 0 {
			return host[:end+1]
		}
	}
	host, _, _ = strings.Cut(host, ":")
	return host
}

// Time is how GitHub writes t: UTC, whole seconds.
func Time(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// NullTime is [Time], and nil for the zero time.
func NullTime(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := Time(t)
	return &s
}

// Null is s, and nil for the empty string.
func Null(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// NodeID is the opaque id by which GraphQL knows an object, in the form that
// GitHub gave for many years: the type's name and the id.
func NodeID(kind string, id int64) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "0%d:%s%s", len(kind), kind, strconv.FormatInt(id, 10)))
}

// ParseNodeID is the reverse of [NodeID]; ok is false for what it cannot have made.
func ParseNodeID(text string) (kind string, id int64, ok bool) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", 0, false
	}
	_, rest, _ := strings.Cut(string(raw), ":")
	kind = strings.TrimRight(rest, "0123456789")
	id, err = strconv.ParseInt(rest[len(kind):], 10, 64)
	return kind, id, err == nil && NodeID(kind, id) == text
}

// RunHTML is the page of a run of a repository.
func RunHTML(b Base, r *actions.Repository, id int64) string {
	return b.HTML + "/" + r.FullName() + "/actions/runs/" + strconv.FormatInt(id, 10)
}

// JobHTML is the page of a job of a repository; that of its run where it has none of its own.
func JobHTML(b Base, r *actions.Repository, j *actions.Job) string {
	run := RunHTML(b, r, j.RunID)
	if j.Key == "" {
		return run
	}
	return run + "/job/" + strconv.FormatInt(j.ID, 10)
}
