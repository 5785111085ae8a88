package bench

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/understudy-ci/understudy/internal/wire"
)

const (
	smallArtifacts = 2000 // in all
	smallSize      = 1 << 10
	smallConns     = 8
	smallInJob     = 250 // a job may have 500

	bigSize   = 1 << 30
	bigBlock  = 8 << 20 // as the toolkit cuts
	bigConns  = 4       // blocks that are on their way at once, as the toolkit does
	bigRounds = 3
)

// An uploader is a job that uploads as the toolkit does, on one connection.
type uploader struct {
	c   *conn
	job *simulatedJob
}

// call calls a method of the artifact service.
func (u *uploader) call(method string, in, out any) error {
	return u.c.post("/twirp/"+wire.ArtifactService+"/"+method, u.job.auth(), in, out)
}

// create begins an upload and returns where the bytes go.
func (u *uploader) create(name string) (url string, err error) {
	var at wire.CreateArtifactResponse
	in := wire.CreateArtifactRequest{ResultsIDs: u.job.ids(), Name: name, Version: 7, MimeType: "application/zip"}
	err = u.call(wire.CreateArtifact, in, &at)
	return at.SignedUploadURL, err
}

func (u *uploader) finalize(name string, size int, digest string) error {
	var done wire.ArtifactIDResponse
	in := wire.FinalizeArtifactRequest{ResultsIDs: u.job.ids(), Name: name, Size: wire.IntString(size), Hash: digest}
	err := u.call(wire.FinalizeArtifact, in, &done)
	if err == nil && !done.OK {
		err = errors.New("an artifact was refused")
	}
	return err
}

// put puts a block where an upload goes.
func (u *uploader) put(url, id string, block []byte) error {
	_, err := u.c.expect(http.MethodPut, url+"&comp=block&blockid="+strings.ReplaceAll(id, "=", "%3D"), "", block)
	return err
}

