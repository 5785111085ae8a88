package artifact_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/artifact"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func gzipped(t testing.TB, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// v3 uploads one file in one piece.
func (f *fixture) v3(t testing.TB, j *actions.Job, a *actions.Artifact, path, content string, compress bool) error {
	t.Helper()
	p := artifact.Piece{Path: path, Gzip: compress, Length: int64(len(content))}
	if compress {
		content = gzipped(t, content)
	}
	p.Total = int64(len(content))
	return f.PutV3File(t.Context(), j, a.ID, p, strings.NewReader(content), p.Total)
}

// addV3 makes an artifact of files, every other of them compressed.
func (f *fixture) addV3(t testing.TB, j *actions.Job, name string, files map[string]string) (*actions.Artifact, error) {
	t.Helper()
	a, err := f.BeginV3(t.Context(), j, name, 0)
	if err != nil {
		t.Fatalf("begin %s: %v", name, err)
	}
	var size int64
	compress := false
	for path, content := range files {
		if err := f.v3(t, j, a, path, content, compress); err != nil {
			t.Fatalf("put %s: %v", path, err)
		}
		size += int64(len(content))
		compress = !compress
	}
	return f.FinishV3(t.Context(), j, name, size)
}

// tree is what an artifact has inside.
func (f *fixture) tree(t testing.TB, a *actions.Artifact) string {
	t.Helper()
	l, err := f.Files(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, file := range l.Files {
		content, err := f.opened(t, a, file.Path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s=%.20s ", file.Path, content)
	}
	return b.String()
}

// ART-10.
func TestFilesOfVersion3BecomeOneArchive(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, f := t.Context(), newFixture(t, st, nil)
		job, other := f.job(t), f.job(t)
		a, err := f.BeginV3(ctx, job, "dist", 5)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := f.BeginV3(ctx, job, "dist", 5); err != nil || again.ID != a.ID {
			t.Errorf("begun again: %v, %v; want artifact %d", again, err, a.ID)
		}
		big := strings.Repeat("0123456789", 1000)
		for _, offset := range []int64{5000, 0, 5000} { // out of order, one twice
			p := artifact.Piece{Path: "sub/big", Offset: offset, Total: 10_000, Length: 10_000}
			if err := f.PutV3File(ctx, job, a.ID, p, strings.NewReader(big[offset:offset+5000]), 5000); err != nil {
				t.Fatal(err)
			}
		}
		for path, compress := range map[string]bool{"a ü.txt": true, "b": false} {
			if err := f.v3(t, job, a, path, "content of "+path, compress); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.v3(t, job, a, "empty", "", false); err != nil {
			t.Fatal(err)
		}
		if got := f.listed(t); got != "" {
			t.Errorf("before the end jobs see %s", got)
		}
		_, err = f.FinishV3(ctx, other, "dist", 10_031)
		kind(t, "finish by another job", err, actions.NotFound)
		_, err = f.Finalize(ctx, job, "dist", 10_031, "")
		kind(t, "finalize by version 4", err, actions.NotFound)
		done, err := f.FinishV3(ctx, job, "dist", 10_000+int64(len("content of a ü.txt"+"content of b")))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := f.tree(t, done), "a ü.txt=content of a ü.txt b=content of b empty= sub/big=01234567890123456789 "; got != want {
			t.Errorf("files are %s, want %s", got, want)
		}
		if content := f.read(t, done); done.Digest != digest(content) || done.Size != int64(len(content)) {
			t.Errorf("digest %s of %d bytes, want %s of %d", done.Digest, done.Size, digest(content), len(content))
		}
		if again, err := f.FinishV3(ctx, job, "dist", 1); err != nil || again.ID != done.ID {
			t.Errorf("finished again: %v, %v", again, err)
		}
		err = f.v3(t, job, done, "more", "x", false)
		kind(t, "a file after the end", err, actions.Conflict)
		_, err = f.Create(ctx, job, artifact.Upload{Name: "dist"})
		kind(t, "the name, by version 4", err, actions.Conflict)
		if f.onDisk(t, "0123456789012345678901") { // in the archive it is compressed
			t.Error("the file by itself is still on disk")
		}
	})
}

// The same files make the same archive: its digest says something.
func TestArchivesOfTheSameFilesAreEqual(t *testing.T) {
	f := open(t, nil)
	files := map[string]string{"a": "1", "b/c": "2", "b/d": "3", "z": strings.Repeat("4", 1000)}
	var digests []string
	for i := range 3 {
		a, err := f.addV3(t, f.job(t), fmt.Sprint(i), files)
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, a.Digest)
	}
	if digests[0] != digests[1] || digests[1] != digests[2] {
		t.Errorf("digests are %v", digests)
	}
}

