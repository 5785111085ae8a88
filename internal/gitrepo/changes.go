package gitrepo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// Bounds of what is told of the changes of a commit. Those of files and patches are
// GitHub's.
const (
	maxChanges    = 3000             // files
	maxPatch      = 500 << 10        // bytes of the patch of one file
	maxPatches    = 1 << 20          // bytes of the patches of a page
	maxCompared   = "4m"             // bytes of a file: what is larger is taken for binary
	changesTime   = 10 * time.Second // for all of it
	changesBuffer = 64 << 10
)

// noFiles is the tree without files, which git knows in every repository.
const noFiles = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

// Changes are what a commit has changed since its first parent, or all that it has if it
// has none.
type Changes struct {
	Files                []FileChange // of one page
	Total                int          // files, 3,000 at most
	Additions, Deletions int          // lines of all files
}

// A FileChange is what a commit has changed of one file. Text that is not UTF-8 has
// replacement characters.
type FileChange struct {
	Status               string // GitHub's word: added, removed, modified, renamed, changed
	Path                 string
	Previous             string // the path before, of a renamed file
	SHA                  string // of the content; of a removed file, of what it had
	Additions, Deletions int    // lines; 0 for what is no text
	Patch                string // the hunks; "" without any, and where they are too large
}

// Changes compares a commit with its first parent. What takes more than ten seconds is
// [actions.Unavailable].
func (v *View) Changes(ctx context.Context, c *Commit, p actions.Page) (*Changes, error) {
	before := noFiles
	if len(c.Parents) > 0 {
		before = c.Parents[0]
	}
	return v.ChangesBetween(ctx, before, c.SHA, p)
}

// ChangesBetween is [View.Changes] of two commits.
func (v *View) ChangesBetween(ctx context.Context, before, after string, p actions.Page) (*Changes, error) {
	if err := errors.Join(checkSHA(before), checkSHA(after)); err != nil {
		return nil, err
	}
	leave, err := v.git.enter(ctx, v)
	if err != nil {
		return nil, err
	}
	defer leave()
	limited, cancel := context.WithTimeout(ctx, min(changesTime, v.git.limits.Time))
	defer cancel()
	cmd := v.command(limited, "-c", "core.bigFileThreshold="+maxCompared,
		"diff-tree", "-r", "-z", "--find-renames", "--raw", "--numstat", "--patch", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv", before, after)
	var stderr tail
	cmd.Stderr = &stderr
	var changes *Changes
	var enough bool
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err == nil {
		changes, enough, err = readChanges(bufio.NewReaderSize(out, changesBuffer), p)
		if enough {
			cancel()
		}
		err = errors.Join(err, cmd.Wait())
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case enough:
		return changes, nil
	case limited.Err() != nil:
		return nil, actions.Errorf(actions.Unavailable, "The changes of commit %s take too long to compare", after)
	case err != nil:
		return nil, fmt.Errorf("repository %d: git diff-tree: %w: %s", v.id, err, stderr.String())
	}
	return changes, nil
}

// readChanges reads what git diff-tree prints: each file with its contents, then each with
// its numbers of lines, then the patches. It says that it has enough once nothing more of
// the page can come.
func readChanges(r *bufio.Reader, p actions.Page) (changes *Changes, enough bool, err error) {
	d := &changesReader{Reader: r}
	if err := d.lists(); err != nil {
		return nil, false, err
	}
	d.Total = len(d.Files)
	first := min(p.Offset(), d.Total)
	last := min(first+p.Size, d.Total)
	if first < last {
		enough, err = d.patches(first, last)
	}
	d.Files = d.Files[first:last]
	return &d.Changes, enough, err
}

type changesReader struct {
	*bufio.Reader
	Changes
	twice map[int]bool // files that git tells as removed and added, as what they are has changed
	full  bool         // other files are not told
}

// word reads what ends in a zero byte.
func (d *changesReader) word() (string, error) {
	text, err := d.ReadSlice(0)
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", actions.Errorf(actions.Invalid, "a path has more than %d bytes", changesBuffer)
	}
	return string(bytes.TrimSuffix(text, []byte{0})), err
}

