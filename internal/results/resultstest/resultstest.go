// Package resultstest is a job's side of the artifact service, for tests: it
// sends what the toolkit sends, over plain HTTP.
//
// A [Client] is one job. Its methods are the steps of an upload and a download,
// so that a test can leave one out, repeat it, or do it as another job; what the
// server refuses comes back as an [Error]. [Client.Upload] does all of them, with
// the blocks in parallel and in no order, as the toolkit does.
package resultstest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/understudy-ci/understudy/internal/wire"
)

// A Client calls the services of one job.
type Client struct {
	HTTP  *http.Client
	Base  string // of the server, without a slash at its end
	Token string
	IDs   wire.ResultsIDs
}

// An Error is what the server answered instead.
type Error struct {
	Status int
	Code   string // of Twirp or of Azure
	Msg    string
}

// Error implements [error].
func (e *Error) Error() string { return fmt.Sprintf("%d %s: %s", e.Status, e.Code, e.Msg) }

// Call calls a method of a Twirp service.
func (c *Client) Call(ctx context.Context, service, method string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Base+"/twirp/"+service+"/"+method, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	req.Header.Set("Content-Type", "application/json")
	status, _, answer, err := c.do(req)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		var e wire.TwirpError
		if err := json.Unmarshal(answer, &e); err != nil || e.Code == "" || e.Msg == "" {
			return fmt.Errorf("%s: %d is not an error of Twirp: %.200q", method, status, answer)
		}
		return &Error{status, e.Code, e.Msg}
	}
	return json.Unmarshal(answer, out)
}

// Create asks for a URL to upload an artifact to.
func (c *Client) Create(ctx context.Context, name string) (to string, err error) {
	return c.CreateAs(ctx, wire.CreateArtifactRequest{Name: name, Version: 7, MimeType: "application/zip"})
}

// CreateAs is Create with a whole request; the ids are the client's unless in has its own.
func (c *Client) CreateAs(ctx context.Context, in wire.CreateArtifactRequest) (to string, err error) {
	var out wire.CreateArtifactResponse
	c.own(&in.ResultsIDs)
	err = c.Call(ctx, wire.ArtifactService, wire.CreateArtifact, in, &out)
	if err == nil && !out.OK {
		err = fmt.Errorf("artifact %q is not ok", in.Name)
	}
	return out.SignedUploadURL, err
}

// Finalize says that an artifact is complete, and returns its id.
func (c *Client) Finalize(ctx context.Context, name string, size int, digest string) (int64, error) {
	in := wire.FinalizeArtifactRequest{ResultsIDs: c.IDs, Name: name, Size: wire.IntString(size), Hash: digest}
	return c.id(ctx, wire.FinalizeArtifact, in)
}

// Delete deletes an artifact of the client's own job, and returns its id.
func (c *Client) Delete(ctx context.Context, name string) (int64, error) {
	return c.id(ctx, wire.DeleteArtifact, wire.ArtifactRequest{ResultsIDs: c.IDs, Name: name})
}

func (c *Client) id(ctx context.Context, method string, in any) (int64, error) {
	var out wire.ArtifactIDResponse
	err := c.Call(ctx, wire.ArtifactService, method, in, &out)
	if err == nil && (!out.OK || out.ArtifactID <= 0) {
		err = fmt.Errorf("%s: %+v", method, out)
	}
	return int64(out.ArtifactID), err
}

// List lists the artifacts of the run; an empty name and id 0 do not filter.
func (c *Client) List(ctx context.Context, name string, id int64) ([]wire.Artifact, error) {
	in := wire.ListArtifactsRequest{ResultsIDs: c.IDs}
	if name != "" {
		in.NameFilter = &name
	}
	if id != 0 {
		in.IDFilter = new(wire.IntString)
		*in.IDFilter = wire.IntString(id)
	}
	var out wire.ListArtifactsResponse
	err := c.Call(ctx, wire.ArtifactService, wire.ListArtifacts, in, &out)
	if err == nil && out.Artifacts == nil {
		err = fmt.Errorf("the list is null")
	}
	return out.Artifacts, err
}

// SignedURL asks where an artifact of a list can be read.
func (c *Client) SignedURL(ctx context.Context, a wire.Artifact) (string, error) {
	var out wire.SignedURLResponse
	err := c.Call(ctx, wire.ArtifactService, wire.GetSignedArtifactURL, wire.ArtifactRequest{ResultsIDs: a.ResultsIDs, Name: a.Name}, &out)
	return out.SignedURL, err
}