// ART-10: a second upload under the same name adds or replaces files. It is
// a new artifact: what an id stands for never changes.
func TestASecondUploadOfVersion3AddsFiles(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, f := t.Context(), newFixture(t, st, nil)
		first, err := f.addV3(t, f.job(t), "dist", map[string]string{"a": "one MARKER", "b": "one"})
		if err != nil {
			t.Fatal(err)
		}
		second, err := f.addV3(t, f.job(t), "dist", map[string]string{"b": "two", "c": "two"})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := f.tree(t, second), "a=one MARKER b=two c=two "; got != want {
			t.Errorf("files are %s, want %s", got, want)
		}
		if second.ID <= first.ID || second.Digest == first.Digest {
			t.Errorf("artifact %d with %s after %d with %s", second.ID, second.Digest, first.ID, first.Digest)
		}
		_, err = f.Open(ctx, first)
		kind(t, "the first", err, actions.NotFound)
		n, bytes, err := f.st.ArtifactUsage(ctx, f.repo.ID)
		if err != nil || n != 1 || bytes != second.Size {
			t.Errorf("usage is %d artifacts of %d bytes, %v; want one of %d", n, bytes, err, second.Size)
		}
		f.add(t, f.job(t), "v4", "x")
		_, err = f.BeginV3(ctx, f.job(t), "v4", 0)
		kind(t, "files for an artifact of version 4", err, actions.Conflict)
	})
}

