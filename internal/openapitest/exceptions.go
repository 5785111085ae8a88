package openapitest

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
)

// exceptions are the differences that have a reason.
type exceptions struct {
	file string

	mu   sync.Mutex
	list []exception
}

type exception struct {
	line            int
	operation, what string
	used            bool
}

// general are the exceptions of every package, used or not: every error of GitHub's
// has a status, and the schema validation-error does not know it.
var general = []exception{{operation: "*", what: "/status", used: true}}

// readExceptions reads a file; one that does not exist has none of its own.
func readExceptions(file string) (*exceptions, error) {
	e := &exceptions{file: file, list: slices.Clone(general)}
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return e, nil
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		fields := strings.SplitN(text, "|", 3)
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		if len(fields) < 3 || fields[0] == "" || fields[1] == "" || fields[2] == "" {
			return nil, fmt.Errorf("%s:%d: want operation | what | reason", file, n)
		}
		e.list = append(e.list, exception{line: n, operation: fields[0], what: fields[1]})
	}
	return e, lines.Err()
}

// excuse reports whether a problem of an operation is an exception.
func (e *exceptions) excuse(operation, what string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	excused := false
	for i := range e.list {
		x := &e.list[i]
		if (x.operation == operation || x.operation == "*") && x.what == what {
			x.used, excused = true, true
		}
	}
	return excused
}

// unused names the exceptions that excused nothing.
func (e *exceptions) unused() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []string
	for _, x := range e.list {
		if !x.used {
			all = append(all, fmt.Sprintf("%s:%d: nothing needed the exception %s | %s", e.file, x.line, x.operation, x.what))
		}
	}
	return all
}
