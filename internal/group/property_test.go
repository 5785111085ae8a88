package group_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/group"
	"github.com/understudy-ci/understudy/internal/policy"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// A world is a server as a model remembers it, by itself: what admins have said of each
// group, and where each runner is.
type world struct {
	t      *testing.T
	st     *store.Store
	groups *group.Groups
	queue  *queue.Queue
	random *rand.Rand

	orgs   []*actions.Account
	repos  []*actions.Repository
	runs   []*actions.Run // two of each repository
	said   map[string]*rules
	places map[int64]string // of runners, by the key of their group
	all    []*actions.Runner
	jobs   []*actions.Job
}

// rules are what was said of one group.
type rules struct {
	scope    actions.Scope
	id       int64
	name     string
	public   bool
	selected bool
	only     map[int64]bool // repositories, or organizations
	workflow string         // empty for any
}

func keyOf(sc actions.Scope, id int64) string { return fmt.Sprint(sc.OwnerID, "/", id) }

func newGroupWorld(t *testing.T, st *store.Store, seed uint64) *world {
	t.Helper()
	w := &world{t: t, st: st, random: rand.New(rand.NewPCG(seed, 1)), said: make(map[string]*rules), places: make(map[int64]string)}
	w.groups = group.New(st, settings.New(st), policy.New(st, nil), time.Now, func(context.Context) (string, error) { return "others", nil })
	w.queue = queue.New(st, slog.New(slog.DiscardHandler), time.Minute, time.Now, queue.Rules{Access: w.groups.Access})
	ctx, now := t.Context(), time.Now()
	w.said[keyOf(actions.Scope{}, 1)] = &rules{id: 1, name: "Default"}
	for i := range 2 {
		org := &actions.Account{Login: fmt.Sprint("org", i), Type: actions.Organization, CreatedAt: now, UpdatedAt: now}
		must(t, st.CreateAccount(ctx, org))
		w.orgs = append(w.orgs, org)
		sc := actions.Scope{OwnerID: org.ID}
		w.said[keyOf(sc, 1)] = &rules{scope: sc, id: 1, name: "Default"}
		for k := range 3 {
			repo := &actions.Repository{Owner: *org, Name: fmt.Sprint("repo", k), Private: k > 0, DefaultBranch: "main", CreatedAt: now, UpdatedAt: now}
			must(t, st.CreateRepository(ctx, repo))
			w.repos = append(w.repos, repo)
			for _, path := range []string{"a.yml", "b.yml"} {
				w.runs = append(w.runs, w.run(repo, path))
			}
		}
	}
	for i := range 8 {
		sc := []actions.Scope{{}, {OwnerID: w.orgs[0].ID}, {OwnerID: w.orgs[1].ID}, {RepoID: w.repos[0].ID}}[i%4]
		r := &actions.Runner{Scope: sc, Name: fmt.Sprint("r", i), Labels: []actions.Label{{Name: "x"}}, ClientID: uuid.NewString(), PublicKey: []byte{1}, CreatedAt: now}
		must(t, st.CreateRunner(ctx, r))
		w.all = append(w.all, r)
		w.places[r.ID] = keyOf(sc, 1)
	}
	return w
}

func (w *world) run(repo *actions.Repository, path string) *actions.Run {
	ctx, now := w.t.Context(), time.Now()
	var run *actions.Run
	must(w.t, w.st.Update(ctx, func(tx *store.Tx) error {
		wf := &actions.Workflow{RepoID: repo.ID, Path: path, Name: path, State: actions.Active, CreatedAt: now, UpdatedAt: now}
		if err := tx.SaveWorkflow(ctx, wf); err != nil {
			return err
		}
		run = &actions.Run{
			RepoID: repo.ID, WorkflowID: wf.ID, Name: path, Path: path, Event: "push", Ref: "refs/heads/main", HeadBranch: "main",
			Actor: repo.Owner, Triggering: repo.Owner, Attempt: 1, Status: actions.Queued, CreatedAt: now, StartedAt: now, UpdatedAt: now,
		}
		return tx.CreateRun(ctx, run, &actions.Attempt{Number: 1, PlanID: uuid.NewString(), Triggering: repo.Owner, Status: actions.Queued, StartedAt: now}, &actions.RunSource{})
	}))
	return run
}

