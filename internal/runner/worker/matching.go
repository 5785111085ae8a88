package worker

import (
	"bufio"
	"bytes"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/understudy-ci/understudy/internal/wire"
)

// matched looks for a problem in a line of output. If there is one, the line
// goes to the log with its level, and an annotation is made. Colours are part of
// the line: matchers for coloured output count on that.
func (o *output) matched(line []byte) bool {
	if len(line) > maxMatchedLine {
		return false
	}
	shown := string(validText(line, &o.record.scratch))
	for _, m := range append(matchers(nil), o.job.matchers...) {
		began := o.job.Now()
		f, err := m.match(shown)
		m.spent += o.job.Now().Sub(began)
		if err != nil || m.spent > maxMatching {
			o.job.matchers.remove(m.owner)
			o.warn(fmt.Sprintf("Removing issue matcher '%s'. It took more than %s for a line, or more than %s in all.",
				m.owner, maxMatchTime, maxMatching))
		}
		if f == nil {
			continue
		}
		for _, other := range o.job.matchers {
			if other != m {
				other.reset()
			}
		}
		if a, ok := o.problem(m, f); ok {
			o.record.annotateAs(a, shown)
			return true
		}
	}
	return false
}

// problem makes an annotation of what a matcher has found. One without a message,
// or of an unknown severity, is none.
func (o *output) problem(m *matcher, f *found) (wire.Annotation, bool) {
	severity := f.get(severityProperty)
	if severity == "" {
		severity = m.severity
	}
	level, ok := severityLevel(severity)
	if !ok || strings.TrimSpace(f.get(messageProperty)) == "" {
		return wire.Annotation{}, false
	}
	props := properties{"line": f.get(lineProperty), "col": f.get(columnProperty)}
	a := o.annotation(command{name: level, data: f.get(messageProperty), props: props})
	a.Path = o.problemFile(f.get(fileProperty), f.get(fromPathProperty))
	return a, true
}

// severityLevel is the command that stands for a severity.
func severityLevel(severity string) (string, bool) {
	switch level := strings.ToLower(severity); level {
	case "":
		return "error", true
	case "error", "warning", "notice":
		return level, true
	}
	return "", false
}

// problemFile is the path that an annotation has for a file: below the clone of
// the workflow's repository that it is in. It is "" for any other file, and for
// one that does not exist.
func (o *output) problemFile(file, from string) string {
	if strings.TrimSpace(file) == "" {
		return ""
	}
	if !filepath.IsAbs(file) && strings.TrimSpace(from) != "" {
		file = filepath.Join(filepath.Dir(from), file)
	}
	file = o.job.matcherPath(file)
	if !isFile(file) {
		return ""
	}
	for dir := filepath.Dir(file); ; dir = filepath.Dir(dir) {
		config, err := readRegular(filepath.Join(dir, ".git", "config"), maxActionFile)
		switch {
		case err == nil && o.clones(config):
			path, err := filepath.Rel(dir, file)
			if err != nil {
				return ""
			}
			return filepath.ToSlash(path)
		case err == nil, dir == filepath.Dir(dir), !os.IsNotExist(err):
			return ""
		}
	}
}

// clones says whether a configuration of git is that of a clone of the
// workflow's repository.
func (o *output) clones(config []byte) bool {
	server, repository := text(o.github, "server_url"), text(o.github, "repository")
	if server == "" {
		server = "https://github.com"
	}
	var host string
	if u, err := url.Parse(server); err == nil {
		host = u.Hostname()
	}
	lines := bufio.NewScanner(bytes.NewReader(config))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if strings.EqualFold(line, "url = "+server+"/"+repository) || strings.EqualFold(line, "url = git@"+host+":"+repository+".git") {
			return true
		}
	}
	return false
}

// addMatchers and removeMatchers are the commands for it.

func (o *output) addMatchers(path string) error {
	if path == "" {
		o.warn("File path must be specified.")
		return nil
	}
	list, err := readMatchers(o.job.matcherPath(path))
	if err != nil {
		return err
	}
	if len(o.job.matchers)+len(list) > maxMatchers {
		return problemf("A job cannot have more than %d problem matchers.", maxMatchers)
	}
	for _, m := range list {
		o.job.matchers.add(m)
	}
	return nil
}

func (o *output) removeMatchers(owner, path string) error {
	switch {
	case owner == "" && path == "":
		o.warn("Either an owner name or a file path must be specified in ##[remove-matcher] command.")
		return nil
	case owner != "" && path != "":
		o.warn("Either specify an owner name or a file path in ##[remove-matcher] command. Both values cannot be set.")
		return nil
	case owner != "":
		o.job.matchers.remove(owner)
		return nil
	}
	list, err := readMatchers(o.job.matcherPath(path))
	if err != nil {
		return err
	}
	for _, m := range list {
		o.job.matchers.remove(m.owner)
	}
	return nil
}

// warn is for callers that hold the mutex of the record.
func (o *output) warn(message string) {
	o.record.annotate(wire.Annotation{Level: wire.LevelWarning, Message: message})
}
