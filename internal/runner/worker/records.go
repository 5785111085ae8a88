package worker

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/mask"
	"github.com/understudy-ci/understudy/internal/wire"
)

// records are the steps of a job as the server and people see them, numbered.
type records struct {
	sink   Sink
	mask   *mask.Masker
	now    func() time.Time
	debugs bool // show debug messages

	all   []*record
	last  int // number of the last step in order
	posts int // how many post steps there are
}

// next adds the record of the next step in order. The sink hears of it by
// announce or start.
func (r *records) next(id, name string) *record {
	r.last++
	return r.add(id, name, r.last)
}

// own adds and starts the record of a step that the runner itself runs.
func (r *records) own(name string) *record {
	rec := r.next(uuid.NewString(), name)
	rec.addInfo(wire.StepRunner, "", "")
	rec.start()
	return rec
}

// post adds the record of a post step. Their numbers count down, since the one
// that is registered last runs first. They start from twice the number of steps
// that there were when the first one was registered.
func (r *records) post(id, name string) *record {
	if r.posts == 0 {
		r.last *= 2
	}
	r.posts++
	return r.add(id, name, r.last-r.posts+1)
}

func (r *records) add(id, name string, number int) *record {
	rec := &record{sink: r.sink, mask: r.mask, now: r.now, debugs: r.debugs}
	rec.state = wire.StepUpdate{ExternalID: id, Number: number, Name: rec.masked(name)}
	r.all = append(r.all, rec)
	return rec
}

// results are the steps as the result of the job holds them, by number.
func (r *records) results() []wire.StepResult {
	results := make([]wire.StepResult, 0, len(r.all))
	for _, rec := range r.all {
		results = append(results, rec.final())
	}
	slices.SortStableFunc(results, func(a, b wire.StepResult) int { return a.Number - b.Number })
	return results
}
