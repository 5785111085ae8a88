package checks

import (
	"net/http"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// happening are the names of the events that can happen here.
func happening() []string {
	var names []string
	for _, k := range event.Kinds() {
		if k.Happens() {
			names = append(names, k.Name)
		}
	}
	return names
}

// getSuite serves GET /repos/{owner}/{repo}/check-suites/{check_suite_id}.
func (p *page) getSuite(w http.ResponseWriter, r *http.Request) error {
	id, err := httpjson.PathID(r, "check_suite_id")
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	f := store.CheckFilter{RepoID: c.Repo.ID, SuiteID: id}
	var suite *shape.CheckSuite
	if id >= actions.ToolChecks {
		suites, _, err := p.Store.CheckSuites(r.Context(), f, store.Page{Number: 1, Size: 1})
		if err != nil {
			return err
		}
		if len(suites) == 0 {
			return rest.ErrNotFound
		}
		suite, err = p.toolSuite(r, suites[0])
		if err != nil {
			return err
		}
	} else {
		run, err := p.Store.RepoRun(r.Context(), c.Repo.ID, id)
		if err != nil {
			return err
		}
		if suite, err = p.runSuite(r, run, f); err != nil {
			return err
		}
	}
	if suite.Repository, err = p.repository(r); err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, suite)
}

// listSuites serves GET /repos/{owner}/{repo}/commits/{ref}/check-suites: those of tools,
// then those of runs.
func (p *page) listSuites(w http.ResponseWriter, r *http.Request) error {
	sha, err := p.headSHA(r)
	if err != nil {
		return err
	}
	c, l := rest.CallOf(r), rest.ListingOf(r)
	f := store.CheckFilter{RepoID: c.Repo.ID, HeadSHA: sha, Name: l.Query.Get("check_name")}
	if f.App, err = appOf(l.Query); err != nil {
		return err
	}
	tools, total, err := p.Store.CheckSuites(r.Context(), f, l.Page)
	if err != nil {
		return err
	}
	answer := struct {
		Total  int                 `json:"total_count"`
		Suites []*shape.CheckSuite `json:"check_suites"`
	}{Suites: []*shape.CheckSuite{}}
	for _, s := range tools {
		suite, err := p.toolSuite(r, s)
		if err != nil {
			return err
		}
		answer.Suites = append(answer.Suites, suite)
	}
	if f.App == 0 || f.App == actions.ActionsApp {
		offset, room := max(l.Page.Offset()-total, 0), l.Page.Size-len(tools)
		runs, n, err := p.Store.RunSlice(r.Context(), store.RunFilter{RepoID: c.Repo.ID, HeadSHA: sha}, offset, room)
		if err != nil {
			return err
		}
		for _, run := range runs {
			suite, err := p.runSuite(r, run, store.CheckFilter{RepoID: c.Repo.ID, Name: f.Name})
			if err != nil {
				return err
			}
			if f.Name != "" && suite.CheckRuns == 0 {
				n-- // it has no such check run
				continue
			}
			answer.Suites = append(answer.Suites, suite)
		}
		total += n
	}
	repo, err := p.repository(r)
	if err != nil {
		return err
	}
	for _, s := range answer.Suites {
		s.Repository = repo
	}
	answer.Total = total
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// repository is the call's repository as check suites show it: whole.
func (p *page) repository(r *http.Request) (*shape.Repository, error) {
	c := rest.CallOf(r)
	repo, err := p.Store.Repository(r.Context(), c.Repo.ID)
	if err != nil {
		return nil, err
	}
	return c.WholeRepository(repo), nil
}

// toolSuite is the check suite of a tool, less its repository.
func (p *page) toolSuite(r *http.Request, s *actions.CheckSuite) (*shape.CheckSuite, error) {
	c := rest.CallOf(r)
	commit, err := p.Git.View(c.Repo.ID).Commit(r.Context(), s.HeadSHA)
	if err != nil {
		return nil, err
	}
	suite := shape.NewCheckSuite(c.Base, c.Repo, s, happening())
	suite.HeadCommit = shape.NewSimpleCommit(&commit.Commit)
	return suite, nil
}

// runSuite is the check suite of a run, with the check runs that fit f, less its repository.
func (p *page) runSuite(r *http.Request, run *actions.Run, f store.CheckFilter) (*shape.CheckSuite, error) {
	c := rest.CallOf(r)
	f.SuiteID = run.ID
	_, count, err := p.Store.CheckRuns(r.Context(), f, store.Page{Number: 1, Size: 1})
	if err != nil {
		return nil, err
	}
	return &shape.CheckSuite{
		ID:           run.ID,
		NodeID:       shape.NodeID("CheckSuite", run.ID),
		HeadBranch:   shape.Null(run.HeadBranch),
		HeadSHA:      run.HeadSHA,
		Status:       string(run.Status),
		Conclusion:   shape.Null(string(run.Conclusion)),
		URL:          c.SuiteURL(run.ID),
		After:        run.HeadSHA,
		PullRequests: []struct{}{},
		App:          shape.ActionsApp(c.Base, happening()),
		CreatedAt:    shape.Time(run.CreatedAt),
		UpdatedAt:    shape.Time(run.UpdatedAt),
		CheckRuns:    count,
		CheckRunsURL: c.SuiteURL(run.ID) + "/check-runs",
		HeadCommit:   shape.NewSimpleCommit(&run.HeadCommit),
	}, nil
}

// appOf is the app of a list, 0 for any.
func appOf(query map[string][]string) (int64, error) {
	text := ""
	if list := query["app_id"]; len(list) > 0 {
		text = list[0]
	}
	if text == "" {
		return 0, nil
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, actions.BadField("CheckRun", "app_id")
	}
	return id, nil
}
