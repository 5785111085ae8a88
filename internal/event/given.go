package event

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/shape"
)

// Bounds of a payload that was made elsewhere.
const (
	MaxPayload = 25 << 20 // bytes: GitHub's bound of what it delivers
	maxValues  = 500_000  // names, values and ends of collections, since each takes memory
	maxNesting = 90       // expressions read no more than 100 levels
)

// Facts are what a payload that was made elsewhere says of its event, as far as the
// server goes by it.
type Facts struct {
	Action  string `json:"action"`
	Ref     string `json:"ref"`
	RefType string `json:"ref_type"`
	Before  string `json:"before"`
	After   string `json:"after"`

	HeadCommit struct {
		Message string `json:"message"`
	} `json:"head_commit"`
	PullRequest struct {
		titled
		Head place `json:"head"`
		Base place `json:"base"`
	} `json:"pull_request"`
	MergeGroup struct {
		HeadRef string `json:"head_ref"`
		HeadSHA string `json:"head_sha"`
		BaseRef string `json:"base_ref"`
	} `json:"merge_group"`
	Release struct {
		Name    string `json:"name"`
		TagName string `json:"tag_name"`
	} `json:"release"`
	Issue, Discussion titled
	Deployment        place `json:"deployment"`
	WorkflowRun       struct {
		Name       string `json:"name"`
		HeadBranch string `json:"head_branch"`
	} `json:"workflow_run"`
	Workflow struct {
		Name string `json:"name"`
	} `json:"workflow"`
}

type titled struct {
	Title string `json:"title"`
}

// A place is a branch, tag or commit in a payload.
type place struct {
	Ref string `json:"ref"`
	SHA string `json:"sha"`
}

// ReadFacts checks a payload that was made elsewhere: one that is no JSON object, or
// larger than expressions can work with, is Invalid.
func ReadFacts(payload []byte) (*Facts, error) {
	if len(payload) > MaxPayload {
		return nil, actions.Errorf(actions.Invalid, "The payload is larger than %d bytes", MaxPayload)
	}
	if err := measure(payload); err != nil {
		return nil, err
	}
	f := new(Facts)
	if err := json.Unmarshal(payload, f); err != nil {
		return nil, actions.Errorf(actions.Invalid, "The payload is not one of GitHub's: %w", err)
	}
	return f, nil
}

// measure reads the payload once, with little memory.
func measure(payload []byte) error {
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	depth := 0
	for n := 0; ; n++ {
		t, err := d.Token()
		if err == io.EOF && n > 0 && depth == 0 {
			return nil
		}
		if err != nil {
			return actions.Errorf(actions.Invalid, "The payload is no JSON: %w", err)
		}
		switch {
		case n == 0 && t != json.Delim('{'), n > 0 && depth == 0:
			return actions.Errorf(actions.Invalid, "The payload is not a JSON object")
		case n > maxValues:
			return actions.Errorf(actions.Invalid, "The payload has more than %d values", maxValues)
		case t == json.Delim('{') || t == json.Delim('['):
			if depth++; depth > maxNesting {
				return actions.Errorf(actions.Invalid, "The payload nests more than %d levels", maxNesting)
			}
		case t == json.Delim('}') || t == json.Delim(']'):
			depth--
		}
	}
}

// OwnRef is the full ref that the payload says runs of the event are of, "" for none. It
// is for kinds whose runs are [Own].
func (f *Facts) OwnRef(name string) string {
	switch name {
	case "push":
		return f.Ref
	case "create":
		switch {
		case actions.IsFullRef(f.Ref) || f.Ref == "":
			return f.Ref
		case f.RefType == "tag":
			return actions.TagPrefix + f.Ref
		}
		return actions.BranchPrefix + f.Ref
	case "release":
		if f.Release.TagName != "" {
			return actions.TagPrefix + f.Release.TagName
		}
	case "deployment", "deployment_status":
		return f.Deployment.Ref
	case "merge_group":
		return f.MergeGroup.HeadRef
	}
	if strings.HasPrefix(name, "pull_request") && f.PullRequest.Head.Ref != "" {
		return actions.BranchPrefix + f.PullRequest.Head.Ref
	}
	return ""
}

// OwnSHA is the commit that the payload says runs of the event are of, "" for none: then
// it is the one at which the ref stands.
func (f *Facts) OwnSHA(name string) string {
	switch name {
	case "push":
		return f.After
	case "deployment", "deployment_status":
		return f.Deployment.SHA
	case "merge_group":
		return f.MergeGroup.HeadSHA
	}
	return ""
}

// Title is what runs of the event are called, "" for nothing of their own.
func (f *Facts) Title() string {
	message, _, _ := strings.Cut(f.HeadCommit.Message, "\n")
	return cmp.Or(f.PullRequest.Title, f.Issue.Title, f.Discussion.Title, f.Release.Name, f.Release.TagName, message)
}

// FilterRef is the full ref that filters of branches and tags look at, "" for none.
func (f *Facts) FilterRef(name string) string {
	branch := func(name string) string {
		if name == "" {
			return ""
		}
		return actions.BranchPrefix + strings.TrimPrefix(name, actions.BranchPrefix)
	}
	switch {
	case name == "push":
		return f.Ref
	case strings.HasPrefix(name, "pull_request"):
		return branch(f.PullRequest.Base.Ref)
	case name == "merge_group":
		return branch(f.MergeGroup.BaseRef)
	case name == "workflow_run":
		return branch(f.WorkflowRun.HeadBranch)
	}
	return ""
}

// completed is the given payload, with objects of this server where it says nothing of
// its repository, organization and sender.
func (e *Event) completed() ([]byte, error) {
	var has map[string]json.RawMessage
	if err := json.Unmarshal(e.Given, &has); err != nil {
		return nil, fmt.Errorf("payload of %s: %w", e.Name, err)
	}
	for name := range has {
		has[strings.ToLower(name)] = nil // as expressions find it
	}
	var b bytes.Buffer
	var lost error
	add := func(name string, value any) {
		if _, ok := has[name]; ok || lost != nil {
			return
		}
		text, err := json.Marshal(value)
		lost = err
		fmt.Fprintf(&b, `%q:%s,`, name, text)
	}
	if o := organization(e); o != nil {
		add("organization", o)
	}
	add("repository", shape.NewRepository(e.Base, e.Repo))
	add("sender", shape.NewSimpleUser(e.Base, e.Actor))
	if lost != nil {
		return nil, fmt.Errorf("payload of %s: %w", e.Name, lost)
	}
	if b.Len() == 0 {
		return e.Given, nil
	}
	rest := bytes.TrimSpace(e.Given)
	if len(has) == 0 {
		return []byte("{" + strings.TrimSuffix(b.String(), ",") + "}"), nil
	}
	return append(append([]byte("{"), b.Bytes()...), bytes.TrimSpace(rest[1:])...), nil
}