// Upload creates, uploads and finalizes an artifact, in blocks of the given size,
// and returns its id.
func (c *Client) Upload(ctx context.Context, name string, content []byte, block int) (int64, error) {
	to, err := c.Create(ctx, name)
	if err != nil {
		return 0, err
	}
	if err := c.PutBlocks(ctx, to, content, block); err != nil {
		return 0, err
	}
	return c.Finalize(ctx, name, len(content), Digest(content))
}

// Download reads an artifact of the run by its name, and checks its digest.
func (c *Client) Download(ctx context.Context, name string) ([]byte, error) {
	list, err := c.List(ctx, name, 0)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("there is no artifact %q", name)
	}
	newest := list[len(list)-1]
	from, err := c.SignedURL(ctx, newest)
	if err != nil {
		return nil, err
	}
	content, err := c.Get(ctx, from)
	if err == nil && Digest(content) != newest.Digest {
		err = fmt.Errorf("artifact %q has digest %s, not %s as listed", name, Digest(content), newest.Digest)
	}
	return content, err
}

// Get reads a signed URL.
func (c *Client) Get(ctx context.Context, from string) ([]byte, error) {
	_, content, err := c.send(ctx, http.MethodGet, from, nil, nil, http.StatusOK)
	return content, err
}

// PutBlocks uploads content as the toolkit does: in blocks, several at a time
// and in no order, and then their list.
func (c *Client) PutBlocks(ctx context.Context, to string, content []byte, block int) error {
	var ids []string
	var pieces [][]byte
	for i := 0; i < len(content); i += block {
		ids = append(ids, BlockID(len(ids)))
		pieces = append(pieces, content[i:min(i+block, len(content))])
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for _, i := range rand.Perm(len(ids)) {
		g.Go(func() error { return c.PutBlock(gctx, to, ids[i], pieces[i]) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return c.PutList(ctx, to, ids)
}

// BlockID is the id of a block, in the toolkit's form (BLOB-3).
func BlockID(i int) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "5a3e0b43-9c53-4f2c-8b43-7c1f5d6e7a80%012d", i))
}

// PutBlock uploads one block.
func (c *Client) PutBlock(ctx context.Context, to, id string, content []byte) error {
	return c.Put(ctx, to+"&comp=block&blockid="+url.QueryEscape(id), content, nil)
}

// PutList says which blocks make the content.
func (c *Client) PutList(ctx context.Context, to string, ids []string) error {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="utf-8" standalone="yes"?><BlockList>`)
	for _, id := range ids {
		b.WriteString("<Latest>" + id + "</Latest>")
	}
	b.WriteString("</BlockList>")
	return c.Put(ctx, to+"&comp=blocklist", []byte(b.String()), http.Header{"X-Ms-Blob-Content-Type": {"application/zip"}})
}

// PutWhole uploads content in one request, as the toolkit does with caches.
func (c *Client) PutWhole(ctx context.Context, to string, content []byte) error {
	return c.Put(ctx, to, content, http.Header{"X-Ms-Blob-Type": {"BlockBlob"}})
}

// Put sends a body to a signed URL. Anything but 201 is an [Error], and so is
// an answer without what storage clients need (BLOB-5).
func (c *Client) Put(ctx context.Context, to string, body []byte, header http.Header) error {
	h, answer, err := c.send(ctx, http.MethodPut, to, body, header, http.StatusCreated)
	if err != nil {
		return err
	}
	if h.Get("X-Ms-Request-Id") == "" || h.Get("X-Ms-Version") == "" || h.Get("Etag") == "" || h.Get("Last-Modified") == "" || h.Get("Date") == "" || len(answer) > 0 {
		return fmt.Errorf("answer to PUT has headers %v and body %q", h, answer)
	}
	return nil
}

func (c *Client) send(ctx context.Context, method, to string, body []byte, header http.Header, want int) (http.Header, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	if header != nil {
		req.Header = header
	}
	status, h, answer, err := c.do(req)
	if err != nil {
		return nil, nil, err
	}
	if status != want {
		var e struct{ Code, Message string }
		if err := xml.Unmarshal(answer, &e); err != nil || e.Code == "" || e.Code != h.Get("X-Ms-Error-Code") {
			return nil, nil, fmt.Errorf("%s: %d is not an error of Azure: %.200q", method, status, answer)
		}
		return nil, nil, &Error{status, e.Code, e.Message}
	}
	return h, answer, nil
}

// do sends a request and reads the answer.
func (c *Client) do(req *http.Request) (status int, h http.Header, answer []byte, err error) {
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, answer, err
}

// Digest is the digest of content as the services write it.
func Digest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (c *Client) own(ids *wire.ResultsIDs) {
	if *ids == (wire.ResultsIDs{}) {
		*ids = c.IDs
	}
}
