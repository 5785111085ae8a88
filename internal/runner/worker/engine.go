package worker

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/container"
)

// do runs a command of the container engine as a part of the step.
func (x *execution) do(c container.Command, take func(batch []byte)) (exitCode int, err error) {
	grace := x.job.timing.grace
	c.Interrupt, c.Terminate, c.Output = grace.Interrupt, grace.Terminate, grace.Output
	exitCode, err = x.job.engine().Do(x.ctx, c, container.Stream{
		Shown: func(line string) { x.record.print(line) }, Output: take, Kill: x.job.kill.Done(),
	})
	if stopped := x.ctx.Err(); stopped != nil {
		err = stopped
	}
	return exitCode, err
}

// maxKept is how much of what a command prints is looked at.
const maxKept = 1 << 20

// lines runs a command, shows what it prints, and returns that.
func (x *execution) lines(c container.Command) (lines []string, exitCode int, err error) {
	size := 0
	exitCode, err = x.do(c, func(batch []byte) {
		for line := range bytes.SplitSeq(bytes.TrimSuffix(batch, []byte("\n")), []byte("\n")) {
			text := strings.TrimSuffix(string(line), "\r")
			if text == "" {
				continue
			}
			if size += len(text); size < maxKept {
				lines = append(lines, text)
			}
			x.record.print(text)
		}
	})
	return lines, exitCode, err
}

// command runs a command whose exit code says nothing more than its output.
func (x *execution) command(c container.Command) ([]string, error) {
	lines, _, err := x.lines(c)
	return lines, err
}

// exitCode runs a command for its exit code.
func (x *execution) exitCode(c container.Command) (int, error) {
	_, code, err := x.lines(c)
	return code, err
}

// must runs a command that has to succeed; the message gets the exit code otherwise.
func (x *execution) must(c container.Command, message string) ([]string, error) {
	lines, code, err := x.lines(c)
	if err == nil && code != 0 {
		err = problemf("%s", fmt.Sprintf(message, code))
	}
	return lines, err
}

// tries is how often an image is pulled or built.
const imageTries = 3

// pull fetches an image. One that no registry gives and that is here already will do, unless credentials
// say that it is not for everybody.
func (x *execution) pull(image, username, password string) error {
	c := container.Command{Do: container.Pull, Image: image, Username: username, Password: password}
	if username != "" || password != "" {
		return x.repeat(c, "Docker pull", nil)
	}
	return x.repeat(c, "Docker pull", func() bool {
		code, err := x.job.engine().Do(x.ctx, container.Command{Do: container.HasImage, Image: image}, container.Stream{Kill: x.job.kill.Done()})
		if code != 0 || err != nil {
			return false
		}
		x.record.warn(fmt.Sprintf("The image '%s' could not be pulled: the one that is on this machine already is used.", image))
		return true
	})
}

// repeat runs a command up to three times, until it succeeds or otherwise says that this
// is good enough.
func (x *execution) repeat(c container.Command, what string, otherwise func() bool) error {
	for try := 1; ; try++ {
		code, err := x.exitCode(c)
		switch {
		case err != nil:
			return err
		case code == 0 || otherwise != nil && otherwise():
			return nil
		case try == imageTries:
			return problemf("%s failed with exit code %d", what, code)
		}
		wait := x.job.timing.minute / 20 * time.Duration(try)
		x.record.warn(fmt.Sprintf("%s failed with exit code %d, back off %v seconds before retry.", what, code, wait.Seconds()))
		if err := x.pause(wait); err != nil {
			return err
		}
	}
}
