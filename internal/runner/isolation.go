package runner

import (
	"errors"
	"fmt"
	"strings"

	"github.com/understudy-ci/understudy/internal/runner/container"
)

// An Isolation says what keeps the processes of jobs from the rest of the machine. After
// [Container] the image may follow: container=IMAGE.
type Isolation string

// The isolations. The empty one leaves the choice to whoever starts the runner.
const (
	None      Isolation = "none"      // nothing: they are processes of the runner's own user
	User      Isolation = "user"      // a user and namespaces of their own
	Container Isolation = "container" // a container for each job
)

// Kind is the isolation without its image.
func (i Isolation) Kind() Isolation {
	kind, _, _ := strings.Cut(string(i), "=")
	return Isolation(kind)
}

// Image is that of the containers, with the isolation [Container].
func (i Isolation) Image() string {
	_, image, ok := strings.Cut(string(i), "=")
	if !ok {
		return container.StandardImage
	}
	return image
}

// boxed says whether jobs see directories elsewhere than they are.
func (i Isolation) boxed() bool { return i.Kind() == User || i.Kind() == Container }

// Check says whether this program can give the isolation at all.
func (i Isolation) Check() error {
	if i == "" || i == None || i == User {
		return nil
	}
	if i.Kind() != Container {
		return fmt.Errorf("--isolation %q is none of none, user, container and container=IMAGE", i)
	}
	if err := container.CheckImage(i.Image()); err != nil {
		return errors.New("--isolation container=IMAGE: " + err.Error())
	}
	return nil
}
