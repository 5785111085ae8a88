package checks

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/check"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
)

// maxReport holds 50 annotations of the largest size.
const maxReport = 16 << 20

type reportJSON struct {
	Name        *string                `json:"name"`
	HeadSHA     string                 `json:"head_sha"`
	DetailsURL  *string                `json:"details_url"`
	ExternalID  *string                `json:"external_id"`
	Status      actions.Status         `json:"status"`
	StartedAt   time.Time              `json:"started_at"`
	Conclusion  actions.Conclusion     `json:"conclusion"`
	CompletedAt time.Time              `json:"completed_at"`
	Output      *outputJSON            `json:"output"`
	Actions     *[]actions.CheckAction `json:"actions"`
}

type outputJSON struct {
	Title       *string           `json:"title"`
	Summary     *string           `json:"summary"`
	Text        *string           `json:"text"`
	Annotations []noteJSON        `json:"annotations"`
	Images      []json.RawMessage `json:"images"`
}

type noteJSON struct {
	Path        string        `json:"path"`
	StartLine   int           `json:"start_line"`
	EndLine     int           `json:"end_line"`
	StartColumn int           `json:"start_column"`
	EndColumn   int           `json:"end_column"`
	Level       actions.Level `json:"annotation_level"`
	Message     string        `json:"message"`
	Title       string        `json:"title"`
	RawDetails  string        `json:"raw_details"`
}

// read reads what a tool reports. made says that the check run is there already.
func read(r *http.Request, made bool) (*reportJSON, check.Report, error) {
	var body reportJSON
	if err := httpjson.Decode(r, &body, maxReport); err != nil {
		return nil, check.Report{}, err
	}
	report := check.Report{
		Name: body.Name, DetailsURL: body.DetailsURL, ExternalID: body.ExternalID, Status: body.Status, Conclusion: body.Conclusion,
		StartedAt: body.StartedAt, CompletedAt: body.CompletedAt, Actions: body.Actions,
	}
	if o := body.Output; o != nil {
		switch {
		case o.Summary == nil:
			return nil, report, actions.Missing("CheckRun", "output.summary")
		case o.Title == nil && !made:
			return nil, report, actions.Missing("CheckRun", "output.title")
		case len(o.Images) > 0:
			return nil, report, actions.InField("CheckRun", "output.images", actions.Errorf(actions.Invalid, "images are not shown by this server"))
		}
		report.Output = &check.Output{Title: o.Title, Summary: o.Summary, Text: o.Text}
		for _, n := range o.Annotations {
			report.Output.Notes = append(report.Output.Notes, &actions.CheckNote{
				Annotation: actions.Annotation{
					Path: n.Path, StartLine: n.StartLine, EndLine: n.EndLine, StartColumn: n.StartColumn, EndColumn: n.EndColumn,
					Level: n.Level, Message: n.Message, Title: n.Title,
				},
				RawDetails: n.RawDetails,
			})
		}
	}
	return &body, report, nil
}

func by(c *rest.Call) check.By {
	return check.By{Account: c.Caller.Account, ByJob: c.Caller.Job() != 0, Base: c.Base}
}

// create serves POST /repos/{owner}/{repo}/check-runs.
func (p *page) create(w http.ResponseWriter, r *http.Request) error {
	body, report, err := read(r, false)
	if err != nil {
		return err
	}
	if body.HeadSHA == "" {
		return actions.Missing("CheckRun", "head_sha")
	}
	none := actions.Errorf(actions.Invalid, "No commit found for SHA: %s", actions.Clip(body.HeadSHA, 255))
	if !gitrepo.IsSHA(body.HeadSHA) {
		return none
	}
	sha, err := rest.CommitOf(r, p.Repositories, body.HeadSHA)
	if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
		return none
	} else if err != nil {
		return err
	}
	c := rest.CallOf(r)
	run, err := p.Checks.CreateRun(r.Context(), by(c), c.Repo, sha, report)
	if err != nil {
		return err
	}
	made := shape.NewCheckRun(c.Base, c.Repo, run, happening())
	w.Header().Set("Location", made.URL)
	return httpjson.Write(w, http.StatusCreated, made)
}

// update serves PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}.
func (p *page) update(w http.ResponseWriter, r *http.Request) error {
	id, err := httpjson.PathID(r, "check_run_id")
	if err != nil {
		return err
	}
	_, report, err := read(r, true)
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	run, err := p.Checks.UpdateRun(r.Context(), by(c), c.Repo, id, report)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, shape.NewCheckRun(c.Base, c.Repo, run, happening()))
}

// again serves POST /repos/{owner}/{repo}/check-runs/{check_run_id}/rerequest.
func (p *page) again(w http.ResponseWriter, r *http.Request) error {
	id, err := httpjson.PathID(r, "check_run_id")
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	if err := p.Checks.Again(r.Context(), by(c), c.Repo, id); err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusCreated, struct{}{})
}
