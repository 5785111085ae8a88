package artifact

import (
	"archive/zip"
	"bufio"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/object"
	"github.com/understudy-ci/understudy/internal/store"
)

const (
	packBlock = 64 << 20 // bytes of a block of the archive
	sealBatch = 200      // objects in one transaction
	finishers = 8        // objects that are flushed at once
	fileMode  = 0o644    // permissions are not kept (LIM-1)
)

// complete returns the files of an upload, each of them whole, and checks their
// size.
func (a *Artifacts) complete(ctx context.Context, art *actions.Artifact, size int64) ([]*store.ArtifactFile, error) {
	files, err := a.store.ArtifactFiles(ctx, art.ID)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, actions.Errorf(actions.Conflict, "artifact %s: no file was uploaded", art.Name)
	}
	var sent, length int64
	for _, f := range files {
		sent, length = sent+f.Size, length+f.Length
	}
	if size != sent && size != length {
		return nil, actions.Errorf(actions.Malformed, "the artifact has %d bytes, sent as %d, not %d as declared", length, sent, size)
	}
	for batch := range slices.Chunk(files, sealBatch) {
		if err := a.sealFiles(ctx, batch); err != nil {
			return nil, fmt.Errorf("artifact %s: %w", art.Name, err)
		}
	}
	return files, nil
}

// sealFiles ends the uploads of some files. Power loss may undo it: the archive is
// what must last. Files that an earlier try has sealed stay so.
func (a *Artifacts) sealFiles(ctx context.Context, files []*store.ArtifactFile) error {
	sums := make([]*object.Sum, len(files))
	var g errgroup.Group // without a context of its own: all files are tried, whatever one of them lacks
	g.SetLimit(finishers)
	for i, f := range files {
		g.Go(func() (err error) {
			sums[i], err = a.finishFile(ctx, f)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return a.store.UpdateRelaxed(ctx, func(tx *store.Tx) error {
		for i, f := range files {
			if sums[i] == nil {
				continue
			}
			if err := a.objects.Seal(ctx, tx, f.ObjectID, *sums[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// finishFile completes a file; nil for one that is sealed already.
func (a *Artifacts) finishFile(ctx context.Context, f *store.ArtifactFile) (*object.Sum, error) {
	err := a.objects.CommitRanges(ctx, f.ObjectID, f.Size)
	if actions.KindOf(err) == actions.Conflict {
		return nil, nil // there is nothing left to do, and no error
	}
	if err != nil {
		return nil, err
	}
	sum, err := a.objects.Finish(ctx, f.ObjectID)
	return &sum, err
}

// pack makes an object with the archive of files and of what base has besides.
func (a *Artifacts) pack(ctx context.Context, art *actions.Artifact, files []*store.ArtifactFile, base *actions.Artifact) (id int64, sum object.Sum, err error) {
	err = a.store.UpdateRelaxed(ctx, func(tx *store.Tx) (err error) {
		id, err = a.objects.Begin(ctx, tx, art.RepoID, a.limit(0))
		return err
	})
	if err != nil {
		return 0, sum, err
	}
	if err = a.fill(ctx, id, files, base); err == nil {
		sum, err = a.objects.Finish(ctx, id)
	}
	if err != nil {
		a.dropObject(ctx, id)
		return 0, sum, fmt.Errorf("artifact %s: %w", art.Name, err)
	}
	return id, sum, nil
}

// dropObject removes an archive that is not needed: one that is sealed is, whatever
// the error of that transaction was. What it cannot remove the sweep does.
func (a *Artifacts) dropObject(ctx context.Context, id int64) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	err := a.store.UpdateRelaxed(ctx, func(tx *store.Tx) error {
		if obj, err := tx.Object(ctx, id); err != nil || obj.Status == store.ObjectSealed {
			return err
		}
		return a.objects.Drop(ctx, tx, id)
	})
	if err != nil {
		a.log.WarnContext(ctx, "object is left to the sweep", "object", id, "err", err)
	}
}

// fill streams the archive into an object, block by block.
func (a *Artifacts) fill(ctx context.Context, id int64, files []*store.ArtifactFile, base *actions.Artifact) error {
	pr, pw := io.Pipe()
	var wg sync.WaitGroup
	wg.Go(func() { pw.CloseWithError(a.writeZip(ctx, pw, files, base)) })
	names, err := a.putBlocks(ctx, id, bufio.NewReaderSize(pr, dirBuffer))
	pr.CloseWithError(io.ErrClosedPipe) // ends the writer, if it has not ended
	wg.Wait()
	if err != nil {
		return err
	}
	return a.objects.Commit(ctx, id, names)
}

func (a *Artifacts) putBlocks(ctx context.Context, id int64, r *bufio.Reader) (names []string, err error) {
	for {
		if _, err := r.Peek(1); errors.Is(err, io.EOF) {
			return names, nil
		} else if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("%08d", len(names))
		if err := a.objects.PutBlock(ctx, id, name, io.LimitReader(r, packBlock), 0); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
}

// writeZip writes the archive in the order of paths. What base has is copied as it
// is, still compressed.
func (a *Artifacts) writeZip(ctx context.Context, w io.Writer, files []*store.ArtifactFile, base *actions.Artifact) error {
	write := make(map[string]func(*zip.Writer) error)
	if base != nil {
		r, err := a.Open(ctx, base)
		if err != nil {
			return err
		}
		defer r.Close()
		old, err := zip.NewReader(r, r.Size())
		if err != nil {
			return err
		}
		for _, f := range old.File {
			write[f.Name] = func(z *zip.Writer) error { return z.Copy(f) }
		}
	}
	for _, f := range files {
		write[f.Path] = func(z *zip.Writer) error { return a.writeFile(ctx, z, f) }
	}
	if len(write) > maxFiles {
		return actions.Errorf(actions.Invalid, "the artifact would have %d files; at most %d are allowed", len(write), maxFiles)
	}
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	for _, path := range slices.Sorted(maps.Keys(write)) {
		if err := write[path](z); err != nil {
			return err
		}
	}
	return z.Close()
}

// writeFile adds one file to the archive. All are deflated, since clients that
// unpack a stream cannot tell where a file ends that is not.
func (a *Artifacts) writeFile(ctx context.Context, z *zip.Writer, f *store.ArtifactFile) error {
	h := &zip.FileHeader{Name: f.Path, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
	h.SetMode(fileMode)
	w, err := z.CreateHeader(h)
	if err != nil {
		return err
	}
	r, err := a.objects.Open(ctx, f.ObjectID)
	if err != nil {
		return err
	}
	defer r.Close()
	if !f.Gzip {
		_, err = io.Copy(w, r)
		return err
	}
	return inflate(w, r, f)
}

// inflate copies a file that was sent compressed, which must be as long as the
// client has said.
func inflate(w io.Writer, r io.Reader, f *store.ArtifactFile) error {
	g, err := gzip.NewReader(r)
	if err != nil {
		return notGzip(f, err)
	}
	n, err := io.Copy(w, io.LimitReader(g, f.Length+1))
	if err != nil {
		return notGzip(f, err)
	}
	if n != f.Length {
		return actions.Errorf(actions.Malformed, "the file %.100q has not the %d bytes that were declared", f.Path, f.Length)
	}
	return nil
}

// notGzip is what becomes of an error of decompression; others pass.
func notGzip(f *store.ArtifactFile, err error) error {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	if corrupt || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return actions.Errorf(actions.Malformed, "the file %.100q is not compressed as declared", f.Path)
	}
	return err
}
