package gitrepo

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A catFile is a running "git cat-file --batch-command": one question, one
// answer. One caller uses it at a time.
type catFile struct {
	id     int64
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	broken bool // an answer was not read to its end
}

// An object is the head of git's answer.
type object struct {
	sha  string
	kind string // commit, tree, blob, tag
	size int64
}

func startCatFile(cmd *exec.Cmd, id int64) (*catFile, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &catFile{id: id, cmd: cmd, in: in, out: bufio.NewReaderSize(out, 16<<10)}, nil
}

// close ends the process: at once when it is broken, else as soon as it reads
// the end of its questions, which is all that it waits for.
func (c *catFile) close() {
	_ = c.in.Close()
	if c.broken {
		_ = c.cmd.Process.Kill()
	}
	_ = c.cmd.Wait() // how it ends is of no interest
}

// info asks what name stands for. The name is on one line, by its makers.
func (c *catFile) info(name string) (object, error) {
	return c.ask("info", name)
}

// contents asks for an object of at most limit bytes.
func (c *catFile) contents(name string, limit int64) (object, []byte, error) {
	o, err := c.ask("contents", name)
	if err != nil {
		return o, nil, err
	}
	if o.size > limit {
		c.broken = true
		return o, nil, actions.Errorf(actions.Invalid, "%s is %d bytes, more than %d", name, o.size, limit)
	}
	data := make([]byte, o.size+1) // and the line feed after it
	if _, err := io.ReadFull(c.out, data); err != nil {
		return o, nil, c.failed(err)
	}
	return o, data[:o.size], nil
}

func (c *catFile) ask(verb, name string) (object, error) {
	if strings.ContainsAny(name, "\n\x00") {
		return object{}, actions.Errorf(actions.Invalid, "%.100q is not the name of an object", name)
	}
	if _, err := io.WriteString(c.in, verb+" "+name+"\n"); err != nil {
		return object{}, c.failed(err)
	}
	line, err := c.out.ReadString('\n')
	if err != nil {
		return object{}, c.failed(err)
	}
	line = strings.TrimSuffix(line, "\n")
	if f := strings.Fields(line); len(f) == 3 && IsSHA(f[0]) {
		if size, err := strconv.ParseInt(f[2], 10, 64); err == nil {
			return object{f[0], f[1], size}, nil
		}
	}
	for _, no := range []string{" missing", " ambiguous", " submodule"} {
		if strings.HasSuffix(line, no) {
			return object{}, actions.Errorf(actions.NotFound, "object %s not found", name)
		}
	}
	return object{}, c.failed(fmt.Errorf("unexpected answer %.100q", line))
}

// errBroken marks an error after which another process may do better.
var errBroken = errors.New("git cat-file failed")

func (c *catFile) failed(err error) error {
	c.broken = true
	return fmt.Errorf("%w: %w", errBroken, err)
}