// lists reads the files, and then their numbers of lines, up to the patches.
func (d *changesReader) lists() error {
	d.twice = make(map[int]bool)
	for counted := 0; ; {
		head, err := d.word()
		switch {
		case head == "" && (err == nil || errors.Is(err, io.EOF)): // with which it ends where nothing has changed
			return nil
		case err != nil:
			return err
		case strings.HasPrefix(head, ":"):
			err = d.file(strings.Fields(head[1:]))
		default:
			err = d.lines(counted, strings.SplitN(head, "\t", 3))
			counted++
		}
		if err != nil {
			return err
		}
	}
}

var errChanges = errors.New("its output makes no sense")

// file reads the paths of a file of which modes, contents and a letter are known.
func (d *changesReader) file(head []string) error {
	const modeBefore, modeAfter, before, after, letter, fields = 0, 1, 2, 3, 4, 5
	if len(head) != fields {
		return errChanges
	}
	f := FileChange{Status: "modified", SHA: head[after]}
	path, err := d.word()
	if err != nil {
		return err
	}
	switch head[letter][0] {
	case 'A':
		f.Status = "added"
	case 'D':
		f.Status, f.SHA = "removed", head[before]
	case 'T':
		f.Status = "changed"
	case 'R':
		f.Status, f.Previous = "renamed", strings.ToValidUTF8(path, "\ufffd")
		if path, err = d.word(); err != nil {
			return err
		}
	case 'M':
		if head[modeBefore] != head[modeAfter] && head[before] == head[after] {
			f.Status = "changed"
		}
	}
	if d.full = d.full || len(d.Files) == maxChanges || len(path) > maxPath || len(f.Previous) > maxPath; d.full {
		return nil
	}
	f.Path = strings.ToValidUTF8(path, "\ufffd")
	d.twice[len(d.Files)] = head[letter] == "T"
	d.Files = append(d.Files, f)
	return nil
}

// lines takes the numbers of lines of file i: "-" for what is no text. The paths of a
// renamed file come after them.
func (d *changesReader) lines(i int, head []string) error {
	if len(head) != 3 {
		return errChanges
	}
	if head[2] == "" {
		for range 2 {
			if _, err := d.word(); err != nil {
				return err
			}
		}
	}
	added, _ := strconv.Atoi(head[0])   // 0 for what is no text
	deleted, _ := strconv.Atoi(head[1]) // likewise
	d.Additions += added
	d.Deletions += deleted
	if i < len(d.Files) {
		d.Files[i].Additions, d.Files[i].Deletions = added, deleted
	}
	return nil
}

// patches reads those of files from first up to last, which it does not read. No line of a
// patch but the first of a file begins as that does, and paths in it have no line breaks.
func (d *changesReader) patches(first, last int) (enough bool, err error) {
	var (
		i      = -1
		twice  bool // the next is of the same file
		inside bool // a hunk
		begins = true
		total  int
		patch  []byte
	)
	keep := func() {
		text := strings.ToValidUTF8(strings.TrimSuffix(string(patch), "\n"), "\ufffd")
		if i >= first && len(patch) <= maxPatch && total+len(text) <= maxPatches {
			d.Files[i].Patch = text
			total += len(text)
		}
		patch = patch[:0]
	}
	for {
		line, err := d.ReadSlice('\n')
		switch {
		case begins && bytes.HasPrefix(line, []byte("diff --git ")):
			inside = false
			if twice {
				twice = false
				break
			}
			keep()
			if i++; i == last {
				return true, nil
			}
			twice = d.twice[i]
		case begins && bytes.HasPrefix(line, []byte("@@")):
			inside = true
		}
		if inside && i >= first && len(patch) <= maxPatch {
			patch = append(patch, line...)
		}
		begins = err == nil
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			keep()
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return false, err
		}
	}
}
