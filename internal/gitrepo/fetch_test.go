package gitrepo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/understudy-ci/understudy/internal/actions"
)

// wanting is a request of a fetch in protocol version 2.
func wanting(shas ...string) *bytes.Buffer {
	var b bytes.Buffer
	b.Write(pktLine([]byte("command=fetch\n")))
	b.WriteString("0001")
	for _, sha := range shas {
		b.Write(pktLine([]byte("want " + sha + "\n")))
	}
	b.Write(pktLine([]byte("done\n")))
	b.Write(flushPacket)
	return &b
}

func TestAFetchAsksForSoManyObjects(t *testing.T) {
	g := newTestGit(t, Limits{Wants: 2})
	sha := func(n int) string { return fmt.Sprintf("%040x", n) }
	if _, err := g.ReadFetch(wanting(sha(10), strings.ToUpper(sha(10)))); err != nil {
		t.Errorf("two of two: %v", err)
	}
	if _, err := g.ReadFetch(wanting(sha(1), sha(2), sha(3))); actions.KindOf(err) != actions.Invalid {
		t.Errorf("three of two: got %v, want Invalid", err)
	}
	if _, err := g.ReadFetch(wanting("x" + sha(1)[1:])); actions.KindOf(err) != actions.Malformed {
		t.Errorf("no hash: got %v, want Malformed", err)
	}
}

// Somebody asked for 200,000 objects, and nobody could read a file for 48 s.
func TestAFetchTakesNoReaderOfObjects(t *testing.T) {
	g := newTestGit(t, Limits{Readers: 1})
	c := g.clone(t)
	first := c.Commit("one", "a.txt", "a")
	c.Commit("two", "a.txt", "b")
	c.Git("push", "-q", "origin", "main")
	leave, err := g.pool.enter(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer leave()
	for name, sha := range map[string]string{"PACK": first, "not our ref": strings.Repeat("1", 40)} {
		request, err := g.ReadFetch(wanting(sha))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := g.UploadPack(t.Context(), 1, 2, request, nil, &out); err != nil || !strings.Contains(out.String(), name) {
			t.Errorf("%s: %.60q, %v; want %s", sha, out.String(), err, name)
		}
	}
}

func TestOneRepositoryLeavesReadersToOthers(t *testing.T) {
	g := newTestGit(t, Limits{Readers: 2})
	if err := g.Create(t.Context(), 2, "main"); err != nil {
		t.Fatal(err)
	}
	leave, err := g.pool.enter(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer leave()
	// the second of repository 1 waits, and comes after that of repository 2
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if leave, err := g.pool.enter(ctx, 1); err == nil {
			leave()
			t.Error("repository 1 has both readers")
		}
	}()
	other, err := g.pool.enter(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	other()
	cancel()
	<-done
}

func TestARequestThatIsCutOffIsRefused(t *testing.T) {
	g := newTestGit(t, Limits{})
	whole := wanting(strings.Repeat("1", 40)).Bytes()
	if _, err := g.ReadFetch(iotest.OneByteReader(bytes.NewReader(whole))); err != nil {
		t.Errorf("byte by byte: %v", err)
	}
	for _, n := range []int{1, 3, 10, len(whole) - 1} {
		if _, err := g.ReadFetch(bytes.NewReader(whole[:n])); actions.KindOf(err) != actions.Malformed {
			t.Errorf("%d bytes of %d: %v, want Malformed", n, len(whole), err)
		}
	}
	broken := io.MultiReader(bytes.NewReader(whole), iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := g.ReadFetch(broken); actions.KindOf(err) != actions.Malformed {
		t.Errorf("a body that breaks off behind its last line: %v, want Malformed", err)
	}
}
