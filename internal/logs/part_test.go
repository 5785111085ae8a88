package logs_test

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/logs/logstest"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

const bom = "\xEF\xBB\xBF"

func put(t testing.TB, l *logs.Logs, j *actions.Job, step string, part int64, body string) {
	t.Helper()
	if err := l.PutPart(t.Context(), j, step, part, strings.NewReader(body)); err != nil {
		t.Fatalf("part %d: %v", part, err)
	}
}

// read returns a log, and checks the size that was promised.
func read(t testing.TB, r io.ReadCloser, size int64, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if _, err := io.Copy(&b, r); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if int64(b.Len()) != size {
		t.Errorf("size %d was promised of %d", size, b.Len())
	}
	return b.String()
}

func stepLog(t testing.TB, l *logs.Logs, j *actions.Job, step string) string {
	t.Helper()
	r, size, err := l.OpenStep(t.Context(), j, step)
	return read(t, r, size, err)
}

func TestPiecesOfALogBecomeOneTextWithoutMarks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		f := logstest.New(t, st, logs.Limits{})
		j := f.Job("build")
		s := f.Step(j, 1, "Set up job")
		second, first := f.Logs.NewPart(), int64(1)
		put(t, f.Logs, j, s.GUID, second, bom+"three\nfour")
		put(t, f.Logs, j, s.GUID, first, bom+"one\ntwo\n")
		put(t, f.Logs, j, s.GUID, f.Logs.NewPart(), "\nno mark "+bom+"\n")
		if d := cmp.Diff("one\ntwo\nthree\nfour\nno mark "+bom+"\n", stepLog(t, f.Logs, j, s.GUID)); d != "" {
			t.Error(d)
		}
		parts, err := st.StepLog(t.Context(), j.ID, s.GUID)
		if err != nil {
			t.Fatal(err)
		}
		var lines []int64
		for _, p := range parts {
			lines = append(lines, p.Lines)
		}
		if d := cmp.Diff([]int64{2, 1, 2}, lines); d != "" {
			t.Error(d)
		}
	})
}

func TestRepeatedUploadReplacesAndNeverDoubles(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		f := logstest.New(t, st, logs.Limits{})
		j := f.Job("build")
		s := f.Step(j, 1, "Run")
		put(t, f.Logs, j, s.GUID, 5, "half")
		put(t, f.Logs, j, s.GUID, 5, "half and the rest\n")
		put(t, f.Logs, j, s.GUID, 5, "half and the rest\n")
		if got := stepLog(t, f.Logs, j, s.GUID); got != "half and the rest\n" {
			t.Errorf("got %q", got)
		}
		sweepBlobs(t, f)
		if n := f.Kept(); n != 1 {
			t.Errorf("%d blobs are left, want 1", n)
		}
		if dead, err := st.DeadBlobs(t.Context(), 10); err != nil || len(dead) != 0 {
			t.Errorf("dead blobs %v, %v", dead, err)
		}
	})
}

func TestAppendedBodiesAreKeptOnceEach(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		f := logstest.New(t, st, logs.Limits{})
		j := f.Job("build")
		s := f.Step(j, 1, "Run")
		at, next := f.Logs.NewPart(), f.Logs.NewPart()
		for _, c := range []struct {
			part int64
			body string
		}{{next, "end\n"}, {at, "one\n"}, {at, "two\n"}, {at, "one\n"}, {at, "three\n"}, {at, "two\n"}, {at, ""}, {next, "end\n"}} {
			if err := f.Logs.AppendPart(t.Context(), j, s.GUID, c.part, strings.NewReader(c.body)); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := stepLog(t, f.Logs, j, s.GUID), "one\ntwo\nthree\nend\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if n := f.Kept(); n != 4 {
			t.Errorf("%d blobs are left, want 4", n)
		}
	})
}

func TestConcurrentAppendsLoseNothing(t *testing.T) {
	f := logstest.New(t, storetest.Open(t), logs.Limits{})
	j := f.Job("build")
	s := f.Step(j, 1, "Run")
	at := f.Logs.NewPart()
	errs := make(chan error)
	for i := range 20 {
		go func() {
			errs <- f.Logs.AppendPart(t.Context(), j, s.GUID, at, strings.NewReader(fmt.Sprintf("line %02d\n", i%10)))
		}()
	}
	for range 20 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	got := stepLog(t, f.Logs, j, s.GUID)
	for i := range 10 {
		if !strings.Contains(got, fmt.Sprintf("line %02d\n", i)) {
			t.Errorf("line %d is missing from %q", i, got)
		}
	}
}

