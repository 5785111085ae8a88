// Package cron reads the five fields of a schedule, as workflows have them (TRG-11), and
// says when it is due next. It knows the zones of the world by itself, and has no clock.
//
// A day that is named by its date and by its weekday is due by either, as in POSIX. A
// time that a zone skips when its clocks go forward is due when they have; one that comes
// twice is due once.
package cron

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the same zones on every machine
)

// A Schedule is when something is due.
type Schedule struct {
	minute, hour, date, month, weekday uint64 // bits

	anyDate, anyWeekday bool // the field begins with *
	zone                *time.Location
}

// A field is one of the five.
type field struct {
	name        string
	least, most int
	names       string // of values from least on, three letters each
}

var fields = [5]field{
	{"minute", 0, 59, ""},
	{"hour", 0, 23, ""},
	{"day of the month", 1, 31, ""},
	{"month", 1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"},
	{"day of the week", 0, 6, "SUNMONTUEWEDTHUFRISAT"},
}

// maxLine is longer than any line that names each of its values.
const maxLine = 1000

// Parse reads a line of five fields in a zone by its IANA name; an empty one is UTC.
func Parse(line, zone string) (*Schedule, error) {
	if len(line) > maxLine {
		return nil, fmt.Errorf("it is longer than %d bytes", maxLine)
	}
	parts := strings.Fields(line)
	if len(parts) != len(fields) {
		return nil, errors.New("five fields are expected")
	}
	s := &Schedule{anyDate: strings.HasPrefix(parts[2], "*"), anyWeekday: strings.HasPrefix(parts[4], "*")}
	for i, bits := range []*uint64{&s.minute, &s.hour, &s.date, &s.month, &s.weekday} {
		var err error
		if *bits, err = fields[i].list(parts[i]); err != nil {
			return nil, err
		}
	}
	var err error
	s.zone, err = Zone(zone)
	return s, err
}

// Zone finds a zone by its IANA name; an empty one is UTC.
func Zone(name string) (*time.Location, error) {
	if name == "Local" { // that of whoever asks
		return nil, errors.New("there is no timezone 'Local'")
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("there is no timezone '%.100s'", name)
	}
	return zone, nil
}

func (f *field) wrong(text string) error {
	return fmt.Errorf("'%.100s' is not a %s: %d-%d with * , - / are expected", text, f.name, f.least, f.most)
}

// list reads values with commas between them.
func (f *field) list(text string) (bits uint64, err error) {
	for part := range strings.SplitSeq(text, ",") {
		some, err := f.steps(part)
		if err != nil {
			return 0, err
		}
		bits |= some
	}
	return bits, nil
}

// steps reads a range, and every how many of it.
func (f *field) steps(text string) (bits uint64, err error) {
	of, every, has := strings.Cut(text, "/")
	first, last, err := f.span(of, has)
	if err != nil {
		return 0, err
	}
	step := 1
	if has {
		if step, err = strconv.Atoi(every); err != nil || step < 1 || step > f.most || every[0] == '+' {
			return 0, f.wrong(text)
		}
	}
	for v := first; v <= last; v += step {
		bits |= 1 << v
	}
	return bits, nil
}

// span reads *, a value or a range. With steps a value is where they begin.
func (f *field) span(text string, steps bool) (first, last int, err error) {
	if text == "*" {
		return f.least, f.most, nil
	}
	from, to, has := strings.Cut(text, "-")
	if first, err = f.value(from); err != nil {
		return 0, 0, err
	}
	switch {
	case has:
		if last, err = f.value(to); err == nil && last < first {
			err = f.wrong(text)
		}
	case steps:
		last = f.most
	default:
		last = first
	}
	return first, last, err
}

func (f *field) value(text string) (int, error) {
	if len(text) == 3 && f.names != "" {
		if at := strings.Index(f.names, strings.ToUpper(text)); at >= 0 && at%3 == 0 {
			return f.least + at/3, nil
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < f.least || n > f.most || text[0] == '+' || text[0] == '-' {
		return 0, f.wrong(text)
	}
	return n, nil
}

// maxDays is how far ahead a schedule is looked at: a 29 February may be eight years away.
const maxDays = 9 * 366

// Next is the first time after t at which the schedule is due; zero for never.
func (s *Schedule) Next(t time.Time) time.Time {
	local := t.In(s.zone)
	day := time.Date(local.Year(), local.Month(), local.Day()-1, 12, 0, 0, 0, time.UTC) // the day before: a zone may have skipped to its end
	for range maxDays {
		if s.on(day) {
			if due := s.within(day, t); !due.IsZero() {
				return due.UTC()
			}
		}
		day = day.AddDate(0, 0, 1)
	}
	return time.Time{}
}

// on says whether a day has times.
func (s *Schedule) on(day time.Time) bool {
	if s.month>>day.Month()&1 == 0 {
		return false
	}
	date, weekday := s.date>>day.Day()&1 == 1, s.weekday>>day.Weekday()&1 == 1
	if s.anyDate || s.anyWeekday {
		return date && weekday
	}
	return date || weekday
}

// within is the first time of a day that is after t, zero for none.
func (s *Schedule) within(day, t time.Time) (first time.Time) {
	for h := range 24 {
		if s.hour>>h&1 == 0 {
			continue
		}
		for m := range 60 {
			if s.minute>>m&1 == 0 {
				continue
			}
			if due := s.at(day, h, m); due.After(t) && (first.IsZero() || due.Before(first)) {
				first = due
			}
		}
	}
	return first
}

// at is when the clocks of the zone show a time, or have skipped it.
func (s *Schedule) at(day time.Time, h, m int) time.Time {
	t := time.Date(day.Year(), day.Month(), day.Day(), h, m, 0, 0, s.zone)
	wall := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, time.UTC)
	asked := time.Date(day.Year(), day.Month(), day.Day(), h, m, 0, 0, time.UTC)
	if wall.Equal(asked) {
		return t
	}
	start, end := t.ZoneBounds()
	if wall.After(asked) && !start.IsZero() {
		return start
	}
	if !end.IsZero() {
		return end
	}
	return t
}