func pick[T any](w *world, list []T) T { return list[w.random.IntN(len(list))] }

func (w *world) repoOf(j *actions.Job) *actions.Repository {
	return w.repos[slices.IndexFunc(w.repos, func(r *actions.Repository) bool { return r.ID == j.RepoID })]
}

// allowed says by the model alone whether a runner may have a job.
func (w *world) allowed(r *actions.Runner, j *actions.Job) bool {
	repo := w.repoOf(j)
	if r.Scope.RepoID != 0 {
		return r.Scope.RepoID == j.RepoID && (j.Group == "" || j.Group == "Default")
	}
	if r.Scope.OwnerID != 0 && r.Scope.OwnerID != j.OwnerID {
		return false
	}
	g := w.said[w.places[r.ID]]
	of := j.RepoID
	if g.scope.OwnerID == 0 {
		of = j.OwnerID
	}
	path := w.runs[slices.IndexFunc(w.runs, func(u *actions.Run) bool { return u.ID == j.RunID })].Path
	switch {
	case j.Group != "" && j.Group != g.name && (j.Group != "org/"+g.name || g.scope.OwnerID == 0) && (j.Group != "ent/"+g.name || g.scope.OwnerID != 0):
		return false
	case !repo.Private && !g.public, g.selected && !g.only[of]:
		return false
	}
	return g.workflow == "" || g.workflow == repo.FullName()+"/"+path+"@main"
}

// step does one thing at random.
func (w *world) step() {
	ctx := w.t.Context()
	switch w.random.IntN(8) {
	case 0:
		w.create()
	case 1:
		w.change()
	case 2: // a runner goes to another group of its scope
		r := pick(w, w.all)
		for key, g := range w.said {
			if r.Scope.RepoID == 0 && g.scope == r.Scope && w.random.IntN(2) == 0 {
				must(w.t, w.groups.AddRunner(ctx, g.scope, g.id, r.ID))
				w.places[r.ID] = key
				break
			}
		}
	case 3:
		w.remove()
	case 4:
		repo := pick(w, w.repos)
		repo.Private = !repo.Private
		must(w.t, w.st.Update(ctx, func(tx *store.Tx) error { return tx.UpdateRepository(ctx, repo) }))
	default:
		w.add()
	}
}

func (w *world) create() {
	scopes := []actions.Scope{{}, {OwnerID: w.orgs[0].ID}, {OwnerID: w.orgs[1].ID}}
	g := &actions.RunnerGroup{Scope: pick(w, scopes), Name: pick(w, []string{"big", "small"}), Visibility: actions.GroupForAll}
	err := w.groups.Create(w.t.Context(), g, group.Start{})
	if actions.KindOf(err) == actions.Conflict {
		return
	}
	must(w.t, err)
	w.said[keyOf(g.Scope, g.ID)] = &rules{scope: g.Scope, id: g.ID, name: g.Name}
}

