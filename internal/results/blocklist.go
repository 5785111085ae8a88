package results

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
)

const (
	maxListed  = 50_000   // blocks of one list, as on Azure
	maxList    = 16 << 20 // bytes of a list
	maxBlockID = 64       // bytes, decoded

	maxListToken = 32 << 10 // bytes read for one tag, text or comment
)

var (
	errListTooLong = &azureError{actions.Errorf(actions.Malformed, "the list has more than %d blocks", maxListed), "BlockListTooLong", http.StatusBadRequest}
	errBlockID     = &azureError{actions.Errorf(actions.Malformed, "a block id is not base64 of 1 to %d bytes", maxBlockID), "InvalidBlockId", http.StatusBadRequest}
)

func errDocument(format string, args ...any) error {
	return &azureError{actions.Errorf(actions.Malformed, format, args...), "InvalidXmlDocument", http.StatusBadRequest}
}

// readBlockList reads the body of Put Block List: the names of blocks in their
// order (BLOB-2). Which of the three lists of Azure's an entry names makes no
// difference, since the last body of a block wins in each of them.
func readBlockList(r io.Reader) ([]string, error) {
	in := &tokenReader{r: r}
	d := xml.NewDecoder(in)
	l := blockList{names: []string{}}
	for {
		in.left = maxListToken
		t, err := d.Token()
		switch {
		case errors.Is(err, io.EOF) && l.ended:
			return l.names, nil
		case err != nil:
			return nil, listError(err)
		}
		if err := l.take(t); err != nil {
			return nil, err
		}
	}
}

// A tokenReader bounds what is read for one token: the decoder keeps all of it in
// memory, and who sends a comment without an end should not fill that.
type tokenReader struct {
	r    io.Reader
	left int // bytes
}

func (t *tokenReader) Read(p []byte) (int, error) {
	if t.left <= 0 {
		return 0, errDocument("a tag, text or comment of more than %d bytes", maxListToken)
	}
	n, err := t.r.Read(p[:min(len(p), t.left)])
	t.left -= n
	return n, err
}

// listError tells what the body did from what is in it.
func listError(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok || actions.KindOf(err) != actions.Internal {
		return err
	}
	return errDocument("the list of blocks is not XML")
}

// A blockList is what was read of one so far.
type blockList struct {
	names []string
	depth int    // of elements
	id    []byte // of the entry that is being read
	ended bool   // the root is complete
}

func (l *blockList) take(t xml.Token) error {
	switch t := t.(type) {
	case xml.StartElement:
		return l.start(t.Name.Local)
	case xml.CharData:
		text := bytes.TrimSpace(t)
		if len(text) == 0 {
			return nil
		}
		if l.depth != 2 {
			return errDocument("text between the elements of a list of blocks")
		}
		if l.id = append(l.id, text...); len(l.id) > base64.StdEncoding.EncodedLen(maxBlockID) {
			return errBlockID
		}
	case xml.EndElement:
		l.depth--
		l.ended = l.depth == 0
		if l.depth != 1 {
			return nil
		}
		name, err := blockName(string(l.id))
		if err != nil {
			return err
		}
		l.names, l.id = append(l.names, name), l.id[:0]
	case xml.Directive:
		return errDocument("a list of blocks has no document type")
	}
	return nil
}

func (l *blockList) start(name string) error {
	l.depth++
	switch {
	case l.depth == 1 && name == "BlockList" && !l.ended:
		return nil
	case l.depth != 2 || name != "Latest" && name != "Committed" && name != "Uncommitted":
		return errDocument("element %.60q does not belong in a list of blocks", name)
	case len(l.names) == maxListed:
		return errListTooLong
	}
	return nil
}

// blockName is the name of a block, which clients write in base64: any bytes.
func blockName(id string) (string, error) {
	name, err := base64.StdEncoding.DecodeString(id)
	if err != nil || len(name) == 0 || len(name) > maxBlockID {
		return "", errBlockID
	}
	return string(name), nil
}
