// Package toolkit lifts the host check of the Actions toolkit.
//
// The packages @actions/artifact and @actions/cache look at the name in
// GITHUB_SERVER_URL. Unless it is github.com, or ends in .ghe.com or .localhost,
// they take the server for a product that lacks the services they need: all
// calls of the first are refused before any request, and the second falls back
// to an old protocol. This server has those services, whatever its name. Since
// actions reach runners through it, it can hand them out with that one function
// answering that nothing is lacking.
//
// Only the published forms of the function are known, as the compiler writes
// them and as bundlers keep them: see [Lift]. A replacement is as long as what
// it replaces, so that archives can be changed as they stream by, with all that
// surrounds the files untouched: see [Tar] and [Zip].
package toolkit

import (
	"bytes"
	"io"
	"regexp"
)

// maxForm is more bytes than the longest form of the function has.
const maxForm = 2048

// The function is found by the variable that it reads, and must then be one of
// the forms from its beginning, which is at most maxHead bytes before, to its end.
var (
	variable = []byte("GITHUB_SERVER_URL")
	keyword  = []byte("function ")
)

const maxHead = 256

// form is the function as it was published: by @actions/artifact from 2.0.0 on
// and @actions/cache from 3.0.0 on. Bundlers may have added to its name, and
// used other quotes and indentation. The group is what it returns.
var form = regexp.MustCompile(`^function [\w$]{0,80}isGhes[\w$]{0,20}\(\) ?\{\s{1,40}` +
	`(?:const|let|var) ghUrl = new URL\(process\.env(?:\[['"]GITHUB_SERVER_URL['"]\]|\.GITHUB_SERVER_URL) \|\| ['"]https://github\.com['"]\);\s{1,40}` +
	`(?:` +
	`(return ghUrl\.hostname\.toUpperCase\(\) !== ['"]GITHUB\.COM['"];)` +
	`|` +
	`(?:const|let|var) hostname = ghUrl\.hostname\.trimEnd\(\)\.toUpperCase\(\);\s{1,40}` +
	`(?:const|let|var) isGitHubHost = hostname === ['"]GITHUB\.COM['"];\s{1,40}` +
	`(?:const|let|var) isGheHost = hostname\.endsWith\(['"]\.GHE\.COM['"]\)(?:\s{1,40}\|\| hostname\.endsWith\(['"]\.GHE\.LOCALHOST['"]\))?;\s{1,40}` +
	`(?:(?:const|let|var) isLocalHost = hostname\.endsWith\(['"]\.LOCALHOST['"]\);\s{1,40})?` +
	`(return !isGitHubHost && !isGheHost(?: && !isLocalHost)?;)` +
	`)\s{1,40}\}`)

// lifted is what the function returns instead, filled up with blanks.
const lifted = "return false; /* lifted */"

// refusal is part of what @actions/artifact says when it refuses to work.
var refusal = []byte("are not currently supported on GHES")

// Lift lifts the host check wherever it stands in the text of a script, and
// returns how often. The text keeps its length. Doing it again does nothing.
func Lift(js []byte) int {
	n := 0
	for at := 0; ; {
		i := bytes.Index(js[at:], variable)
		if i < 0 {
			return n
		}
		at += i
		from := max(at-maxHead, 0)
		if j := bytes.LastIndex(js[from:at], keyword); j >= 0 && lift(js[from+j:min(from+j+maxForm, len(js))]) {
			n++
		}
		at += len(variable)
	}
}

// lift lifts the check in a text that may begin with it.
func lift(js []byte) bool {
	m := form.FindSubmatchIndex(js)
	if m == nil {
		return false
	}
	start, end := m[2], m[3]
	if start < 0 {
		start, end = m[4], m[5]
	}
	n := start + copy(js[start:end], lifted)
	for ; n < end; n++ {
		js[n] = ' '
	}
	return true
}

// A Reader reads a script with the host check lifted. It holds little of it at
// a time, and yields as many bytes as it is given.
type Reader struct {
	r      io.Reader
	buf    []byte
	ready  int // bytes of buf that are done
	kept   int // bytes of buf in all
	read   int // bytes of buf that are read
	err    error
	lifted int
	refuse bool
}

const window = 64 << 10

// NewReader returns a reader of the script that r reads.
func NewReader(r io.Reader) *Reader { return &Reader{r: r, buf: make([]byte, window)} }

// Reset begins with another script.
func (r *Reader) Reset(in io.Reader) { *r = Reader{r: in, buf: r.buf} }

// Lifted is how many checks were lifted so far.
func (r *Reader) Lifted() int { return r.lifted }

// Refuses says whether the script, so far, is one that refuses to work on some hosts.
func (r *Reader) Refuses() bool { return r.refuse }

// Read implements [io.Reader].
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for r.read == r.ready {
		if r.err != nil {
			return 0, r.err
		}
		r.fill()
	}
	n := copy(p, r.buf[r.read:r.ready])
	r.read += n
	return n, nil
}

// fill reads on. What may be the beginning of a form waits for its end.
func (r *Reader) fill() {
	r.kept = copy(r.buf, r.buf[r.ready:r.kept])
	r.read, r.ready = 0, 0
	for r.kept < len(r.buf) && r.err == nil {
		var n int
		n, r.err = r.r.Read(r.buf[r.kept:])
		r.kept += n
	}
	text := r.buf[:r.kept]
	r.lifted += Lift(text)
	r.refuse = r.refuse || bytes.Contains(text, refusal)
	r.ready = r.kept
	if r.err == nil {
		r.ready = r.kept - maxForm
	}
}
