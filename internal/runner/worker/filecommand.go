package worker

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// maxFileCommand bounds what a step may write to one of its command files.
const maxFileCommand = 64 << 20

// An assignment is one NAME=VALUE entry of a command file.
type assignment struct {
	name, value string
}

// parseAssignments reads the format of GITHUB_ENV, GITHUB_OUTPUT and
// GITHUB_STATE: lines NAME=VALUE, and NAME<<DELIMITER followed by the lines of
// the value and a line that is exactly the delimiter. Entries before an error
// are returned with it.
func parseAssignments(text string) ([]assignment, error) {
	text = strings.TrimPrefix(text, "\ufeff")
	var out []assignment
	for text != "" {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		if line == "" {
			continue
		}
		equals, heredoc := strings.Index(line, "="), strings.Index(line, "<<")
		switch {
		case equals >= 0 && (heredoc < 0 || equals < heredoc):
			if equals == 0 {
				return out, problemf("Invalid format '%s'. Name must not be empty", line)
			}
			out = append(out, assignment{line[:equals], line[equals+1:]})
		case heredoc >= 0:
			name, delimiter := line[:heredoc], line[heredoc+2:]
			if name == "" || delimiter == "" {
				return out, problemf("Invalid format '%s'. Name must not be empty and delimiter must not be empty", line)
			}
			value, rest, err := cutHeredoc(text, delimiter)
			if err != nil {
				return out, err
			}
			out, text = append(out, assignment{name, value}), rest
		default:
			return out, problemf("Invalid format '%s'", line)
		}
	}
	return out, nil
}

// cutHeredoc splits text at the first line that is exactly delimiter. The
// value has no line break at its end.
func cutHeredoc(text, delimiter string) (value, rest string, err error) {
	end := 0
	for end < len(text) {
		line, _, more := strings.Cut(text[end:], "\n")
		next := end + len(line)
		if more {
			next++
		}
		if line == delimiter {
			return strings.TrimSuffix(text[:end], "\n"), text[next:], nil
		}
		if !more {
			return "", "", problemf("Invalid value. EOF marker missing new line.")
		}
		end = next
	}
	return "", "", problemf("Invalid value. Matching delimiter not found '%s'", delimiter)
}

// readCommandFile returns what a step wrote to a command file. A file that the
// step removed, or replaced by a link that leads nowhere, counts as empty.
func readCommandFile(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 && info.Mode().IsRegular():
		return "", nil
	case err == nil && info.IsDir():
		return "", problemf("Access to the path '%s' is denied.", path)
	}
	text, err := readRegular(path, maxFileCommand)
	return validString(string(text)), err
}

// readRegular reads a file that a job may have put there. Anything but a
// regular file, such as a pipe that would block, is an error, and so is a file
// larger than limit.
func readRegular(path string, limit int64) ([]byte, error) {
	f, info, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() > limit {
		return nil, problemf("'%s' is larger than %d MiB", path, limit>>20)
	}
	return io.ReadAll(io.LimitReader(f, limit))
}

// openRegular opens a file to be read, and no pipe, socket or device.
func openRegular(path string) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = problemf("'%s' is not a regular file", path)
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}
