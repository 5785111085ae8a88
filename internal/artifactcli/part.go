package artifactcli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"sync"
)

// A part is the file that an artifact is downloaded into, and the note beside it
// that says which pieces it has. The note is written after its pieces, so it stays
// true when this process is killed.
type part struct {
	root *os.Root
	name string // of the file
	file *os.File

	mu    sync.Mutex
	state note
	next  int // pieces before it are taken
}

// A note is what stands beside the file, in JSON.
type note struct {
	Of     string `json:"of"`     // the URL of the artifact: the same number may be another's elsewhere
	Size   int64  `json:"size"`   // bytes of the artifact
	Digest string `json:"digest"` // that the API gave
	ETag   string `json:"etag"`   // that the storage gave; empty before its first answer
	Type   string `json:"type"`   // of the content
	Piece  int64  `json:"piece"`  // bytes of each piece but the last
	Done   []byte `json:"done"`   // a bit for each piece
}

// fits says whether what was begun can be gone on with.
func (n *note) fits(o *note) bool {
	return n.Of == o.Of && n.Size == o.Size && n.Digest == o.Digest && (n.Digest != "" || n.ETag != "") &&
		n.Piece > 0 && int64(len(n.Done)) == (count(n.Size, n.Piece)+7)/8
}

// count is how many pieces there are.
func count(size, piece int64) int64 { return max(1, (size+piece-1)/piece) }

// openPart opens the file of an artifact in root, as it was left or anew.
func openPart(root *os.Root, of string, a *Artifact, piece int64) (*part, error) {
	p := &part{root: root, name: ".artifact-" + strconv.FormatInt(a.ID, 10) + ".part"}
	want := note{Of: of, Size: a.Size, Digest: a.Digest}
	flags := os.O_RDWR | os.O_CREATE
	if p.read(); !p.state.fits(&want) {
		p.state = want
		p.divide(piece)
		flags |= os.O_TRUNC
	}
	var err error
	p.file, err = root.OpenFile(p.name, flags, 0o666)
	return p, err
}

func (p *part) noteName() string { return p.name + ".json" }

// read reads the note. One that cannot be read, or whose file is gone, is none.
func (p *part) read() {
	text, err := p.root.ReadFile(p.noteName())
	if err != nil || json.Unmarshal(text, &p.state) != nil {
		p.state = note{}
	}
	if info, err := p.root.Lstat(p.name); err != nil || !info.Mode().IsRegular() || info.Size() > p.state.Size {
		p.state = note{}
	}
}

// divide begins anew, with pieces of a size.
func (p *part) divide(piece int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.Piece, p.state.ETag, p.state.Type = max(piece, 1), "", ""
	p.state.Done = make([]byte, (count(p.state.Size, p.state.Piece)+7)/8)
	p.next = 0
}

// again makes take begin with the first piece that is missing.
func (p *part) again() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = 0
}

// take returns the next piece that is missing, from its first byte to the one
// behind its last, and false when there is none.
func (p *part) take() (i int, from, to int64, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := int(count(p.state.Size, p.state.Piece)); p.next < n; {
		i = p.next
		p.next++
		if p.state.Done[i/8]&(1<<(i%8)) == 0 {
			from = int64(i) * p.state.Piece
			return i, from, min(from+p.state.Piece, p.state.Size), true
		}
	}
	return 0, 0, 0, false
}

// have is how many bytes are there.
func (p *part) have() (n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range count(p.state.Size, p.state.Piece) {
		if p.state.Done[i/8]&(1<<(i%8)) != 0 {
			n += min(p.state.Piece, p.state.Size-i*p.state.Piece)
		}
	}
	return n
}

// whole says whether the artifact is one piece.
func (p *part) whole() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state.Piece >= p.state.Size
}

// etag is the validator of what is there, empty when there is none.
func (p *part) etag() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state.ETag
}

// contentType is that of the artifact.
func (p *part) contentType() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state.Type
}

// describe keeps what an answer says of the bytes. All answers must say the same.
func (p *part) describe(etag, contentType string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state.ETag != "" && etag != p.state.ETag {
		return errChanged
	}
	p.state.ETag, p.state.Type = etag, contentType
	return nil
}

var (
	errChanged  = errors.New("the storage has other bytes than before")
	errNoRanges = errors.New("the storage gives no ranges")
)

// finish notes that a piece is there.
func (p *part) finish(i int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.Done[i/8] |= 1 << (i % 8)
	text, err := json.Marshal(p.state)
	if err != nil {
		return err
	}
	if err := p.root.WriteFile(p.noteName()+".new", text, 0o666); err != nil {
		return err
	}
	return p.root.Rename(p.noteName()+".new", p.noteName())
}

// close closes the file and leaves it where it is.
func (p *part) close() { p.file.Close() }

// remove removes the file, if it is still there, and the note.
func (p *part) remove() error {
	p.close()
	var errs []error
	for _, name := range []string{p.name, p.noteName(), p.noteName() + ".new"} {
		if err := p.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}
