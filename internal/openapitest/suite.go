package openapitest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

// A suite is what all tests of a process share.
type suite struct {
	github     *description
	server     func() (*description, error) // read when first needed
	exceptions *exceptions

	mu      sync.Mutex
	schemas map[string]*openapi3.Schema // by product, version and text
}

// load reads the description of github.com and an exceptions file. The error
// is fs.ErrNotExist when the npm package is not installed.
func load(exceptionsFile string) (*suite, error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(root, generated)
	s := &suite{schemas: map[string]*openapi3.Schema{}}
	if s.github, err = read(filepath.Join(dir, "api.github.com.json")); err != nil {
		return nil, err
	}
	s.server = sync.OnceValues(func() (*description, error) {
		file, err := newestServer(dir)
		if err != nil {
			return nil, err
		}
		return read(file)
	})
	s.exceptions, err = readExceptions(exceptionsFile)
	return s, err
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("not in a module")
		}
		dir = parent
	}
}

// An answer is a response and the part of its request that matters.
type answer struct {
	method, path, version string // path as in the description, escaped
	status                int
	header                http.Header
	body                  []byte
}

// check returns the operation that an answer belongs to, and what is wrong
// with the answer: by the description of github.com where that has the
// operation. What only the Enterprise Server's knows of is right as well.
func (s *suite) check(a answer) (id string, found []problem, err error) {
	op, err := s.github.find(a.method, a.path, a.version)
	if err != nil {
		return "", nil, err
	}
	if op != nil {
		found, err = s.checkOperation(op, a)
		if err != nil || !slices.ContainsFunc(found, problem.unknown) {
			return op.ID, found, err
		}
	}
	server, err := s.server()
	if err != nil {
		return "", nil, err
	}
	onServer, err := server.find(a.method, a.path, a.version)
	switch {
	case err != nil:
		return "", nil, err
	case op != nil && (onServer == nil || onServer.ID != op.ID):
		return op.ID, found, nil
	case onServer == nil && a.status == http.StatusNotFound:
		return "", nil, nil
	case onServer == nil:
		detail := fmt.Sprintf("GitHub describes no %s %s", a.method, a.path)
		return a.method + " " + a.path, []problem{{"operation", detail}}, nil
	}
	there, err := s.checkOperation(onServer, a)
	if op == nil {
		return onServer.ID, there, err
	}
	return op.ID, slices.DeleteFunc(found, func(p problem) bool {
		return p.unknown() && !slices.Contains(there, p)
	}), err
}

// checkOperation compares an answer with one description of its operation.
func (s *suite) checkOperation(op *operation, a answer) ([]problem, error) {
	res, err := op.response(strconv.Itoa(a.status))
	if err != nil {
		return nil, err
	}
	var found []problem
	if a.status >= 400 {
		found = a.errorProblems()
	}
	switch {
	case res != nil:
		more, err := s.checkResponse(op, res, a)
		return append(found, more...), err
	case !slices.Contains(anywhere, a.status):
		found = append(found, problem{fmt.Sprintf("status %d", a.status), "not documented"})
	}
	return found, nil
}

// anywhere are the statuses that every operation may give: GitHub documents
// them once for the whole API.
var anywhere = []int{
	http.StatusMovedPermanently, http.StatusTemporaryRedirect, // of a repository that was renamed
	http.StatusNotModified, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
	http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusTooManyRequests,
}

// errorProblems says how an answer differs from GitHub's errors.
func (a answer) errorProblems() []problem {
	var body struct {
		Message          string `json:"message"`
		DocumentationURL string `json:"documentation_url"`
		Status           string `json:"status"`
	}
	err := json.Unmarshal(a.body, &body)
	switch want := strconv.Itoa(a.status); {
	case err != nil:
		return []problem{{"body", fmt.Sprintf("not a JSON error: %v", err)}}
	case body.Message == "":
		return []problem{{"/message", "an error needs one"}}
	case body.DocumentationURL == "":
		return []problem{{"/documentation_url", "an error needs one"}}
	case body.Status != "" && body.Status != want:
		return []problem{{"/status", fmt.Sprintf("%q in an answer with status %s", body.Status, want)}}
	}
	return nil
}

// checkResponse compares an answer with what is documented for its status.
func (s *suite) checkResponse(op *operation, res *response, a answer) ([]problem, error) {
	if _, redirects := res.Headers["Location"]; redirects && a.header.Get("Location") == "" {
		return []problem{{"location", "a redirect needs one"}}, nil
	}
	if len(res.Content) == 0 {
		if len(a.body) > 0 && a.status < 300 {
			return []problem{{"body", "none is documented"}}, nil
		}
		return nil, nil
	}
	mediaType, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	content, ok := res.Content[mediaType]
	if err != nil || !ok {
		return []problem{{"content type", fmt.Sprintf("%q is not documented", a.header.Get("Content-Type"))}}, nil
	}
	if !isJSON(mediaType) || content.Schema == nil {
		return nil, nil
	}
	var value any
	if err := json.Unmarshal(a.body, &value); err != nil {
		return []problem{{"body", err.Error()}}, nil
	}
	schema, err := s.schema(op, content.Schema)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op.ID, err)
	}
	return misfits(schema, value), nil
}

func isJSON(mediaType string) bool {
	return mediaType == "application/json" || strings.HasSuffix(mediaType, "+json")
}

// schema compiles a schema, once.
func (s *suite) schema(op *operation, raw json.RawMessage) (*openapi3.Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := fmt.Sprintf("%p %s %s", op.from, op.version, raw)
	if schema, ok := s.schemas[key]; ok {
		return schema, nil
	}
	schema, err := op.from.compile(raw, op.version)
	if err == nil {
		s.schemas[key] = schema
	}
	return schema, err
}

// installed tells an error of load that npm can mend from the others.
func installed(err error) bool { return !errors.Is(err, fs.ErrNotExist) }
