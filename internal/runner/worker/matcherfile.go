package worker

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/dlclark/regexp2"
)

// What a file of matchers may hold.
const (
	maxMatcherFile = 1 << 20
	maxPatterns    = 100      // of one matcher
	maxRegexp      = 16 << 10 // bytes
)

// A matcherConfig is a matcher as its file has it.
type matcherConfig struct {
	Owner    string          `json:"owner"`
	Severity string          `json:"severity"`
	Pattern  []patternConfig `json:"pattern"`
}

type patternConfig struct {
	Regexp   string `json:"regexp"`
	File     *int   `json:"file"`
	Line     *int   `json:"line"`
	Column   *int   `json:"column"`
	Severity *int   `json:"severity"`
	Code     *int   `json:"code"`
	Message  *int   `json:"message"`
	FromPath *int   `json:"fromPath"`
	Loop     bool   `json:"loop"`
}

// readMatchers reads a file of matchers. Errors say nothing of what a file holds
// that is none: the job may not be allowed to read it.
func readMatchers(file string) ([]*matcher, error) {
	text, err := readRegular(file, maxMatcherFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, problemf("Could not find file '%s'.", file)
	}
	if err != nil {
		return nil, err
	}
	var configs struct {
		Matchers []matcherConfig `json:"problemMatcher"`
	}
	if err := json.Unmarshal(bytes.TrimPrefix(text, []byte("\ufeff")), &configs); err != nil {
		return nil, problemf("'%s' is no file of problem matchers: it is not valid JSON, or a value has the wrong type.", file)
	}
	if len(configs.Matchers) > maxMatchers {
		return nil, problemf("'%s' has more than %d problem matchers.", file, maxMatchers)
	}
	owners := map[string]bool{}
	var list []*matcher
	for _, c := range configs.Matchers {
		m, err := newMatcher(c)
		if err != nil {
			return nil, err
		}
		if owners[strings.ToLower(c.Owner)] {
			return nil, problemf("Duplicate owner name '%s'", c.Owner)
		}
		owners[strings.ToLower(c.Owner)] = true
		list = append(list, m)
	}
	return list, nil
}

func newMatcher(c matcherConfig) (*matcher, error) {
	if c.Owner == "" {
		return nil, problemf("Owner must not be empty")
	}
	if _, ok := severityLevel(c.Severity); !ok {
		return nil, problemf("Matcher '%s' contains unexpected default severity '%s'", c.Owner, c.Severity)
	}
	switch {
	case len(c.Pattern) == 0:
		return nil, problemf("Matcher '%s' does not contain any patterns", c.Owner)
	case len(c.Pattern) > maxPatterns:
		return nil, problemf("Matcher '%s' contains more than %d patterns", c.Owner, maxPatterns)
	}
	m := &matcher{owner: c.Owner, severity: c.Severity}
	var set [propertyCount]bool
	for i, p := range c.Pattern {
		if p.Loop && (i == 0 || i < len(c.Pattern)-1) {
			return nil, problemf("Only the last pattern in a multiline matcher may set 'loop'")
		}
		if p.Loop && p.Message == nil {
			return nil, problemf("The loop pattern must set 'message'")
		}
		pattern, err := p.compile(&set)
		if err != nil {
			return nil, err
		}
		m.patterns = append(m.patterns, pattern)
	}
	if !set[messageProperty] {
		return nil, problemf("At least one pattern must set 'message'")
	}
	m.reset()
	return m, nil
}

// compile reads a pattern. No property may be set twice in a matcher.
func (c patternConfig) compile(set *[propertyCount]bool) (*pattern, error) {
	if len(c.Regexp) > maxRegexp {
		return nil, problemf("A regular expression is longer than %d KiB", maxRegexp>>10)
	}
	re, err := regexp2.Compile(c.Regexp, regexp2.ECMAScript)
	if err != nil {
		return nil, problemf("Invalid pattern '%s'. %s", c.Regexp, err)
	}
	re.MatchTimeout = maxMatchTime
	p := &pattern{re: re, loop: c.Loop}
	groups := len(re.GetGroupNumbers())
	for property, given := range [propertyCount]struct {
		name  string
		group *int
	}{
		fileProperty: {"file", c.File}, lineProperty: {"line", c.Line}, columnProperty: {"column", c.Column},
		severityProperty: {"severity", c.Severity}, codeProperty: {"code", c.Code},
		messageProperty: {"message", c.Message}, fromPathProperty: {"fromPath", c.FromPath},
	} {
		p.groups[property] = -1
		switch {
		case given.group == nil:
			continue
		case set[property]:
			return nil, problemf("The property '%s' is set twice", given.name)
		case *given.group < 0 || *given.group >= groups:
			return nil, problemf("The property '%s' is set to %d which is out of range", given.name, *given.group)
		}
		set[property], p.groups[property] = true, *given.group
	}
	return p, nil
}

// matcherPath is a file of matchers as the job names it, on this machine.
func (r *running) matcherPath(path string) string {
	if !filepath.IsAbs(path) {
		return filepath.Join(r.workspace, path)
	}
	if rest, ok := strings.CutPrefix(path, r.Host.Inside(r.WorkDir)+"/"); ok {
		return filepath.Join(r.WorkDir, rest)
	}
	return path
}