func TestFailedUploadLeavesNothing(t *testing.T) {
	f := logstest.New(t, storetest.Open(t), logs.Limits{Part: 100, Job: 1000, Parts: 3})
	j := f.Job("build")
	s := f.Step(j, 1, "Run")
	lost := errors.New("connection lost")
	for name, c := range map[string]struct {
		body io.Reader
		want actions.Kind
	}{
		"broken off at once": {iotest.ErrReader(lost), actions.Internal},
		"broken off":         {io.MultiReader(strings.NewReader("some\ntext"), iotest.ErrReader(lost)), actions.Internal},
		"too long":           {strings.NewReader(strings.Repeat("x", 500)), actions.Invalid},
	} {
		if err := f.Logs.PutPart(t.Context(), j, s.GUID, 1, c.body); actions.KindOf(err) != c.want {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	gone := *j
	gone.ID = 4711
	if err := f.Logs.PutPart(t.Context(), &gone, s.GUID, 1, strings.NewReader("x")); actions.KindOf(err) != actions.Conflict {
		t.Errorf("job that is deleted: got %v", err)
	}
	for _, body := range []string{"", bom} {
		put(t, f.Logs, j, s.GUID, 1, body)
	}
	if n := f.Kept(); n != 0 {
		t.Errorf("%d blobs are left", n)
	}
	if _, _, err := f.Logs.OpenStep(t.Context(), j, s.GUID); actions.KindOf(err) != actions.NotFound {
		t.Errorf("log that is not there: got %v", err)
	}
	for i := range 3 {
		put(t, f.Logs, j, s.GUID, int64(i), "x")
	}
	if err := f.Logs.PutPart(t.Context(), j, s.GUID, 4, strings.NewReader("x")); actions.KindOf(err) != actions.TooMany {
		t.Errorf("fourth part of three: got %v", err)
	}
}

func TestTextBeyondTheLimitOfAJobIsDroppedWithANote(t *testing.T) {
	for _, c := range []struct {
		name  string
		parts []string
		want  string
	}{
		{"within a line", []string{"0123456\n", "abcdefghij\nk\n", "more\n"}, "0123456\nabcdefgh\nNOTE\n"},
		{"at a line break", []string{"0123456\nabcdefg\nmore\n", "more\n"}, "0123456\nabcdefg\nNOTE\n"},
		{"exactly full", []string{"0123456\nabcdefg\n"}, "0123456\nabcdefg\n"},
		{"full, then more", []string{"0123456\nabcdefg\n", "more\n", "more\n"}, "0123456\nabcdefg\nNOTE\n"},
		{"with a mark", []string{bom + "0123456\nabcdefg\nx"}, "0123456\nabcdefg\nNOTE\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := logstest.New(t, storetest.Open(t), logs.Limits{Part: 1000, Job: 16, Parts: 10})
			j := f.Job("build")
			s := f.Step(j, 1, "Run")
			for i, p := range c.parts {
				if err := f.Logs.PutPart(t.Context(), j, s.GUID, int64(i), iotest.OneByteReader(strings.NewReader(p))); err != nil {
					t.Fatal(err)
				}
			}
			got := stepLog(t, f.Logs, j, s.GUID)
			if before, note, ok := strings.Cut(got, "##[warning]"); ok {
				got = before[:strings.LastIndexByte(before, '\n')+1] + "NOTE\n"
				if !strings.Contains(note, "longer than 16 bytes") {
					t.Errorf("note %q", note)
				}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestPartNumbersOnlyGrow(t *testing.T) {
	f := logstest.New(t, storetest.Open(t), logs.Limits{})
	last := int64(0)
	for range 10_000 {
		n := f.Logs.NewPart()
		if n < last+logs.Room {
			t.Fatalf("%d after %d", n, last)
		}
		last = n
	}
}

// Anything that has the token with which GitHub's runner reports can send a log of the
// job: that takes nothing away.
func TestJobLogIsThatOfItsStepsOrWhatWasSentAsSuch(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		f := logstest.New(t, st, logs.Limits{})
		j := f.Job("build")
		post, setUp := f.Step(j, 9, "Post"), f.Step(j, 1, "Set up job")
		put(t, f.Logs, j, post.GUID, 1, "post\n")
		put(t, f.Logs, j, setUp.GUID, 3, "two\n")
		put(t, f.Logs, j, setUp.GUID, 2, "one\n")
		put(t, f.Logs, j, "11111111-1111-4111-8111-111111111111", 1, "unheard of\n")
		put(t, f.Logs, j, logs.Preamble, 4, "hello\n")
		jobLog := func() string {
			r, size, err := f.Logs.OpenJob(t.Context(), j)
			return read(t, r, size, err)
		}
		if d := cmp.Diff("hello\none\ntwo\npost\nunheard of\n", jobLog()); d != "" {
			t.Error(d)
		}
		put(t, f.Logs, j, j.GUID, 1, "all of it\n")
		if d := cmp.Diff("hello\none\ntwo\npost\nunheard of\n", jobLog()); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff("all of it\n", entries(t, archive(t, f))["build/job.txt"]); d != "" {
			t.Errorf("in the archive: %s", d)
		}
		j = f.Job("other")
		put(t, f.Logs, j, logs.Preamble, 1, "hello\n")
		put(t, f.Logs, j, j.GUID, 1, "hello\nall of it\n")
		if d := cmp.Diff("hello\nall of it\n", jobLog()); d != "" {
			t.Errorf("without logs of steps: %s", d)
		}
	})
}

// The server's own notes come first, whatever the runner sends, and once.
func TestNotesOfTheServerComeFirst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		f := logstest.New(t, st, logs.Limits{})
		j := f.Job("build")
		jobLog := func() string {
			r, size, err := f.Logs.OpenJob(t.Context(), j)
			return stamps.ReplaceAllString(read(t, r, size, err), "")
		}
		part := f.Logs.NewPart()
		for range 2 {
			if err := f.Logs.Note(t.Context(), j, part, "no\x1b\nted", "and more"); err != nil {
				t.Fatal(err)
			}
		}
		if d := cmp.Diff("noted\nand more\n", jobLog()); d != "" {
			t.Error(d)
		}
		put(t, f.Logs, j, j.GUID, 1, "all of it\n")
		if d := cmp.Diff("noted\nand more\nall of it\n", jobLog()); d != "" {
			t.Error(d)
		}
		setUp := f.Step(j, 1, "Set up job")
		put(t, f.Logs, j, setUp.GUID, 1, "one\n")
		put(t, f.Logs, j, logs.Preamble, 4, "hello\n")
		if d := cmp.Diff("noted\nand more\nhello\none\n", jobLog()); d != "" {
			t.Error(d)
		}
	})
}

var stamps = regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\dT[\d:.]+Z `)

func TestLogWhoseBytesAreLostIsGone(t *testing.T) {
	f := logstest.New(t, storetest.Open(t), logs.Limits{})
	j := f.Job("build")
	s := f.Step(j, 1, "Run")
	put(t, f.Logs, j, s.GUID, 1, "one\n")
	put(t, f.Logs, j, s.GUID, 2, "two\n")
	parts, err := f.Store.StepLog(t.Context(), j.ID, s.GUID)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Blobs.Delete(t.Context(), parts[1].Blob); err != nil {
		t.Fatal(err)
	}
	r, _, err := f.Logs.OpenStep(t.Context(), j, s.GUID)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); actions.KindOf(err) != actions.Gone || string(got) != "one\n" {
		t.Errorf("got %q, %v", got, err)
	}
	if err := f.Blobs.Delete(t.Context(), parts[0].Blob); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Logs.OpenStep(t.Context(), j, s.GUID); actions.KindOf(err) != actions.Gone {
		t.Errorf("got %v", err)
	}
}

func TestSummariesComeInTheOrderOfSteps(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		limits := logs.DefaultLimits()
		limits.Summary = 40
		f := logstest.New(t, st, limits)
		j := f.Job("build")
		second, first := f.Step(j, 2, "B"), f.Step(j, 1, "A")
		changed := st.Subscribe(store.RunTopic(j.RunID))
		defer changed.Close()
		for _, s := range []struct{ step, text string }{
			{second.GUID, "old"}, {first.GUID, bom + "# A \xff"}, {second.GUID, "# B"}, {first.GUID, ""},
		} {
			if err := f.Logs.PutSummary(t.Context(), j, s.step, strings.NewReader(s.text)); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case <-changed.C():
		default:
			t.Error("pages of the run are not told")
		}
		err := f.Logs.PutSummary(t.Context(), j, first.GUID, strings.NewReader(strings.Repeat("x", 43)))
		if actions.KindOf(err) != actions.Invalid {
			t.Errorf("too long: got %v", err)
		}
		list, err := f.Logs.Summaries(t.Context(), f.Run.ID, 1)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range list {
			text, err := f.Logs.ReadSummary(t.Context(), s.Key)
			if err != nil || s.JobID != j.ID {
				t.Errorf("%+v: %v", s, err)
			}
			got = append(got, s.Step, text)
		}
		if d := cmp.Diff([]string{first.GUID, "# A \uFFFD", second.GUID, "# B"}, got); d != "" {
			t.Error(d)
		}
		sweepBlobs(t, f)
		if n := f.Kept(); n != 2 {
			t.Errorf("%d blobs are left, want 2", n)
		}
	})
}
