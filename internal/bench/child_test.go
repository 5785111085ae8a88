package bench

import (
	"encoding/json"
	"io"
	"testing"
	"time"
)

func TestAProcessBesideTheServerEndsWithItsInput(t *testing.T) {
	for name, task := range map[string]Task{
		"loops":   {Spin: 0.01},
		"assault": {Assault: &Assault{URL: "http://127.0.0.1:1", Attackers: []Attacker{{Clone: t.TempDir()}}}}, // nobody is there
	} {
		r, w := io.Pipe()
		ended := make(chan error, 1)
		go func() { ended <- Child(t.Context(), r, time.Now) }()
		if err := json.NewEncoder(w).Encode(task); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			t.Errorf("%s has ended: %v", name, err)
		case <-time.After(20 * time.Millisecond):
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	r, w := io.Pipe()
	go func() { _, _ = io.WriteString(w, "nonsense\n") }()
	if err := Child(t.Context(), r, time.Now); err == nil {
		t.Error("a task that is none is done")
	}
}
