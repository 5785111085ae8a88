package e2e_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// A record says what the runs of a case did, by workflow file and event. It leaves
// out what differs from run to run: times, hosts, directories, ids, names of runners.
type record map[string]runRecord

type runRecord struct {
	Conclusion string
	Jobs       map[string]jobRecord
}

type jobRecord struct {
	Conclusion string
	Notes      []string // annotations: level, path and place, title, message
	Steps      []stepRecord
}

type stepRecord struct {
	Name, Conclusion string
	Log              []string // none for "Set up job" and "Complete job"
}

func readRecord(t *testing.T, path string) record {
	t.Helper()
	var r record
	if err := json.Unmarshal(read(t, path), &r); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return r
}

// lines is the record as text, which [differences] compares.
func (r record) lines() (lines []string) {
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, name := range slices.Sorted(maps.Keys(r)) {
		one := r[name]
		add("run %s: %s", name, one.Conclusion)
		for _, name := range slices.Sorted(maps.Keys(one.Jobs)) {
			j := one.Jobs[name]
			add("job %s: %s", name, j.Conclusion)
			for _, note := range slices.Sorted(slices.Values(j.Notes)) {
				add("  note %s", note)
			}
			for _, step := range j.Steps {
				add("  step %s: %s", step.Name, step.Conclusion)
				for _, line := range step.Log {
					add("    | %s", line)
				}
			}
		}
	}
	return lines
}

// record asks the server what a run of the case did.
func (c *officialCase) record(t *testing.T, s *server, r *run) runRecord {
	t.Helper()
	var v struct {
		Jobs []struct {
			ID               int64
			Name, Conclusion string
			Steps            []struct {
				Number           int
				Name, Conclusion string
			}
		}
	}
	path := fmt.Sprintf("/repos/octo/%s/actions/runs/%d", c.repo, r.ID)
	s.do(http.MethodGet, path+"/jobs?per_page=100", nil, &v)
	logs := stepLogs(t, s.read(path+"/logs"))
	one := runRecord{r.Conclusion, map[string]jobRecord{}}
	for _, j := range v.Jobs {
		entry := jobRecord{Conclusion: j.Conclusion, Notes: c.notes(s, j.ID)}
		for _, step := range j.Steps {
			kept := stepRecord{Name: c.normal(s, step.Name), Conclusion: step.Conclusion}
			if step.Name != "Set up job" && step.Name != "Complete job" {
				text := logs[fileName.ReplaceAllString(j.Name, "")+"/"+strconv.Itoa(step.Number)]
				kept.Log = strings.Split(c.normal(s, text), "\n")
			}
			entry.Steps = append(entry.Steps, kept)
		}
		one.Jobs[j.Name] = entry
	}
	return one
}

var (
	fileName = regexp.MustCompile(`[/\\:*?"<>|]`)          // what names of files in an archive of logs have not
	stepLog  = regexp.MustCompile(`^(.*/\d+)_[^/]*\.txt$`) // the name of a step's log
	logTime  = regexp.MustCompile(`(?m)^\x{FEFF}?\d{4}-\d\d-\d\dT[\d:.]+Z `)
	uuid     = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	runners  = regexp.MustCompile(`\bbundled-\d\b`)
	tokens   = regexp.MustCompile(`gh[su]_\w{36,}`)
)

// stepLogs reads an archive of logs: the logs of steps by the job's name, a slash and
// the step's number.
func stepLogs(t *testing.T, archive []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	logs := map[string]string{}
	for _, f := range z.File {
		m := stepLog.FindStringSubmatch(f.Name)
		if m == nil {
			continue
		}
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		_ = in.Close() // it was read
		logs[m[1]] = string(text)
	}
	return logs
}

// notes are the annotations of a job.
func (c *officialCase) notes(s *server, job int64) (notes []string) {
	s.t.Helper()
	var v []struct {
		Level     string `json:"annotation_level"`
		Path      string
		Start     int  `json:"start_line"`
		End       int  `json:"end_line"`
		FirstChar *int `json:"start_column"`
		LastChar  *int `json:"end_column"`
		Title     string
		Message   string
	}
	column := func(n *int) string {
		if n == nil {
			return "None"
		}
		return strconv.Itoa(*n)
	}
	s.do(http.MethodGet, fmt.Sprintf("/repos/octo/%s/check-runs/%d/annotations?per_page=100", c.repo, job), nil, &v)
	for _, a := range v {
		notes = append(notes, fmt.Sprintf("%s %s:%d-%d:%s-%s [%s] %s", a.Level, c.normal(s, a.Path), a.Start, a.End,
			column(a.FirstChar), column(a.LastChar), a.Title, c.normal(s, a.Message)))
	}
	return notes
}

// normal is a text without what differs from run to run and machine to machine.
func (c *officialCase) normal(s *server, text string) string {
	text = logTime.ReplaceAllString(text, "")
	text = strings.ReplaceAll(text, strings.TrimPrefix(s.url, "http://"), "HOST")
	root := regexp.QuoteMeta(s.data+"-runners") + `/\d+/`
	text = regexp.MustCompile(root+`_tool\b`).ReplaceAllString(text, "WORK/_tool")
	text = regexp.MustCompile(root+`_work\b`).ReplaceAllString(text, "WORK")
	if isolated() != "" {
		text = strings.ReplaceAll(text, "/home/runner/work", "WORK")
	}
	text = uuid.ReplaceAllString(text, "UUID")
	text = runners.ReplaceAllString(text, "RUNNER")
	text = tokens.ReplaceAllString(text, "TOKEN")
	text = strings.ReplaceAll(text, "\x00", "<NUL>")
	var lines []string
	for line := range strings.SplitSeq(strings.ReplaceAll(text, c.repo, "REPO"), "\n") {
		lines = append(lines, short(line))
	}
	return strings.Join(lines, "\n")
}

// short is a line whose rest is only known by a sum.
func short(line string) string {
	n := utf8.RuneCountInString(line)
	if n <= 1000 {
		return line
	}
	return fmt.Sprintf("%s… (%d characters, sha256 %.8x)", string([]rune(line)[:80]), n, sha256.Sum256([]byte(line)))
}