func TestUploadsOfVersion3ThatEndAtOnceAreAllKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st, nil)
		const rivals = 3
		var wg sync.WaitGroup
		jobs := make([]*actions.Job, rivals)
		for i := range jobs {
			jobs[i] = f.job(t)
		}
		for i, job := range jobs {
			wg.Go(func() {
				if _, err := f.addV3(t, job, "dist", map[string]string{fmt.Sprint("file", i): "x"}); err != nil {
					t.Errorf("job %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		list, err := f.List(t.Context(), f.run.ID, artifact.Filter{})
		if err != nil || len(list) != 1 {
			t.Fatalf("jobs see %v, %v", list, err)
		}
		if got, want := f.tree(t, &list[0].Artifact), "file0=x file1=x file2=x "; got != want {
			t.Errorf("files are %s, want %s", got, want)
		}
	})
}

// Threat: Zip slip, … in generated archives. Threat: Upload to an artifact of another
// job.
func TestFilesOfVersion3AreChecked(t *testing.T) {
	f := open(t, nil)
	job := f.job(t)
	a, err := f.BeginV3(t.Context(), job, "dist", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"", ".", "..", "../a", "a/../../b", "/a", "a//b", "./a", `a\b`, "C:/a", "a\x00", "a\nb", "a:b", "a*", "a?", `a"`, "a<", "a>", "a|", "dir/", "\xff",
		strings.Repeat("a/", 600) + "a", "a\u202eb",
	} {
		kind(t, fmt.Sprintf("path %.50q", path), f.v3(t, job, a, path, "x", false), actions.Invalid)
	}
	for name, p := range map[string]artifact.Piece{
		"beyond the end":  {Path: "a", Offset: 1, Total: 1, Length: 1},
		"before the file": {Path: "a", Offset: -1, Total: 1, Length: 1},
		"negative":        {Path: "a", Total: -1, Length: -1},
		"two lengths":     {Path: "a", Total: 1, Length: 2},
		"overflow":        {Path: "a", Offset: 1<<63 - 1, Total: 1<<63 - 1, Length: 1<<63 - 1},
	} {
		kind(t, name, f.PutV3File(t.Context(), job, a.ID, p, strings.NewReader("x"), 1), actions.Malformed)
	}
	kind(t, "by another job", f.v3(t, f.job(t), a, "a", "x", false), actions.NotFound)
	kind(t, "of an artifact of version 4", f.v3(t, job, f.begin(t, job, "v4", "x"), "a", "x", false), actions.NotFound)
	_, err = f.FinishV3(t.Context(), job, "dist", 0)
	kind(t, "finish without a file", err, actions.Conflict)
}

// Threat: Size or hash declared falsely … zip bomb: nothing is kept.
func TestVersion3UploadsThatAreNotAsDeclaredAreDropped(t *testing.T) {
	f := open(t, func(l *artifact.Limits) { l.Bytes = 1 << 20 })
	job := f.job(t)
	put := func(a *actions.Artifact, p artifact.Piece, content string) {
		t.Helper()
		p.Path = "MARKER"
		if err := f.PutV3File(t.Context(), job, a.ID, p, strings.NewReader(content), int64(len(content))); err != nil {
			t.Fatal(err)
		}
	}
	zip := gzipped(t, "MARKER")
	for _, test := range []struct {
		name    string
		piece   artifact.Piece
		content string
		size    int64
	}{
		{"a piece is missing", artifact.Piece{Total: 100, Length: 100}, "MARKER", 100},
		{"another size", artifact.Piece{Total: 6, Length: 6}, "MARKER", 7},
		{"not compressed", artifact.Piece{Total: 6, Gzip: true, Length: 10}, "MARKER", 10},
		{"longer than declared", artifact.Piece{Total: int64(len(zip)), Gzip: true, Length: 5}, zip, 5},
		{"shorter than declared", artifact.Piece{Total: int64(len(zip)), Gzip: true, Length: 7}, zip, 7},
		{"cut off", artifact.Piece{Total: int64(len(zip)) - 3, Gzip: true, Length: 6}, zip[:len(zip)-3], 6},
		{"damaged", artifact.Piece{Total: int64(len(zip)), Gzip: true, Length: 6}, zip[:len(zip)-5] + "XXXXX", 6},
	} {
		a, err := f.BeginV3(t.Context(), job, "dist", 0)
		if err != nil {
			t.Fatal(err)
		}
		put(a, test.piece, test.content)
		_, err = f.FinishV3(t.Context(), job, "dist", test.size)
		kind(t, test.name, err, actions.Malformed)
		if got := f.listed(t); got != "" || f.onDisk(t, "MARKER") {
			t.Errorf("%s: jobs see %s, bytes on disk: %v", test.name, got, f.onDisk(t, "MARKER"))
		}
	}
	a, err := f.BeginV3(t.Context(), job, "dist", 0)
	if err != nil {
		t.Fatal(err)
	}
	bomb := gzipped(t, strings.Repeat("0", 2<<20))
	p := artifact.Piece{Path: "bomb", Total: int64(len(bomb)), Gzip: true, Length: 2 << 20}
	err = f.PutV3File(t.Context(), job, a.ID, p, strings.NewReader(bomb), p.Total)
	kind(t, "a bomb that says so", err, actions.Invalid)
}

// A server that is stopped while it packs has sealed the files: the client asks
// again, and gets its artifact.
func TestVersion3UploadsCanBeFinishedAgainAfterAFailure(t *testing.T) {
	ctx, f := t.Context(), open(t, nil)
	job := f.job(t)
	a, err := f.BeginV3(ctx, job, "dist", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"a", "b"} {
		if err := f.v3(t, job, a, path, "content", path == "b"); err != nil {
			t.Fatal(err)
		}
	}
	files, err := f.st.ArtifactFiles(ctx, a.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if err := f.objects.CommitRanges(ctx, file.ObjectID, file.Size); err != nil {
			t.Fatal(err)
		}
		sum, err := f.objects.Finish(ctx, file.ObjectID)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.st.Update(ctx, func(tx *store.Tx) error { return f.objects.Seal(ctx, tx, file.ObjectID, sum) }); err != nil {
			t.Fatal(err)
		}
	}
	done, err := f.FinishV3(ctx, job, "dist", 14)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := f.tree(t, done), "a=content b=content "; got != want {
		t.Errorf("files are %s, want %s", got, want)
	}
}

// Threat: upload to an artifact of another job. The answer does not tell whether
// there is one, and how far it is.
func TestArtifactsOfOtherJobsAreNotFoundByVersion3(t *testing.T) {
	f := open(t, nil)
	job, other := f.job(t), f.job(t)
	live := f.add(t, other, "live", "x")
	begun, err := f.BeginV3(t.Context(), other, "begun", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []*actions.Artifact{live, begun, {ID: 4711}} {
		kind(t, "artifact "+a.Name, f.v3(t, job, a, "a", "x", false), actions.NotFound)
	}
	kind(t, "version 4", f.v3(t, other, live, "a", "x", false), actions.NotFound)
	f.complete(t, other)
	kind(t, "of a job that is over", f.v3(t, job, begun, "a", "x", false), actions.NotFound)
	kind(t, "by the job that is over", f.v3(t, other, begun, "a", "x", false), actions.Conflict)
}
