package runner

import "fmt"

// An Isolation says what keeps the processes of jobs from the rest of the machine.
type Isolation string

// The isolations. The empty one leaves the choice to whoever starts the runner.
const (
	None      Isolation = "none"      // nothing: they are processes of the runner's own user
	User      Isolation = "user"      // a user and namespaces of their own
	Container Isolation = "container" // a container
)

// Check says whether this program can give the isolation at all.
func (i Isolation) Check() error {
	switch i {
	case "", None, User:
		return nil
	case Container:
		return fmt.Errorf("--isolation %s is not there yet: --isolation none is, with which jobs run as the user of the runner", i)
	}
	return fmt.Errorf("--isolation %q is none of none, user and container", i)
}
