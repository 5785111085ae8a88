package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/artifactcli"
)

// product is the artifact that the sample's workflow is about, and sums the file
// in it that names the others.
const (
	product = "hello"
	sums    = "SHA256SUMS"
)

// productLimits are more than the product ever needs.
var productLimits = artifactcli.Limits{Files: 100, Bytes: 1 << 20}

// showArtifact downloads the product of the run as `understudy artifact download`
// does, which compares its digest, and says whether its files are those that the
// last job uploaded.
func (d *demo) showArtifact(ctx context.Context, run int64) error {
	c, err := artifactcli.New(artifactcli.Config{URL: d.client.URL(), Token: d.client.Token(), Repo: repo, Version: "demo", Now: time.Now})
	if err != nil {
		return err
	}
	found, _, err := c.List(ctx, artifactcli.Query{Run: run, Names: []string{product}})
	if err != nil {
		return err
	}
	if len(found) != 1 || found[0].Digest == "" {
		return fmt.Errorf("the run has %s called %s, or it has no digest", count(len(found), "artifact"), product)
	}
	dir := d.stage.path("artifacts")
	silent := &artifactcli.Terminal{Out: io.Discard, Notes: io.Discard}
	if err := c.Save(ctx, silent, artifactcli.Options{Run: run, Names: []string{product}, Dir: dir, Workers: 1, Limits: productLimits}); err != nil {
		return err
	}
	files, err := checkSums(os.DirFS(d.stage.path("artifacts/" + product)))
	if err != nil {
		return fmt.Errorf("artifact %s: %w", product, err)
	}
	d.t.field("artifact", fmt.Sprintf("%s, %s in %d bytes, downloaded and as uploaded:", product, count(files, "file"), found[0].Size))
	d.t.field("", d.t.paint(green, found[0].Digest))
	return nil
}

// checkSums counts the files, and says which one is not as the list of checksums
// has it. All of them must be in the list.
func checkSums(files fs.FS) (n int, err error) {
	all, err := fs.ReadDir(files, ".")
	if err != nil {
		return 0, err
	}
	list, err := fs.ReadFile(files, sums)
	if err != nil {
		return 0, err
	}
	listed := 0
	for line := range strings.Lines(string(list)) {
		want, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return 0, err
		}
		if sumOf(text) != want {
			return 0, fmt.Errorf("%s does not have the checksum %s", name, want)
		}
		listed++
	}
	if listed == 0 || listed != len(all)-1 {
		return 0, fmt.Errorf("%s lists %s of %d", sums, count(listed, "file"), len(all)-1)
	}
	return len(all), nil
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
