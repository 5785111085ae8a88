// Package mask replaces secrets in a text by ***.
//
// A [Masker] knows secrets and, of each, the forms in which it may be printed:
// as it is, line by line, in base64 at any alignment, escaped for URLs, JSON,
// XML and expressions. Secrets may be added at any time, also while others
// mask. A text that is masked must be complete: output of a process is masked
// line by line, for a line is never divided between two texts. Since each line
// of a secret is a secret too, those of several lines are found as well.
//
// Where matches overlap or touch, one *** stands for all of them, as the
// official runner has it.
//
// The search reads each byte once and looks further only where the next two and
// then four bytes start a known form; text without secrets passes at memory
// speed and without allocation. A form longer than [maxPattern] is kept as
// pieces of that length, which bounds the work per byte.
package mask

import (
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
)

const (
	// minValue is the length from which values mask. One or two characters would mask
	// every log beyond recognition and, doing so, tell what the secret is.
	minValue = 3
	// maxValue is how much of one value masks; more than GitHub lets a secret have.
	maxValue = 1 << 20
	// maxPattern is the length of the pieces of a long form.
	maxPattern = 512
)

// replacement is what is written in place of a secret.
const replacement = "***"

// A Masker is a set of secrets. The zero value has none and is ready to use.
// Its methods may be called by many goroutines at once.
type Masker struct {
	set  atomic.Pointer[set]
	mu   sync.Mutex // serializes changes
	seen map[string]bool
}

// Add makes value a secret, and each of its lines without the blanks around it. It answers false, and does
// nothing, when value is too short to mask: white space only, or less than
// three bytes. Of a value over 1 MiB only the first MiB is a secret.
func (m *Masker) Add(value string) bool {
	m.AddAll([]string{value})
	return maskable(value)
}

// AddAll is Add for many values. It costs less than one after the other: the
// search is prepared once.
func (m *Masker) AddAll(values []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for _, value := range values {
		value = value[:min(len(value), maxValue)]
		if !maskable(value) || m.seen[value] {
			continue
		}
		if m.seen == nil {
			m.seen = map[string]bool{}
		}
		m.seen[value] = true
		all = append(all, patterns(value)...)
	}
	if len(all) > 0 {
		m.set.Store(m.set.Load().with(all, nil))
	}
}

// TooShort says whether Add would do nothing for a value.
func TooShort(value string) bool { return !maskable(value) }

func maskable(value string) bool {
	return len(value) >= minValue && strings.TrimSpace(value) != ""
}

// AddRegexp makes every text that matches the pattern a secret, within one
// line. A pattern without operators is the same as Add of its text. The syntax
// is that of package regexp; an error says that pattern is not of it.
func (m *Masker) AddRegexp(pattern string) error {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	if text, complete := re.LiteralPrefix(); complete {
		m.Add(text)
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.set.Store(m.set.Load().with(nil, re))
	return nil
}

// Line returns b with all secrets masked. It is b itself when there is none;
// otherwise b is left as it was.
func (m *Masker) Line(b []byte) []byte {
	s := m.set.Load()
	if s == nil || !s.matches(b) {
		return b
	}
	return s.mask(b)
}

// Text is Line for a string.
func (m *Masker) Text(text string) string {
	s := m.set.Load()
	if s == nil {
		return text
	}
	b := []byte(text)
	if !s.matches(b) {
		return text
	}
	return string(s.mask(b))
}

// Contains says whether text has a secret in it.
func (m *Masker) Contains(text string) bool {
	s := m.set.Load()
	return s != nil && s.matches([]byte(text))
}
