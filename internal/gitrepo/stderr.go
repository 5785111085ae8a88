package gitrepo

import "strings"

const maxStderr = 2000

// A tail keeps the last bytes of what git says on its way out, for the log.
type tail struct{ kept []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if n := len(t.kept) - maxStderr; n > 0 {
		t.kept = append(t.kept[:0], t.kept[n:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return clip(t.kept) }

// clip makes one line of the end of git's output.
func clip(out []byte) string {
	out = out[max(0, len(out)-maxStderr):]
	return printable(strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", "; "))
}
