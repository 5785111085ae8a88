package demo

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// An artifact is what a run has left, as far as the demo looks at it.
type artifact struct {
	ID     int64  `json:"id"`
	Name   string `json:"name"`
	Size   int64  `json:"size_in_bytes"`
	Digest string `json:"digest"`
}

// product is the artifact that the sample's workflow is about, and sums the file
// in it that names the others.
const (
	product = "hello"
	sums    = "SHA256SUMS"
)

// artifact finds an artifact of a run by its name.
func (c *client) artifact(ctx context.Context, repo string, run int64, name string) (*artifact, error) {
	var list struct {
		Artifacts []*artifact `json:"artifacts"`
	}
	err := c.get(ctx, fmt.Sprintf("/repos/%s/actions/runs/%d/artifacts?name=%s", repo, run, name), &list)
	if err != nil {
		return nil, err
	}
	if len(list.Artifacts) != 1 {
		return nil, fmt.Errorf("the run has %s called %s", count(len(list.Artifacts), "artifact"), name)
	}
	return list.Artifacts[0], nil
}

// verified downloads an artifact and returns its files once they are proved to
// be what was uploaded.
func (c *client) verified(ctx context.Context, repo string, a *artifact) (map[string][]byte, error) {
	body, err := c.do(ctx, http.MethodGet, fmt.Sprintf("/api/v3/repos/%s/actions/artifacts/%d/zip", repo, a.ID), nil)
	if err != nil {
		return nil, err
	}
	if got := "sha256:" + sumOf(body); got != a.Digest || int64(len(body)) != a.Size {
		return nil, fmt.Errorf("%d bytes came with digest %s: want %d with %s", len(body), got, a.Size, a.Digest)
	}
	files, err := unzip(body)
	if err != nil {
		return nil, err
	}
	return files, checkSums(files)
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// unzip reads the files of a small archive.
func unzip(archive []byte) (map[string][]byte, error) {
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(io.LimitReader(r, maxAnswer))
		if err = errors.Join(err, r.Close()); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		files[f.Name] = text
	}
	return files, nil
}

// checkSums says which file is not as the list of checksums has it. All of them
// must be in the list.
func checkSums(files map[string][]byte) error {
	listed := 0
	for line := range strings.Lines(string(files[sums])) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if sumOf(files[name]) != sum {
			return fmt.Errorf("%s does not have the checksum %s", name, sum)
		}
		listed++
	}
	if listed == 0 || listed != len(files)-1 {
		return fmt.Errorf("%s lists %s of %d", sums, count(listed, "file"), len(files)-1)
	}
	return nil
}

// showArtifact downloads the product of the run, and says whether it is what
// the last job uploaded.
func (d *demo) showArtifact(ctx context.Context, run int64) error {
	a, err := d.client.artifact(ctx, repo, run, product)
	if err != nil {
		return err
	}
	files, err := d.client.verified(ctx, repo, a)
	if err != nil {
		return fmt.Errorf("artifact %s: %w", a.Name, err)
	}
	d.t.field("artifact", fmt.Sprintf("%s, %s in %d bytes, downloaded and as uploaded:", a.Name, count(len(files), "file"), a.Size))
	d.t.field("", d.t.paint(green, a.Digest))
	return nil
}
