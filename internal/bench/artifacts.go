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
	smallSize  = 1 << 10
	smallConns = 8 // a job may have 500 artifacts

	bigBlock = 8 << 20 // as the toolkit cuts
	bigConns = 4       // blocks that are on their way at once, as the toolkit does
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

// jobsFor starts a server and simulated runners that hold a job each, all of
// one run or each of a run of its own.
func (b *bench) jobsFor(ctx context.Context, runs, inRun int) (s *server, r *repo, list []*uploader, err error) {
	if s, err = b.serve(ctx, 0); err != nil {
		return nil, nil, nil, err
	}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	if r, err = s.repository(ctx, "artifacts", false, map[string]string{"many.yml": jobsWorkflow(inRun)}); err != nil {
		return nil, nil, nil, err
	}
	if err = r.dispatchMany(ctx, "many.yml", runs); err != nil {
		return nil, nil, nil, err
	}
	w, err := s.newSimulator(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	for i := range runs * inRun {
		runner, err := w.start(ctx, fmt.Sprintf("simulated-%d", i+1))
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
	s, r, jobs, err := b.jobsFor(ctx, 1, smallConns)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	content := make([]byte, smallSize)
	if _, err := rand.Read(content); err != nil {
		return nil, err
	}
	digest, id := digestOf(content), blockIDs(1)
	before, err := s.processor()
	if err != nil {
		return nil, err
	}
	var left atomic.Int64
	left.Store(int64(b.smallCount))
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
	perSecond := rate(int64(b.smallCount), b.since(began))
	after, err := s.processor()
	if err != nil {
		return nil, err
	}
	var list struct {
		Total int `json:"total_count"`
	}
	if err := r.api.Do(ctx, http.MethodGet, r.path("/actions/artifacts"), nil, &list); err != nil {
		return nil, err
	}
	if list.Total != b.smallCount {
		return nil, fmt.Errorf("%d artifacts are there, not %d", list.Total, b.smallCount)
	}
	const goal = 1000
	return []Row{{
		What:   fmt.Sprintf("artifacts of 1 KiB created, uploaded and finalized, 4 requests each, %d connections", smallConns),
		Figure: fmt.Sprintf("%.0f/s", perSecond), Goal: fmt.Sprintf("≥ %d/s", goal), Met: perSecond >= goal,
		Reference: fmt.Sprintf("%d of %d are there; each was on disk when its answer came", list.Total, b.smallCount),
		Peers:     "125/s, with errors",
		Values: []Value{
			speed("artifacts of 1 KiB", perSecond, "/s"),
			cost("server time of an artifact of 1 KiB", (after-before)/time.Duration(b.smallCount)),
		},
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
	s, _, jobs, err := b.jobsFor(ctx, 1, 1)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	u, content := jobs[0], make([]byte, b.bigBytes)
	if _, err := rand.Read(content); err != nil {
		return nil, err
	}
	digest := digestOf(content)
	var ours, bare bigRates
	for i := range b.bigRounds {
		unix.Sync() // each begins with a disk at rest
		took, err := b.uploadBig(ctx, u, fmt.Sprint("big-", i), content, digest)
		if err != nil {
			return nil, err
		}
		ours.up = append(ours.up, rate(int64(b.bigBytes), took)/mb)
		if took, err = b.downloadBig(u, fmt.Sprint("big-", i)); err != nil {
			return nil, err
		}
		ours.down = append(ours.down, rate(int64(b.bigBytes), took)/mb)
		if !b.references {
			continue
		}
		unix.Sync()
		if err := bare.measure(ctx, b, content); err != nil {
			return nil, err
		}
	}
	peak, err := memory(s.cmd.Process.Pid, peakResident)
	if err != nil {
		return nil, err
	}
	return b.bigRows(ours, bare, peak), nil
}

// bigRates are megabytes a second, each of one round.
type bigRates struct{ up, down []float64 }

// measure measures a server that only copies.
func (r *bigRates) measure(ctx context.Context, b *bench, content []byte) error {
	bare, err := b.serveFiles(ctx)
	if err != nil {
		return err
	}
	defer bare.stop()
	up, err := bare.upload(ctx, content)
	if err != nil {
		return err
	}
	down, err := bare.download(ctx, int64(len(content)))
	r.up, r.down = append(r.up, rate(int64(len(content)), up)/mb), append(r.down, rate(int64(len(content)), down)/mb)
	return err
}

func (b *bench) bigRows(ours, bare bigRates, peak int64) []Row {
	const share, goalMemory = 70, 64 * mb
	size := fmt.Sprintf("%d MiB", b.bigBytes>>20)
	if b.bigBytes == 1<<30 {
		size = "1 GiB"
	}
	row := func(what, about string, got, bare float64, peers string) Row {
		r := Row{
			What:   fmt.Sprintf("one artifact of %s, %s, median of %d", size, what+about, b.bigRounds),
			Figure: fmt.Sprintf("%.0f MB/s", got),
			Peers:  peers,
			Values: []Value{speed(fmt.Sprintf("artifact of %s, %s", size, what), got, "MB/s")},
		}
		if bare > 0 {
			r.Figure += fmt.Sprintf(", %.0f %% of a bare server", 100*got/bare)
			r.Goal, r.Met = fmt.Sprintf("≥ %d %% of a bare server", share), got >= bare*share/100
			r.Reference = fmt.Sprintf("bare server that copies the same requests to files, and one file back: %.0f MB/s", bare)
		}
		return r
	}
	return []Row{
		row("up", fmt.Sprintf(" in blocks of 8 MiB, %d at a time, with digest, on disk", bigConns), median(ours.up), median(bare.up), "950 MB/s for 256 MB"),
		row("down", "", median(ours.down), median(bare.down), "3 GB/s for 256 MB"),
		{
			What: "memory of the server at its peak meanwhile", Figure: megabytes(peak),
			Goal: fmt.Sprintf("< %.0f MB", goalMemory/mb), Met: float64(peak) < goalMemory,
			Values: []Value{held("memory of the server under artifacts", peak)},
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
	if err == nil && n != int64(b.bigBytes) {
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