// commit says which blocks there are, in their order.
func (u *uploader) commit(url string, ids []string) error {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?><BlockList>`)
	for _, id := range ids {
		b.WriteString("<Latest>" + id + "</Latest>")
	}
	b.WriteString("</BlockList>")
	_, err := u.c.expect(http.MethodPut, url+"&comp=blocklist", "", b.Bytes())
	return err
}

// blockIDs are made as the toolkit's storage client makes them.
func blockIDs(n int) []string {
	prefix, ids := uuid.NewString(), make([]string, n)
	for i := range ids {
		ids[i] = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s%012d", prefix, i))
	}
	return ids
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// artifacts measures many small ones and a big one.
func artifacts(ctx context.Context, b *bench) ([]Row, error) {
	small, err := b.smallArtifacts(ctx)
	if err != nil {
		return nil, fmt.Errorf("small: %w", err)
	}
	big, err := b.bigArtifact(ctx)
	if err != nil {
		return nil, fmt.Errorf("big: %w", err)
	}
	return append(small, big...), nil
}

// jobsFor starts a server and simulated runners that hold a job each.
func (b *bench) jobsFor(ctx context.Context, n int) (s *server, r *repo, list []*uploader, err error) {
	if s, err = b.serve(ctx, 0); err != nil {
		return nil, nil, nil, err
	}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	if r, err = s.repository(ctx, "artifacts", false, map[string]string{"many.yml": jobsWorkflow(n)}); err != nil {
		return nil, nil, nil, err
	}
	if _, err = r.dispatch(ctx, "many.yml"); err != nil {
		return nil, nil, nil, err
	}
	w, err := s.newCrew(ctx, "simulated")
	if err != nil {
		return nil, nil, nil, err
	}
	for i := range n {
		runner, err := w.hire(ctx, fmt.Sprintf("simulated-%d", i+1))
		if err != nil {
			return nil, nil, nil, err
		}
		j, err := runner.take()
		if err != nil {
			return nil, nil, nil, err
		}
		list = append(list, &uploader{runner.c, j})
	}
	return s, r, list, nil
}

func (b *bench) smallArtifacts(ctx context.Context) ([]Row, error) {
	s, r, jobs, err := b.jobsFor(ctx, smallConns)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	content := make([]byte, smallSize)
	if _, err := rand.Read(content); err != nil {
		return nil, err
	}
	digest, id := digestOf(content), blockIDs(1)
	var left atomic.Int64
	left.Store(smallArtifacts)
	began := b.Now()
	var group errgroup.Group
	for _, u := range jobs {
		group.Go(func() error {
			for n := left.Add(-1); n >= 0; n = left.Add(-1) {
				if err := u.upload(fmt.Sprint("artifact-", n), content, digest, id); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	perSecond := rate(smallArtifacts, b.since(began))
	var list struct {
		Total int `json:"total_count"`
	}
	if err := r.api.do(ctx, http.MethodGet, r.path("/actions/artifacts"), nil, &list); err != nil {
		return nil, err
	}
	if list.Total != smallArtifacts {
		return nil, fmt.Errorf("%d artifacts are there, not %d", list.Total, smallArtifacts)
	}
	const goal = 1000
	return []Row{{
		What:   fmt.Sprintf("artifacts of 1 KiB created, uploaded and finalized, 4 requests each, %d connections", smallConns),
		Figure: fmt.Sprintf("%.0f/s", perSecond), Goal: fmt.Sprintf("≥ %d/s", goal), Met: perSecond >= goal,
		Reference: fmt.Sprintf("%d of %d are there; each was on disk when its answer came", list.Total, smallArtifacts),
		Peers:     "125/s, with errors",
	}}, nil
}

// upload uploads one artifact of one block.
func (u *uploader) upload(name string, content []byte, digest string, id []string) error {
	url, err := u.create(name)
	if err != nil {
		return err
	}
	if err := u.put(url, id[0], content); err != nil {
		return err
	}
	if err := u.commit(url, id); err != nil {
		return err
	}
	return u.finalize(name, len(content), digest)
}

// bigArtifact uploads an artifact and downloads it, in turns with a server that
// does nothing but copy to a file and from it.
func (b *bench) bigArtifact(ctx context.Context) ([]Row, error) {
	s, _, jobs, err := b.jobsFor(ctx, 1)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	bare, err := b.serveFiles(ctx)
	if err != nil {
		return nil, err
	}
	defer bare.stop()
	u, content := jobs[0], make([]byte, bigSize)
	if _, err := rand.Read(content); err != nil {
		return nil, err
	}
	digest := digestOf(content)
	var up, down, bareUp, bareDown []float64
	for i := range bigRounds {
		unix.Sync() // each begins with a disk at rest
		took, err := b.uploadBig(ctx, u, fmt.Sprint("big-", i), content, digest)
		if err != nil {
			return nil, err
		}
		up = append(up, rate(bigSize, took)/mb)
		if took, err = b.downloadBig(u, fmt.Sprint("big-", i)); err != nil {
			return nil, err
		}
		down = append(down, rate(bigSize, took)/mb)
		unix.Sync()
		if took, err = bare.upload(ctx, content); err != nil {
			return nil, err
		}
		bareUp = append(bareUp, rate(bigSize, took)/mb)
		if took, err = bare.download(ctx); err != nil {
			return nil, err
		}
		bareDown = append(bareDown, rate(bigSize, took)/mb)
	}
	peak, err := memory(s.cmd.Process.Pid, peakResident)
	if err != nil {
		return nil, err
	}
	return bigRows(median(up), median(bareUp), median(down), median(bareDown), peak), nil
}

func bigRows(up, bareUp, down, bareDown float64, peak int64) []Row {
	const share, goalMemory = 70, 64 * mb
	row := func(what string, got, bare float64, peers string) Row {
		return Row{
			What:   fmt.Sprintf("one artifact of 1 GiB, %s, median of %d", what, bigRounds),
			Figure: fmt.Sprintf("%.0f MB/s, %.0f %% of a bare server", got, 100*got/bare),
			Goal:   fmt.Sprintf("≥ %d %% of a bare server", share), Met: got >= bare*share/100,
			Reference: fmt.Sprintf("bare server that copies the same requests to files, and one file back: %.0f MB/s", bare),
			Peers:     peers,
		}
	}
	return []Row{
		row(fmt.Sprintf("up in blocks of 8 MiB, %d at a time, with digest, on disk", bigConns), up, bareUp, "950 MB/s for 256 MB"),
		row("down", down, bareDown, "3 GB/s for 256 MB"),
		{
			What: "memory of the server at its peak meanwhile", Figure: megabytes(peak),
			Goal: fmt.Sprintf("< %.0f MB", goalMemory/mb), Met: float64(peak) < goalMemory,
		},
	}
}

// uploadBig uploads blocks over several connections at once.
func (b *bench) uploadBig(ctx context.Context, u *uploader, name string, content []byte, digest string) (time.Duration, error) {
	conns, closeAll, err := dialMany(ctx, u.c.base, bigConns)
	if err != nil {
		return 0, err
	}
	defer closeAll()
	ids := blockIDs(len(content) / bigBlock)
	began := b.Now()
	url, err := u.create(name)
	if err != nil {
		return 0, err
	}
	err = inTurns(conns, len(ids), func(c *conn, i int) error {
		return (&uploader{c, u.job}).put(url, ids[i], content[i*bigBlock:(i+1)*bigBlock])
	})
	if err == nil {
		err = u.commit(url, ids)
	}
	if err == nil {
		err = u.finalize(name, len(content), digest)
	}
	return b.since(began), err
}

// downloadBig downloads as a later job does.
func (b *bench) downloadBig(u *uploader, name string) (time.Duration, error) {
	began := b.Now()
	var at wire.SignedURLResponse
	in := wire.ArtifactRequest{ResultsIDs: u.job.ids(), Name: name}
	if err := u.call(wire.GetSignedArtifactURL, in, &at); err != nil {
		return 0, err
	}
	n, err := u.c.drain(at.SignedURL)
	if err == nil && n != bigSize {
		err = fmt.Errorf("%d bytes came", n)
	}
	return b.since(began), err
}

// dialMany opens n connections.
func dialMany(ctx context.Context, base string, n int) (list []*conn, closeAll func(), err error) {
	closeAll = func() {
		for _, c := range list {
			c.close()
		}
	}
	for range n {
		c, err := dial(ctx, base)
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		list = append(list, c)
	}
	return list, closeAll, nil
}

// inTurns calls do for 0 to n-1, one after the other on each connection.
func inTurns(conns []*conn, n int, do func(c *conn, i int) error) error {
	var next atomic.Int64
	var group errgroup.Group
	for _, c := range conns {
		group.Go(func() error {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := do(c, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}
