package gitrepo

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A FetchRequest is what a client sends in one round of a clone or fetch.
type FetchRequest struct {
	text  []byte
	wants map[string]bool // the objects that it asks for
	has   bool            // the client names an object that it has
}

// ReadFetch reads a request to its end, which no process of git waits for. One
// that is larger than our limits is Invalid.
func (g *Git) ReadFetch(body io.Reader) (*FetchRequest, error) {
	text, err := io.ReadAll(io.LimitReader(body, g.limits.RequestBytes+1))
	if err != nil {
		if actions.KindOf(err) == actions.Internal {
			err = actions.Errorf(actions.Malformed, "%w", err)
		}
		return nil, fmt.Errorf("request cannot be read: %w", err)
	}
	if int64(len(text)) > g.limits.RequestBytes {
		return nil, actions.Errorf(actions.Invalid, "request is larger than %d bytes", g.limits.RequestBytes)
	}
	f := &FetchRequest{text: text, wants: map[string]bool{}}
	if err := f.parse(g.limits.Wants); err != nil {
		return nil, fmt.Errorf("request cannot be read: %w", err)
	}
	return f, nil
}

var wantPrefix, havePrefix = []byte("want "), []byte("have ")

// parse finds the objects that a request asks for, in any version.
func (f *FetchRequest) parse(most int) error {
	r := bufio.NewReader(bytes.NewReader(f.text))
	for {
		p, err := readPacket(r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return actions.Errorf(actions.Malformed, "%w", err)
		}
		f.has = f.has || bytes.HasPrefix(p.payload(), havePrefix)
		sha, ok := bytes.CutPrefix(p.payload(), wantPrefix)
		if !ok || p.special() {
			continue
		}
		// git takes upper case; capabilities may follow in version 0
		name := string(bytes.ToLower(sha[:min(len(sha), len(actions.ZeroSHA))]))
		if !IsSHA(name) {
			return actions.Errorf(actions.Malformed, "bad want line %.60q", p.payload())
		}
		if f.wants[name] = true; len(f.wants) > most {
			return actions.Errorf(actions.Invalid, "more than %d objects are wanted at once", most)
		}
	}
}
