package worker

import (
	"slices"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
)

// A matcher finds problems in what steps print: one line, or several lines
// one after the other, each with a pattern of its own.
type matcher struct {
	owner    string // as the file has it; compared without case
	severity string // of problems that have none of their own; "" for error
	patterns []*pattern

	running []*found      // of each pattern but the last, what it and those before it have found
	spent   time.Duration // time that its patterns took so far
}

// A pattern is one regular expression of a matcher. Its groups are numbers, -1
// for what it does not find.
type pattern struct {
	re     *regexp2.Regexp
	groups [propertyCount]int
	loop   bool
}

// The properties of a problem that the groups of a pattern give.
const (
	fileProperty = iota
	lineProperty
	columnProperty
	severityProperty
	codeProperty
	messageProperty
	fromPathProperty
	propertyCount
)

// found are properties of a problem, nil for those that no group has given yet.
type found [propertyCount]*string

func (f *found) get(property int) string {
	if f[property] == nil {
		return ""
	}
	return *f[property]
}

// match looks at a line. It returns what a whole problem says, nil for none. The
// error says that a pattern took too long.
func (m *matcher) match(line string) (*found, error) {
	last := len(m.patterns) - 1
	for i := last; i >= 0; i-- {
		var before *found
		if i > 0 {
			if before = m.running[i-1]; before == nil {
				continue
			}
		}
		now, err := m.patterns[i].match(line, before)
		if err != nil {
			return nil, err
		}
		switch {
		case i < last:
			m.running[i] = now
		case now == nil && i > 0:
			m.running[i-1] = nil
		case now != nil:
			m.reset()
			if m.patterns[i].loop { // the next line may be another problem of the same kind
				m.running[i-1] = before
			}
			return now, nil
		}
	}
	return nil, nil
}

// reset forgets the lines before.
func (m *matcher) reset() { m.running = make([]*found, len(m.patterns)-1) }

func (p *pattern) match(line string, before *found) (*found, error) {
	match, err := p.re.FindStringMatch(line)
	if err != nil || match == nil {
		return nil, err
	}
	var now found
	if before != nil {
		now = *before
	}
	for property, group := range p.groups {
		if group < 0 || now[property] != nil {
			continue
		}
		if g := match.GroupByNumber(group); g != nil {
			text := g.String()
			now[property] = &text
		}
	}
	return &now, nil
}

// What matching may take, so that no expression holds up the output of a job.
const (
	maxMatchedLine = 64 << 10 // bytes; longer lines are not looked at
	maxMatchTime   = time.Second
	maxMatching    = 30 * time.Second // of one matcher in a job
	maxMatchers    = 100              // in a job
)

// matchers are the matchers of a job, the latest first. Steps add and remove
// them by commands, and they last until the end of the job.
type matchers []*matcher

// add puts a matcher in front, in place of the one of the same owner.
func (ms *matchers) add(m *matcher) {
	ms.remove(m.owner)
	*ms = slices.Insert(*ms, 0, m)
}

func (ms *matchers) remove(owner string) {
	*ms = slices.DeleteFunc(*ms, func(m *matcher) bool { return strings.EqualFold(m.owner, owner) })
}

// reset forgets all lines: another process begins.
func (ms matchers) reset() {
	for _, m := range ms {
		m.reset()
	}
}
