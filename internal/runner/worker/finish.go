package worker

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/wire"
)

// finish runs the step "Complete job": outputs, environment URL, and processes
// that steps left behind.
func (r *running) finish() {
	rec := r.steps.records.own("Complete job")
	result := wire.Succeeded
	if r.Message.JobOutputs != nil && r.Message.JobOutputs.Type != wire.NullToken {
		rec.print("Evaluate and set job outputs")
		if err := r.setOutputs(rec); err != nil {
			rec.fail("Fail to evaluate job outputs", err.Error())
			result = wire.Failed
		}
	}
	if e := r.Message.ActionsEnvironment; e != nil && e.URL != nil && e.URL.Type != wire.NullToken {
		rec.print("Evaluate and set environment url")
		if err := r.setEnvironmentURL(rec, e); err != nil {
			rec.fail("Failed to evaluate environment url", err.Error())
			result = wire.Failed
		}
	}
	if !strings.EqualFold(r.Message.Variable("process.clean"), "false") {
		rec.print("Cleaning up orphan processes")
		for _, line := range r.closeHost() {
			rec.print(line)
		}
	}
	rec.complete(result)
	r.state.status.merge(result)
}

// maxOutputs is how much the outputs of a job may be together, in bytes. The server
// keeps less, and says so.
const maxOutputs = 16 << 20

// setOutputs evaluates the outputs of the job. Empty ones and those with a
// secret in them are not passed on (RES-4).
func (r *running) setOutputs(rec *record) error {
	outputs, err := r.evaluateStrings(r.Message.JobOutputs)
	if err != nil {
		return err
	}
	size := 0
	for _, o := range outputs {
		switch size += len(o.name) + len(o.value); {
		case size > maxOutputs:
			rec.warn(fmt.Sprintf("Skip output '%s' since the outputs of the job are larger than %d MiB.", o.name, maxOutputs>>20))
		case o.value == "":
			rec.debug(fmt.Sprintf("Skip output '%s' since it's empty", o.name))
		case r.state.mask.Contains(o.value):
			rec.warn(fmt.Sprintf("Skip output '%s' since it may contain secret.", o.name))
		default:
			rec.print(fmt.Sprintf("Set output '%s'", o.name))
			r.state.outputs[o.name] = wire.Variable{Value: o.value}
		}
	}
	return nil
}

func (r *running) setEnvironmentURL(rec *record, e *wire.Environment) error {
	v, err := r.evaluate(e.URL)
	if err != nil {
		return err
	}
	url := expr.String(v)
	if r.state.mask.Contains(url) {
		rec.warn(fmt.Sprintf("Skip setting environment url as environment '%s' may contain secret.", e.Name))
		return nil
	}
	rec.print("Evaluated environment url: " + url)
	r.state.environmentURL = url
	return nil
}

// maxSweep is how long the processes that steps left behind may take to end.
const maxSweep = 2 * time.Second

// closeHost ends the processes that steps left behind, and returns a line on each.
func (r *running) closeHost() []string {
	r.closed = true
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.kill), maxSweep)
	defer cancel()
	var lines []string
	for _, p := range r.outside.Close(ctx) {
		lines = append(lines, fmt.Sprintf("Terminate orphan process: pid (%d) (%s)", p.PID, p.Name))
	}
	return lines
}
