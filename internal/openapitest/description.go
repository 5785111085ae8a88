package openapitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// later is the API version whose changes the descriptions carry as patches.
const later = "2026-03-10"

// Directory of the npm package, below the root of the module.
const generated = "node_modules/@octokit/openapi/generated"

// A description is one OpenAPI document, decoded only where it is used.
type description struct {
	Paths      map[string]map[string]json.RawMessage `json:"paths"`      // by path and lower-case method
	Components map[string]map[string]json.RawMessage `json:"components"` // by section and name

	templates []template
}

// A template is a path of the description, split.
type template struct {
	path     string
	segments []string
}

// An operation is one entry of a description, as a version of the API has it.
type operation struct {
	ID        string                     `json:"operationId"`
	Responses map[string]json.RawMessage `json:"responses"` // by status
	GitHub    struct {
		Category    string `json:"category"`
		Subcategory string `json:"subcategory"`
	} `json:"x-github"`

	from    *description
	version string
}

// read reads the description in a file.
func read(file string) (*description, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	d := new(description)
	if err := json.Unmarshal(text, d); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for path := range d.Paths {
		d.templates = append(d.templates, template{path, strings.Split(path, "/")})
	}
	return d, nil
}

// newestServer is the file of the newest Enterprise Server in a directory.
func newestServer(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "ghes-*.json"))
	files = slices.DeleteFunc(files, func(f string) bool { return strings.Contains(f, ".deref.") })
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("no description of an Enterprise Server in %s", dir)
	}
	slices.SortFunc(files, func(a, b string) int { // ghes-3.9 before ghes-3.10
		if d := len(a) - len(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return files[len(files)-1], nil
}

// find returns the operation that a request is for, nil if there is none.
// The path is escaped, as it came, and without the prefix of the API.
func (d *description) find(method, path, version string) (*operation, error) {
	method = strings.ToLower(method)
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if u, err := url.PathUnescape(s); err == nil {
			segments[i] = u
		}
	}
	var best *template
	for i, t := range d.templates {
		raw, ok := d.Paths[t.path][method]
		if ok && t.fits(segments) && (best == nil || t.before(best)) &&
			(len(segments) == len(t.segments) || d.takesSlashes(raw)) {
			best = &d.templates[i]
		}
	}
	if best == nil {
		return nil, nil
	}
	return d.operation(best.path, method, version)
}

// takesSlashes reports whether the last parameter of an operation takes more
// than one segment of a path.
func (d *description) takesSlashes(operation json.RawMessage) bool {
	type parameter struct {
		Ref   string `json:"$ref"`
		Multi bool   `json:"x-multi-segment"`
	}
	var op struct {
		Parameters []parameter `json:"parameters"`
	}
	if json.Unmarshal(operation, &op) != nil {
		return false
	}
	return slices.ContainsFunc(op.Parameters, func(p parameter) bool {
		if raw, _, _, err := d.component(p.Ref, ""); err == nil {
			_ = json.Unmarshal(raw, &p) // what cannot be read takes none
		}
		return p.Multi
	})
}

// fits reports whether a path may be one of the template, if its last
// parameter takes all that is left.
func (t template) fits(segments []string) bool {
	last := len(t.segments) - 1
	if len(segments) < len(t.segments) || len(segments) > len(t.segments) && !isParameter(t.segments[last]) {
		return false
	}
	for i, s := range t.segments {
		if s != segments[i] && (!isParameter(s) || segments[i] == "") {
			return false
		}
	}
	return true
}

// before reports whether t is closer to a path that both fit: the longer, or
// the one that is literal where the other has a parameter.
func (t template) before(o *template) bool {
	if len(t.segments) != len(o.segments) {
		return len(t.segments) > len(o.segments)
	}
	for i, s := range t.segments {
		if a, b := isParameter(s), isParameter(o.segments[i]); a != b {
			return b
		}
	}
	return false
}

func isParameter(segment string) bool {
	return strings.HasPrefix(segment, "{") && strings.HasSuffix(segment, "}")
}

// operation decodes one operation as a version of the API has it.
func (d *description) operation(path, method, version string) (*operation, error) {
	raw, err := patched(d.Paths[path][method], version)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	op := &operation{from: d, version: version}
	if err := json.Unmarshal(raw, op); err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return op, nil
}

// component returns what a reference such as #/components/schemas/job names,
// and its section and name.
func (d *description) component(ref, version string) (raw json.RawMessage, section, name string, err error) {
	section, name, ok := strings.Cut(strings.TrimPrefix(ref, "#/components/"), "/")
	raw, found := d.Components[section][name]
	if !ok || !found {
		return nil, "", "", fmt.Errorf("no component %s", ref)
	}
	raw, err = patched(raw, version)
	return raw, section, name, err
}

// A response is what an operation documents for one status.
type response struct {
	Ref     string `json:"$ref"`
	Content map[string]struct {
		Schema   json.RawMessage            `json:"schema"`
		Examples map[string]json.RawMessage `json:"examples"`
	} `json:"content"` // by media type
	Headers map[string]json.RawMessage `json:"headers"`
}

// response returns what the operation documents for a status, nil if nothing.
func (o *operation) response(status string) (*response, error) {
	raw, ok := o.Responses[status]
	if !ok || bytes.Equal(raw, []byte("null")) {
		return nil, nil
	}
	res := new(response)
	if err := json.Unmarshal(raw, res); err != nil || res.Ref == "" {
		return res, err
	}
	raw, _, _, err := o.from.component(res.Ref, o.version)
	if err != nil {
		return nil, err
	}
	res = new(response)
	return res, json.Unmarshal(raw, res)
}
