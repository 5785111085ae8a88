package worker

import (
	"os"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A post is the part of a step that runs after the main steps of the job.
type post struct {
	step   *step
	cond   *expr.Expr // nil: always
	record *record    // nil inside of a composite action
}

// registerPost notes that the step has started, and so will be cleaned up
// after (RUN-7).
func (x *execution) registerPost(d *definition) {
	r := x.job
	if x.stage == postStage || r.registered[x.step.key] || !r.hasPost(x.step) {
		return
	}
	r.registered[x.step.key] = true
	p := &post{step: x.step, cond: d.Runs.PostIf}
	if x.scope.composite != nil {
		r.inner[x.step.parent] = append(r.inner[x.step.parent], p)
		return
	}
	name, _ := stepName(x.step, x.expressions(x.contexts()))
	p.record = r.newRecord(uuid.NewString(), "Post "+name, r.postNumber())
	r.posts = append(r.posts, p)
	p.record.announce()
}

// postNumber counts down from twice the number of steps that there were when
// the first one was registered, for the last registered runs first.
func (r *running) postNumber() int {
	if !r.spread {
		r.spread = true
		r.last *= 2
	}
	return r.last - len(r.posts)
}

// preCondition is when the pre stage of a step runs.
func (r *running) preCondition(s *step) *expr.Expr {
	d, err := r.definition(s)
	if err != nil {
		return nil // the stage itself will tell
	}
	return d.Runs.PreIf
}

// newRecord makes a record of the job; the sink hears of it by announce.
func (r *running) newRecord(id, name string, number int) *record {
	rec := &record{sink: r.Sink, mask: &r.mask, now: r.Now, debugs: r.debugs}
	rec.state = wire.StepUpdate{ExternalID: id, Number: number, Name: rec.masked(name)}
	r.records = append(r.records, rec)
	return rec
}

// nextNumber is the number of the next step in order.
func (r *running) nextNumber() int {
	r.last++
	return r.last
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
