package contexts

import (
	"encoding/json"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// A Source is what a run was planned from, ready for use. It never changes.
type Source struct {
	Workflow *workflow.Workflow            // of the run itself
	Files    map[string]*workflow.Workflow // by path: that one, and those that its jobs call
	Event    expr.Value                    // github.event
	Inputs   expr.Value                    // inputs: an object, empty for events without inputs

	// Base is how the server was reached when the event came. Expressions see it
	// until a runner has the job: then it is how that runner reaches the server.
	Base shape.Base
}

// Parse reads the source of a run whose workflow file has the given path. The
// error is Invalid: this server cannot read it, whatever is tried.
func Parse(path string, recorded *actions.RunSource) (*Source, error) {
	w, err := workflow.Parse(path, recorded.Workflow)
	if err != nil {
		return nil, actions.Errorf(actions.Invalid, "%w", err)
	}
	return NewSource(w, recorded)
}

// NewSource is [Parse] for those who have read the workflow file already.
func NewSource(w *workflow.Workflow, recorded *actions.RunSource) (*Source, error) {
	src := &Source{Workflow: w, Files: map[string]*workflow.Workflow{w.Path: w}, Inputs: expr.NewObject(), Base: baseOf(recorded)}
	var err error
	if src.Event, err = expr.FromJSON(recorded.Payload); err != nil {
		return nil, actions.Errorf(actions.Invalid, "event: %w", err)
	}
	if len(recorded.Inputs) > 0 {
		if src.Inputs, err = expr.FromJSON(recorded.Inputs); err != nil {
			return nil, actions.Errorf(actions.Invalid, "inputs: %w", err)
		}
	}
	return src, nil
}

// baseOf is where the server was reached. Runs that were made before that was recorded
// have it in the repository of their payload, which was always this server's then.
func baseOf(recorded *actions.RunSource) shape.Base {
	if html := recorded.Base; html != "" {
		return shape.Base{API: html + "/api/v3", HTML: html}
	}
	var event struct {
		Repository struct {
			FullName string `json:"full_name"`
			HTMLURL  string `json:"html_url"`
		} `json:"repository"`
	}
	if json.Unmarshal(recorded.Payload, &event) != nil {
		return shape.Base{}
	}
	html := strings.TrimSuffix(event.Repository.HTMLURL, "/"+event.Repository.FullName)
	return shape.Base{API: html + "/api/v3", HTML: html}
}

// BaseRef is the branch that the pull request of the event is to be merged
// into, as a full ref; empty for other events.
func (s *Source) BaseRef() string {
	if name := s.pullBranch("base"); name != "" {
		return actions.BranchPrefix + name
	}
	return ""
}

// pullBranch is the branch of a side of the pull request of the event, head or base.
func (s *Source) pullBranch(side string) string {
	value := s.Event
	for _, name := range []string{"pull_request", side, "ref"} {
		object, ok := value.(*expr.Object)
		if !ok {
			return ""
		}
		value, _ = object.Get(name)
	}
	name, _ := value.(string)
	return name
}
