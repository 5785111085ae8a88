package web

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// logHTML is the HTML of a log, what it took to write it, and the lines that are
// left for the page.
func logHTML(t testing.TB, r io.Reader, left int) (html string, lines int64, still int, err error) {
	t.Helper()
	var b strings.Builder
	l := &logWriter{w: bufio.NewWriter(&b), left: left}
	lines, err = l.writeStep(3, r, "/raw")
	if ferr := l.w.Flush(); ferr != nil {
		t.Fatal(ferr)
	}
	return b.String(), lines, l.left, err
}

func TestGroupsAreNestedDetails(t *testing.T) {
	log := "2026-11-20T12:43:29.1Z ##[group]a\n<b>\n##[group]c\nd\n##[endgroup]\n##[endgroup]\n##[endgroup]\n##[error]e\n##[group]open"
	got, n, left, err := logHTML(t, strings.NewReader(log), 100)
	want := `<details><summary><div class="l group" id="step:3:1"><a href="#step:3:1">1</a><time>2026-11-20 12:43:29</time><span>a</span></div>
</summary>
<div class="l" id="step:3:2"><a href="#step:3:2">2</a><span>&lt;b&gt;</span></div>
<details><summary><div class="l group" id="step:3:3"><a href="#step:3:3">3</a><span>c</span></div>
</summary>
<div class="l" id="step:3:4"><a href="#step:3:4">4</a><span>d</span></div>
</details>
</details>
<div class="l error" id="step:3:8"><a href="#step:3:8">8</a><span>Error: e</span></div>
<details><summary><div class="l group" id="step:3:9"><a href="#step:3:9">9</a><span>open</span></div>
</summary>
</details>
`
	if diff := cmp.Diff(want, got); diff != "" || n != 9 || left != 91 || err != nil {
		t.Errorf("%d lines, %d left, %v:\n%s", n, left, err, diff)
	}
}

func TestEndlessGroupsStayShallow(t *testing.T) {
	got, _, _, err := logHTML(t, strings.NewReader(strings.Repeat("##[group]x\n", 1000)), pageLines)
	if opened, closed := strings.Count(got, "<details>"), strings.Count(got, "</details>"); opened != maxGroups || closed != maxGroups || err != nil {
		t.Errorf("%d opened, %d closed, %v", opened, closed, err)
	}
}

func TestLongLogsShowStartAndEnd(t *testing.T) {
	lines := func(n int) io.Reader {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "line-%d\n", i+1)
		}
		return strings.NewReader(b.String())
	}
	const all = headLines + tailLines
	for _, c := range []struct {
		total, left, head, tail int // lines of the log, allowed on the page, shown first and last
	}{
		{10, pageLines, 10, 0},
		{headLines, pageLines, headLines, 0},
		{all, pageLines, headLines, tailLines},
		{all + 1, pageLines, headLines, tailLines},
		{12_345, pageLines, headLines, tailLines},
		{12_345, 100, 100, 0},
		{12_345, headLines + 7, headLines, 7},
		{12_345, 0, 0, 0},
	} {
		got, n, left, err := logHTML(t, lines(c.total), c.left)
		if n != int64(c.total) || err != nil || left != c.left-c.head-c.tail {
			t.Errorf("%+v: %d lines, %d left, %v", c, n, left, err)
		}
		if shown := strings.Count(got, `class="l"`); shown != c.head+c.tail {
			t.Errorf("%+v: shown %d", c, shown)
		}
		for _, at := range []int{1, c.head, c.total - c.tail + 1, c.total} {
			inside := at >= 1 && (at <= c.head || at > c.total-c.tail)
			if has := strings.Contains(got, fmt.Sprintf(`id="step:3:%d"><a href="#step:3:%d">%d</a><span>line-%d</span>`, at, at, at, at)); inside && at <= c.total && !has {
				t.Errorf("%+v: line %d is missing or wrong", c, at)
			}
		}
		skipped := c.total - c.head - c.tail
		if has := strings.Contains(got, fmt.Sprintf(`>%d lines are not shown here. <a href="/raw">`, skipped)); has != (skipped > 0) {
			t.Errorf("%+v: note of %d lines: %t", c, skipped, has)
		}
	}
}

func TestHugeLinesCostNoMemory(t *testing.T) {
	log := io.MultiReader(strings.NewReader("a\n"), io.LimitReader(endless('x'), 64<<20), strings.NewReader("\nb"))
	got, n, _, err := logHTML(t, log, pageLines)
	if n != 3 || err != nil || len(got) > 2*maxLine || !strings.Contains(got, cutMark) || !strings.Contains(got, ">b</span>") {
		t.Errorf("%d lines, %v, %d bytes", n, err, len(got))
	}
}

type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

func TestLogThatBreaksOffKeepsThePageWhole(t *testing.T) {
	broken := errors.New("the disk is gone")
	got, n, _, err := logHTML(t, io.MultiReader(strings.NewReader("##[group]a\nb\n"), iotest.ErrReader(broken)), pageLines)
	if !errors.Is(err, broken) || n != 2 || !strings.HasSuffix(got, "</details>\n") {
		t.Errorf("%d lines, %v:\n%s", n, err, got)
	}
}

func BenchmarkLogHTML(b *testing.B) {
	log := strings.Repeat("2026-11-20T12:43:29.6859909Z ok  \t\x1b[32mexample.com/hello\x1b[0m\t0.012s\n", headLines)
	b.SetBytes(int64(len(log)))
	for b.Loop() {
		l := &logWriter{w: bufio.NewWriter(io.Discard), left: pageLines}
		if _, err := l.writeStep(1, strings.NewReader(log), "/raw"); err != nil {
			b.Fatal(err)
		}
	}
}
