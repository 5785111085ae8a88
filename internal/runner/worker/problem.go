package worker

import "fmt"

// A problem is an error whose text is meant for the log of a step, worded as
// people know it from GitHub's runner.
type problem string

// Error returns the text.
func (p problem) Error() string { return string(p) }

func problemf(format string, args ...any) error {
	return problem(fmt.Sprintf(format, args...))
}