func (w *world) any() *rules {
	keys := make([]string, 0, len(w.said))
	for key := range w.said {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return w.said[pick(w, keys)]
}

func (w *world) change() {
	ctx, g := w.t.Context(), w.any()
	g.public, g.selected, g.workflow = w.random.IntN(2) == 0, w.random.IntN(2) == 0, ""
	if w.random.IntN(3) == 0 {
		g.workflow = pick(w, w.repos).FullName() + "/" + pick(w, []string{"a.yml", "b.yml"}) + "@main"
	}
	must(w.t, w.groups.Update(ctx, g.scope, g.id, func(x *actions.RunnerGroup) {
		x.AllowsPublic, x.Visibility, x.Restricted, x.Workflows = g.public, actions.GroupForAll, g.workflow != "", []string{}
		if g.selected {
			x.Visibility = actions.GroupForSelected
		}
		if g.workflow != "" {
			x.Workflows = []string{g.workflow}
		}
	}))
	if !g.selected {
		return
	}
	g.only = make(map[int64]bool)
	change := actions.SelectionChange{Set: []int64{}}
	if g.scope.OwnerID == 0 {
		id := pick(w, w.orgs).ID
		g.only[id], change.Set = true, []int64{id}
		must(w.t, w.groups.ChangeOrganizations(ctx, g.id, change))
		return
	}
	for _, repo := range w.repos {
		if repo.Owner.ID == g.scope.OwnerID && w.random.IntN(2) == 0 {
			g.only[repo.ID] = true
			change.Set = append(change.Set, repo.ID)
		}
	}
	must(w.t, w.groups.ChangeRepositories(ctx, g.scope, g.id, change))
}

func (w *world) remove() {
	g := w.any()
	if g.id == actions.DefaultGroupID {
		return
	}
	must(w.t, w.groups.Delete(w.t.Context(), g.scope, g.id))
	delete(w.said, keyOf(g.scope, g.id))
	for id, place := range w.places {
		if place == keyOf(g.scope, g.id) {
			w.places[id] = keyOf(g.scope, 1)
		}
	}
}

func (w *world) add() {
	ctx, run := w.t.Context(), pick(w, w.runs)
	repo := w.repos[slices.IndexFunc(w.repos, func(r *actions.Repository) bool { return r.ID == run.RepoID })]
	j := &actions.Job{
		RunID: run.ID, RepoID: repo.ID, OwnerID: repo.Owner.ID, Attempt: 1, GUID: uuid.NewString(), Key: "a", Total: 1, Name: "a",
		Labels: []string{"x"}, Group: pick(w, []string{"", "", "Default", "big", "small", "org/big", "ent/big"}), Status: actions.Queued, CreatedAt: time.Now(), QueuedAt: time.Now(),
	}
	must(w.t, w.st.Update(ctx, func(tx *store.Tx) error { return tx.CreateJobs(ctx, []*actions.Job{j}) }))
	w.queue.Wake(&store.Waiting{ID: j.ID, GUID: j.GUID, Group: j.Group, Labels: j.Labels, Work: actions.WorkOf(repo, run)})
	w.jobs = append(w.jobs, j)
}

// check lets every runner ask for a job, and for each by guessing.
func (w *world) check() {
	for _, r := range w.all {
		ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Millisecond)
		m, err := w.queue.Message(ctx, r, true)
		cancel()
		must(w.t, err)
		if m != nil {
			i := slices.IndexFunc(w.jobs, func(j *actions.Job) bool { return j.GUID == m.Offer.GUID })
			if !w.allowed(r, w.jobs[i]) {
				w.t.Errorf("runner %s of %s is offered a job of %s, group %q", r.Name, w.places[r.ID], w.repoOf(w.jobs[i]).FullName(), w.jobs[i].Group)
			}
			w.queue.Release(r.ID)
		}
		for i, j := range w.jobs {
			_, err := w.queue.Acquire(w.t.Context(), j.GUID, r, func(*store.Tx, *actions.Job) error { return actions.Errorf(actions.Gone, "only asking") })
			got, want := actions.KindOf(err) == actions.Gone, w.allowed(r, j)
			if got != want {
				w.t.Errorf("runner %s of %s gets job %d of %s, group %q: %t (%v), want %t", r.Name, w.places[r.ID], i, w.repoOf(j).FullName(), j.Group, got, err, want)
			}
		}
	}
}

func TestARunnerNeverGetsAJobThatItsGroupExcludes(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := newGroupWorld(t, storetest.Open(t), seed)
			for n := range 60 {
				w.step()
				if n%6 == 5 {
					w.check()
				}
				if t.Failed() {
					t.FailNow()
				}
			}
		})
	}
}
