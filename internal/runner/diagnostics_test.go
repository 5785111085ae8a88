package runner

import (
	"archive/zip"
	"bytes"
	"context"
	"io/fs"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/runner/worker"
	"github.com/understudy-ci/understudy/internal/wire"
)

func TestADebuggedRunnerSendsWhatItLoggedOfTheJob(t *testing.T) {
	s := newServer(t)
	s.debugged = true
	runJob(t, s, func(ctx context.Context, j *worker.Job) {
		j.Log.DebugContext(ctx, "looked", "token", "ghs_x and ghs_x")
	})
	z, err := zip.NewReader(strings.NewReader(s.blob("diagnostics")), int64(len(s.blob("diagnostics"))))
	if err != nil {
		t.Fatal(err)
	}
	var names, texts []string
	for _, f := range z.File {
		text, err := fs.ReadFile(z, f.Name)
		if err != nil {
			t.Fatal(err)
		}
		names, texts = append(names, f.Name), append(texts, string(text))
	}
	if len(names) != 2 || names[0] != "environment.txt" || !strings.HasPrefix(names[1], "Runner_2") || !strings.HasSuffix(names[1], "-utc.log") {
		t.Fatalf("files %q", names)
	}
	if !strings.Contains(texts[0], "\nRunner Id: 7\n") || !strings.HasSuffix(texts[0], "\nSteps:\n\tName: actions/cache/save Version: v4\n") {
		t.Errorf("environment.txt:\n%s", texts[0])
	}
	for _, want := range []string{`msg="job acquired"`, `msg=looked`, `token="*** and ***"`} {
		if !strings.Contains(texts[1], want) {
			t.Errorf("no %q in the log, which begins\n%.2000s", want, texts[1])
		}
	}
	if strings.Contains(texts[1], "ghs_x") {
		t.Errorf("a secret in\n%.2000s", texts[1])
	}
}

func TestDiagnosticsAreBounded(t *testing.T) {
	var d diagnostics
	line := bytes.Repeat([]byte("long\n"), 2000)
	for range 2 * maxDiagnostics / len(line) {
		if n, err := d.Write(line); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	got := d.lines(&wire.JobMessage{})
	if n := len(got); n < maxDiagnostics-len(line) || n > maxDiagnostics+100 || bytes.Count(got, []byte("The rest is not kept.\n")) != 1 {
		t.Errorf("%d bytes, which end in %q", n, got[max(0, n-100):])
	}
}

func TestARunnerThatIsNotDebuggedSendsNoDiagnostics(t *testing.T) {
	s := newServer(t)
	runJob(t, s, func(ctx context.Context, j *worker.Job) { j.Log.DebugContext(ctx, "looked") })
	if got := s.blob("diagnostics"); got != "" {
		t.Errorf("%d bytes", len(got))
	}
}
