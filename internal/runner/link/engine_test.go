package link

import (
	"context"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/runner/container"
)

// A fakeEngine prints what it is asked for, or waits until it is told to stop.
type fakeEngine struct{ told chan string }

func (f *fakeEngine) Do(ctx context.Context, c container.Command, s container.Stream) (int, error) {
	s.Shown("##[command]" + string(c.Do))
	s.Output([]byte(c.Spec.Image + "\n"))
	switch c.Do {
	case container.Pull:
		return 0, container.Error("refused")
	case container.Run:
		<-ctx.Done()
		f.told <- "stop"
		<-s.Kill
		f.told <- "kill"
		return 137, nil
	default:
		return 7, nil
	}
}

func TestAWorkerHasContainersByItsRunner(t *testing.T) {
	engine := &fakeEngine{told: make(chan string, 2)}
	s := connectWith(t, engine)
	var shown string
	var out strings.Builder
	began := make(chan struct{}, 8)
	stream := container.Stream{Shown: func(line string) { shown = line }, Output: func(b []byte) { out.Write(b); began <- struct{}{} }}
	code, err := s.Do(t.Context(), container.Command{Do: container.Start, Spec: container.Spec{Image: "a"}}, stream)
	if code != 7 || err != nil || shown != "##[command]start" || out.String() != "a\n" {
		t.Errorf("got %d, %v, %q, %q", code, err, shown, out.String())
	}
	if _, err := s.Do(t.Context(), container.Command{Do: container.Pull}, stream); err == nil || err.Error() != "refused" {
		t.Errorf("got %v", err)
	}
	for len(began) > 0 {
		<-began
	}
	ctx, cancel := context.WithCancel(t.Context())
	kill := make(chan struct{})
	stream.Kill = kill
	go func() {
		<-began
		cancel()
		if told := <-engine.told; told != "stop" {
			t.Errorf("told %s", told)
		}
		close(kill)
	}()
	code, err = s.Do(ctx, container.Command{Do: container.Run}, stream)
	if code != 137 || err != nil {
		t.Errorf("got %d, %v", code, err)
	}
}

func TestARunnerWithoutAnEngineSaysSo(t *testing.T) {
	s := connect(t)
	if _, err := s.Do(t.Context(), container.Command{Do: container.Start}, container.Stream{}); err == nil || err.Error() != "this runner has no container engine" {
		t.Errorf("got %v", err)
	}
}
