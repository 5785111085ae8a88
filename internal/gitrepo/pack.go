package gitrepo

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"crypto/sha1" // it is how git names objects
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// A NewObject is one that the server makes itself, and that [Git.Move] brings along.
type NewObject struct {
	kind byte // as in packs
	data []byte
}

const (
	commitObject byte = 1
	treeObject   byte = 2
	blobObject   byte = 3
)

var objectNames = map[byte]string{commitObject: "commit", treeObject: "tree", blobObject: "blob"}

// SHA is the name of the object.
func (o NewObject) SHA() string {
	h := sha1.New() // as above
	fmt.Fprintf(h, "%s %d\x00", objectNames[o.kind], len(o.data))
	h.Write(o.data)
	return hex.EncodeToString(h.Sum(nil))
}

// newTree is a directory with entries in any order.
func newTree(entries []Entry) (NewObject, error) {
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.sortKey(), b.sortKey()) })
	var b bytes.Buffer
	for _, e := range entries {
		sha, err := hex.DecodeString(e.SHA)
		if err != nil {
			return NewObject{}, fmt.Errorf("entry %q: %w", e.Name, err)
		}
		fmt.Fprintf(&b, "%o %s\x00", e.Mode, e.Name)
		b.Write(sha)
	}
	return NewObject{treeObject, b.Bytes()}, nil
}

// sortKey is what git sorts names by: that of a directory ends in a slash.
func (e Entry) sortKey() string {
	if e.IsDir() {
		return e.Name + "/"
	}
	return e.Name
}

// newCommit is the commit with the given tree.
func (c *Commit) newCommit() NewObject {
	var b strings.Builder
	fmt.Fprintf(&b, "tree %s\n", c.Tree)
	for _, parent := range c.Parents {
		fmt.Fprintf(&b, "parent %s\n", parent)
	}
	message := strings.ReplaceAll(strings.TrimRight(c.Message, "\n"), "\x00", "")
	fmt.Fprintf(&b, "author %s\ncommitter %s\n\n%s\n", ident(c.Author), ident(c.Committer), message)
	return NewObject{commitObject, []byte(b.String())}
}

// pack is the objects in git's form for the way.
func pack(objects []NewObject) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("PACK")
	head := binary.BigEndian.AppendUint32(nil, 2)
	b.Write(binary.BigEndian.AppendUint32(head, uint32(len(objects)))) //nolint:gosec // there are few
	for _, o := range objects {
		size := len(o.data)
		first := o.kind<<4 | byte(size&15)
		for size >>= 4; size > 0; size >>= 7 {
			b.WriteByte(first | 0x80)
			first = byte(size & 0x7f)
		}
		b.WriteByte(first)
		z := zlib.NewWriter(&b)
		if _, err := z.Write(o.data); err != nil {
			return nil, err
		}
		if err := z.Close(); err != nil {
			return nil, err
		}
	}
	sum := sha1.Sum(b.Bytes()) // as above
	b.Write(sum[:])
	return b.Bytes(), nil
}
