package worker

import (
	"bytes"
	"strings"
	"sync"
	"time"
	"unicode/utf16"

	"github.com/understudy-ci/understudy/internal/mask"
	"github.com/understudy-ci/understudy/internal/wire"
)

// What a step may attach at most.
const (
	maxAnnotations = 10      // of each level
	maxMessage     = 4096    // of one annotation, in UTF-16 units
	maxSummary     = 1 << 20 // of a step; inside of an action, of each one
)

// maxBuffer is the largest buffer for the log that is used again.
const maxBuffer = 1 << 20

// A record is a step as the server and people see it: one entry of the job,
// with a state, a log, annotations and a summary. The steps inside of a
// composite action share the record of the step that uses the action.
type record struct {
	sink   Sink
	mask   *mask.Masker
	now    func() time.Time
	debugs bool // show debug messages

	mu      sync.Mutex
	state   wire.StepUpdate // as the sink has it
	result  wire.StepResult // what state does not say
	out     []byte          // lines that the sink does not have yet
	lines   int             // lines written so far
	logged  bool
	scratch []byte
	counts  map[string]int // annotations by level
	summary summary
}

// announce tells the sink that the step exists.
func (r *record) announce() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.Status = wire.StepPending
	r.sink.Step(r.state)
}

// start tells the sink that the step runs.
func (r *record) start() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.Status, r.state.StartedAt = wire.StepInProgress, wire.At(r.now())
	r.sink.Step(r.state)
}

// rename gives the step another name.
func (r *record) rename(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if name = r.masked(name); r.state.Name != name {
		r.state.Name = name
		r.sink.Step(r.state)
	}
}

// complete ends the step and its log.
func (r *record) complete(conclusion string) {
	r.mu.Lock()
	r.flush()
	logged, id := r.logged, r.state.ExternalID
	r.mu.Unlock()
	r.sendSummary()
	if logged {
		r.sink.EndLog(id)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.Status, r.state.CompletedAt = wire.StepCompleted, wire.At(r.now())
	r.state.Conclusion = stepConclusion(conclusion)
	r.result.Conclusion = conclusion
	r.sink.Step(r.state)
}

// final is the end of the step as the job's result holds it.
func (r *record) final() wire.StepResult {
	r.mu.Lock()
	defer r.mu.Unlock()
	res := r.result
	res.ExternalID, res.Number, res.Name = r.state.ExternalID, r.state.Number, r.state.Name
	res.Status, res.StartedAt, res.CompletedAt = wire.Completed, r.state.StartedAt, r.state.CompletedAt
	return res
}

func stepConclusion(conclusion string) wire.StepConclusion {
	switch conclusion {
	case wire.Succeeded:
		return wire.StepSuccess
	case wire.Failed:
		return wire.StepFailure
	case wire.Canceled:
		return wire.StepCancelled
	case wire.Skipped:
		return wire.StepSkipped
	}
	return wire.StepConclusionUnknown
}

// addInfo adds what a step result says about the kind of step.
func (r *record) addInfo(kind, action, ref string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.result.Type == "" {
		r.result.Type, r.result.ActionName, r.result.Ref = kind, action, ref
	}
}

// name is what the step is called now.
func (r *record) name() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Name
}

// print writes texts to the log, each beginning a line.
func (r *record) print(texts ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, text := range texts {
		r.write("", text)
	}
	r.flush()
}

// debug writes a text to the log if the job shows debug messages.
func (r *record) debug(text string) {
	if !r.debugs {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.write("##[debug]", text)
	r.flush()
}

// fail writes errors to the log and annotates the step with each.
func (r *record) fail(texts ...string) {
	for _, text := range texts {
		r.issue(wire.Annotation{Level: wire.LevelFailure, Message: text})
	}
}

// warn does so with a warning.
func (r *record) warn(text string) { r.issue(wire.Annotation{Level: wire.LevelWarning, Message: text}) }

func (r *record) issue(a wire.Annotation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.annotate(a)
	r.flush()
}

// write, annotate and flush are for callers that hold the mutex.

// write adds a text, masked; its log lines begin with the tag.
func (r *record) write(tag, text string) {
	r.line([]byte(tag + text))
}

// line adds one line, or several that belong together. It does not keep b.
func (r *record) line(b []byte) {
	b = r.mask.Line(validText(b, &r.scratch))
	r.lines += 1 + bytes.Count(b, []byte{'\n'})
	r.out = append(append(r.out, b...), '\n')
}

func (r *record) flush() {
	if len(r.out) == 0 {
		return
	}
	r.logged = true
	r.sink.Log(r.state.ExternalID, r.out)
	if r.out = r.out[:0]; cap(r.out) > maxBuffer {
		r.out = nil
	}
}

// annotate adds an annotation, and lines about it to the log. One that names
// no file points to the first of them.
func (r *record) annotate(a wire.Annotation) {
	a.Message = clip(r.masked(a.Message), maxMessage)
	r.annotateAs(a, a.Message)
}

// annotateAs is annotate with another text for the log.
func (r *record) annotateAs(a wire.Annotation, shown string) {
	a.Message = clip(r.masked(a.Message), maxMessage)
	a.Title, a.Path = r.masked(a.Title), r.masked(a.Path)
	first := r.lines + 1
	if shown != "" {
		r.write(logTag(a.Level), shown)
	}
	if strings.TrimSpace(a.Message) == "" || r.counts[a.Level] >= maxAnnotations {
		return
	}
	if r.counts == nil {
		r.counts = map[string]int{}
	}
	r.counts[a.Level]++
	if a.Path == "" && a.StartLine == 0 {
		a.StartLine = wire.Int(first)
		a.EndLine = a.StartLine
	}
	a.StepNumber = wire.Int(r.state.Number)
	r.result.Annotations = append(r.result.Annotations, a)
}

// clip is what of a text fits into a number of UTF-16 units.
func clip(text string, units int) string {
	for i, r := range text {
		if units -= utf16.RuneLen(r); units < 0 {
			return text[:i]
		}
	}
	return text
}

func logTag(level string) string {
	switch level {
	case wire.LevelFailure:
		return "##[error]"
	case wire.LevelWarning:
		return "##[warning]"
	}
	return "##[notice]"
}

func (r *record) masked(text string) string {
	return r.mask.Text(validString(text))
}
