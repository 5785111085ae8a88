package results

import (
	"context"
	"crypto/md5" // what storage clients send, against faults of the line
	"encoding/base64"
	"errors"
	"hash"
	"io"
	"net/http"
	"net/url"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/object"
)

// The query parameter comp says what a PUT brings.
const (
	compWhole  = ""
	compBlock  = "block"
	compList   = "blocklist"
	compAppend = "appendblock"
	compSeal   = "seal" // nothing: no more will be appended
)

var (
	errMD5Form      = &azureError{actions.Errorf(actions.Malformed, "Content-MD5 is not base64 of 16 bytes"), "InvalidMd5", http.StatusBadRequest}
	errMD5          = &azureError{actions.Errorf(actions.Malformed, "the body is not what Content-MD5 says"), "Md5Mismatch", http.StatusBadRequest}
	errBlobType     = &azureError{actions.Errorf(actions.Malformed, "only block blobs are kept here"), "InvalidHeaderValue", http.StatusBadRequest}
	errUnknownBlock = &azureError{actions.Errorf(actions.Malformed, "the list names a block that was not uploaded"), "InvalidBlockList", http.StatusBadRequest}
)

// putObject serves PUT of the bytes of an object (BLOB-2): a block, a list of
// blocks, or all of it. Any of them may be repeated: the last one wins.
func (a *API) putObject(w http.ResponseWriter, r *http.Request, id int64) error {
	comp, block, err := compOf(r.URL.RawQuery)
	if err != nil {
		return err
	}
	if r.Header.Get("X-Ms-Copy-Source") != "" { // the server fetches nothing
		return errCopy
	}
	content, err := contentOf(r)
	if err != nil {
		return err
	}
	switch comp {
	case compBlock:
		err = a.Objects.PutBlock(r.Context(), id, block, content, max(r.ContentLength, 0))
	case compList:
		err = a.putList(r.Context(), id, http.MaxBytesReader(w, io.NopCloser(content), maxList))
	case compWhole:
		if t := r.Header.Get("X-Ms-Blob-Type"); t != "" && t != "BlockBlob" {
			return errBlobType
		}
		err = a.Objects.PutWhole(r.Context(), id, content, max(r.ContentLength, 0))
	default:
		return errQuery
	}
	if err != nil {
		return err
	}
	a.stored(w, http.StatusCreated, `"`+w.Header().Get("X-Ms-Request-Id")+`"`)
	return nil
}

func (a *API) putList(ctx context.Context, id int64, body io.Reader) error {
	names, err := readBlockList(body)
	if err != nil {
		return err
	}
	err = a.Objects.Commit(ctx, id, names)
	if errors.Is(err, object.ErrUnknownBlock) {
		return errUnknownBlock
	}
	return err
}

// settled is err with Azure's code for a blob that takes nothing any more.
func settled(err error) error {
	if actions.KindOf(err) == actions.Conflict {
		return &azureError{err, "BlobImmutableDueToPolicy", http.StatusConflict}
	}
	return err
}

// stored answers a PUT as storage clients want it: 201 for what was written, and
// any other status is an error to them (BLOB-2); 200 for an append blob that is sealed.
func (a *API) stored(w http.ResponseWriter, status int, etag string) {
	h := w.Header()
	h.Set("ETag", etag)
	h.Set("Last-Modified", a.Now().UTC().Format(http.TimeFormat))
	h.Set("X-Ms-Request-Server-Encrypted", "false")
	h.Set("Content-Length", "0")
	w.WriteHeader(status)
}

// compOf is what the query asks for and the name of the block, if it is one.
// Clients add both to the signed query.
func compOf(rawQuery string) (comp, block string, err error) {
	query, err := url.ParseQuery(rawQuery)
	if err != nil || len(query["comp"]) > 1 || len(query["blockid"]) > 1 {
		return "", "", errQuery
	}
	comp = query.Get("comp")
	if comp == compBlock {
		block, err = blockName(query.Get("blockid"))
	}
	return comp, block, err
}

// contentOf is the body of a PUT. At its end it fails if it is not what
// Content-MD5 says.
func contentOf(r *http.Request) (io.Reader, error) {
	return checked(r, r.Header.Get("Content-Md5"))
}

func checked(r *http.Request, sum string) (io.Reader, error) {
	content := body{r.Body}
	if sum == "" {
		return content, nil
	}
	want, err := base64.StdEncoding.DecodeString(sum)
	if err != nil || len(want) != md5.Size {
		return nil, errMD5Form
	}
	return &checkedBody{Reader: content, hash: md5.New(), want: string(want), left: r.ContentLength}, nil // see above
}

type checkedBody struct {
	io.Reader
	hash hash.Hash
	want string
	left int64 // bytes to come; negative if nobody said
}

// Read implements [io.Reader].
func (b *checkedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.hash.Write(p[:n])
	b.left -= int64(n)
	if (b.left == 0 || errors.Is(err, io.EOF)) && string(b.hash.Sum(nil)) != b.want {
		return n, errMD5
	}
	return n, err
}

// A body is what a client sends. That it breaks off is not for us to fix.
type body struct{ io.Reader }

// Read implements [io.Reader].
func (b body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = actions.Errorf(actions.Malformed, "the body is not complete: %w", err)
	}
	return n, err
}
