package rest_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/store"
)

// shapes are the fields of the answers that GitHub's reference of Actions shows, in
// testdata/fields.json: by the name of a shape, or by the operation that answers it. A
// shape is a JSON type ("any" where the example has null), the name of another shape,
// an object of shapes, or a list with the shape of its elements.
type shapes map[string]any

// A fieldException is a field of the reference that an answer does not have.
type fieldException struct {
	version string // "" is every one
	field   string // the shape or operation, and the names below it
	reason  string
}

var fieldExceptions = []fieldException{
	{"2026-03-10", "full-repository/has_downloads", "that version removed it"},
	{"", "full-repository/license", "files are not searched for a license: null, as for one that is unknown"},
	{"", "full-repository/mirror_url", "no repository is a mirror"},
	{"", "full-repository/network_count", "the descriptions of both versions do not have it in a list"},
	{"", "full-repository/subscribers_count", "the descriptions of both versions do not have it in a list"},
	{"", "full-repository/template_repository", "the descriptions of both versions do not have it"},
	{"", "full-repository/temp_clone_token", "a list gives no tokens; the descriptions do not require it"},
}

// missing compares a value with a shape. It calls report with each field that is not
// there, or is of another type, or null, and why.
func (all shapes) missing(at string, shape, value any, report func(field, problem string)) {
	if value == nil && shape != "any" {
		report(at, "is null")
		return
	}
	switch want := shape.(type) {
	case string:
		switch named, ok := all[want]; {
		case ok:
			all.missing(want, named, value, report)
		case want != "any" && want != typeOf(value):
			report(at, "is a "+typeOf(value)+", not a "+want)
		}
	case []any:
		switch list, ok := value.([]any); {
		case !ok:
			report(at, "is no list")
		case len(list) == 0 && want[0] != "any":
			report(at, "is empty")
		default:
			for _, element := range list {
				all.missing(at, want[0], element, report)
			}
		}
	case map[string]any:
		object, ok := value.(map[string]any)
		if !ok {
			report(at, "is no object")
			return
		}
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if v, has := object[name]; has {
				all.missing(at+"/"+name, want[name], v, report)
			} else {
				report(at+"/"+name, "is not there")
			}
		}
	}
}

// typeOf is the JSON type of a value.
func typeOf(value any) string {
	switch value.(type) {
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "boolean"
	case []any:
		return "list"
	default:
		return "object"
	}
}

func TestAnswersHaveTheFieldsOfTheExamplesOfTheReference(t *testing.T) {
	text, err := os.ReadFile("testdata/fields.json")
	if err != nil {
		t.Fatal(err)
	}
	var all shapes
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	needed := make(map[fieldException]bool)
	for _, version := range versions {
		s := resttest.New(t)
		w := newClientWorld(s)
		compared, list := 0, examplesOf(w)
		w.fillExamples()
		for _, e := range list {
			operation := e.operation()
			if operation == "POST /orgs/{org}/actions/runner-groups" {
				e.body["visibility"] = "selected" // as in the answer that the reference shows
			}
			got := w.curl(e, version)
			shape, ok := all[operation]
			if !ok {
				continue
			}
			compared++
			all.missing(operation, shape, got.JSON(t), func(field, problem string) {
				for _, x := range fieldExceptions {
					if x.field == field && (x.version == "" || x.version == version) {
						needed[x] = true
						return
					}
				}
				t.Errorf("%s in version %q: %s %s", operation, version, field, problem)
			})
		}
		if compared != 27 {
			t.Errorf("%d answers have fields, want 27", compared)
		}
	}
	for _, x := range fieldExceptions {
		if !needed[x] {
			t.Errorf("nothing needs the exception of %s in version %q", x.field, x.version)
		}
	}
}

// fillExamples gives the world what the examples of the reference have, so that no list of an
// answer is empty.
func (w *clientWorld) fillExamples() {
	w.s.Helper()
	set := func(method, path string, body resttest.Fields) {
		w.s.Helper()
		if a := w.s.Do(method, path, w.token, body); a.StatusCode >= http.StatusBadRequest {
			w.s.Fatalf("%s %s: %d %s", method, path, a.StatusCode, a.Text)
		}
	}
	set(http.MethodPatch, "/repos/guild/hello", resttest.Fields{"description": "says hello", "homepage": "https://example.com"})
	set(http.MethodPut, "/repos/guild/hello/topics", resttest.Fields{"names": []string{"octo"}})
	set(http.MethodPut, "/orgs/guild/actions/secrets/"+held+"/repositories", resttest.Fields{"selected_repository_ids": []int64{w.repo.ID}})
	for _, of := range []string{"/orgs/guild", "/repos/alice/hello"} {
		set(http.MethodPut, of+"/actions/permissions/selected-actions", resttest.Fields{"patterns_allowed": []string{"octo/*"}})
	}
	ctx := w.s.Context()
	for _, id := range []int64{w.values["runID"].(int64), w.queued} {
		run, err := w.s.Store.Run(ctx, id)
		w.s.Must(err)
		for _, system := range []string{"ubuntu-latest", "macos-latest", "windows-latest"} {
			w.s.AddJob(run, func(j *actions.Job) { j.Labels = []string{system} })
		}
		jobs, err := w.s.Store.Jobs(ctx, id, 1)
		w.s.Must(err)
		for _, j := range jobs {
			now := w.s.Now()
			j.Status, j.Conclusion, j.StartedAt, j.CompletedAt = actions.Completed, actions.Success, now, now
			step := &actions.Step{GUID: uuid.NewString(), Number: 1, Name: "Say hello", Status: actions.Completed, Conclusion: actions.Success, StartedAt: now, CompletedAt: now}
			w.s.Must(w.s.Store.Update(ctx, func(tx *store.Tx) error {
				if err := tx.SaveStep(ctx, j, step); err != nil {
					return err
				}
				return tx.UpdateJob(ctx, j)
			}))
		}
	}
}
