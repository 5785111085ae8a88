package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Comparison is what two programs did in turns.
type Comparison struct {
	Older, Newer string // as they call themselves
	Rounds       int
	Lines        []Line
	Took         time.Duration
}

// A Line is one value of both programs.
type Line struct {
	Value                  // of the newer program in the last round; its N has no meaning
	Older, Newer []float64 // of each round
}

// Against takes the measurements of the given names, all if there are none, of
// an older program and of c.Binary in turns: older, newer, older, newer. Both do
// the same work, on servers and data of their own, reached from outside, and their
// jobs have no isolation unless c says otherwise. What
// else the machine does comes to both, so that the median of the rounds' ratios
// says more than any figure does.
func Against(ctx context.Context, c Config, older string, rounds int, names []string) (*Comparison, error) {
	chosen, err := c.choose(names)
	if err != nil {
		return nil, err
	}
	if rounds < 1 {
		return nil, errors.New("there must be a round")
	}
	b, remove, err := c.in(turn)
	if err != nil {
		return nil, err
	}
	defer remove()
	if b.Isolation == "" { // what older programs have
		b.Isolation = "none"
	}
	old := *b
	old.Binary = older
	began := c.Now()
	result := &Comparison{Older: old.output(ctx, older, "version"), Newer: b.output(ctx, c.Binary, "version"), Rounds: rounds}
	for _, m := range chosen {
		if m.whole {
			continue
		}
		for i := range rounds {
			b.say("%s, round %d of %d", m.Name, i+1, rounds)
			if err := result.round(ctx, m, &old, b); err != nil {
				return nil, fmt.Errorf("%s: %w", m.Name, err)
			}
		}
	}
	result.Took = b.since(began)
	return result, nil
}

// round adds one turn of each program.
func (c *Comparison) round(ctx context.Context, m Measurement, older, newer *bench) error {
	before, err := m.run(ctx, older)
	if err != nil {
		return fmt.Errorf("the older program: %w", err)
	}
	after, err := m.run(ctx, newer)
	if err != nil {
		return err
	}
	for i, row := range after {
		for k, v := range row.Values {
			l := c.line(v)
			l.Older, l.Newer = append(l.Older, before[i].Values[k].N), append(l.Newer, v.N)
			newer.say("  %s: %s → %s, %.2f×", v.What, v.text(last(l.Older)), v.text(v.N), last(l.ratios()))
		}
	}
	return nil
}

func last(values []float64) float64 { return values[len(values)-1] }

// line is that of a value; a new one where there is none.
func (c *Comparison) line(v Value) *Line {
	i := slices.IndexFunc(c.Lines, func(l Line) bool { return l.What == v.What })
	if i < 0 {
		i, c.Lines = len(c.Lines), append(c.Lines, Line{Value: v})
	}
	return &c.Lines[i]
}

// ratios are those of newer to older, round by round.
func (l Line) ratios() []float64 {
	out := make([]float64, len(l.Older))
	for i := range out {
		out[i] = l.Newer[i] / l.Older[i]
	}
	return out
}

// goal says what is asked for, and whether it is so.
func (l Line) goal() (text string, met bool) {
	if l.Limit != 0 {
		return fmt.Sprintf("≤ %s", l.text(l.Limit)), median(slices.Clone(l.Newer)) <= l.Limit
	}
	got, want := median(l.ratios()), l.Value.goal()
	if l.More {
		return fmt.Sprintf("≥ %.2f×", want), got >= want
	}
	return fmt.Sprintf("≤ %.2f×", want), got <= want
}

// Markdown is a table of all lines.
func (c *Comparison) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s against %s: medians of %d rounds in turns, in %s. A ratio is that of the newer program to the older one.\n\n",
		c.Newer, c.Older, c.Rounds, c.Took.Round(time.Second))
	b.WriteString("| what | older | newer | ratio | min–max | goal |\n| --- | ---: | ---: | ---: | --- | --- |\n")
	for _, l := range c.Lines {
		ratios := l.ratios()
		mid := median(ratios) // which sorts them
		goal, met := l.goal()
		if met {
			goal += " ✓"
		} else {
			goal += ", **missed**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | **%.2f×** | %.2f–%.2f | %s |\n", l.What,
			l.text(median(slices.Clone(l.Older))), l.text(median(slices.Clone(l.Newer))), mid, ratios[0], ratios[len(ratios)-1], goal)
	}
	return b.String()
}
