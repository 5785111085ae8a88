package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// shelf is a repository with jobs that upload.
type shelf struct {
	*store.Store
	repo *actions.Repository
	runs []*actions.Run
	jobs []*actions.Job // one per run
	now  time.Time
}

func newShelf(t testing.TB, st *store.Store) *shelf {
	t.Helper()
	ctx := t.Context()
	owner := &actions.Account{Login: "octo", Type: actions.User, CreatedAt: time.Now(), UpdatedAt: time.Now()}
	if err := st.CreateAccount(ctx, owner); err != nil {
		t.Fatal(err)
	}
	s := &shelf{Store: st, now: time.Now().Truncate(time.Microsecond).UTC()}
	s.repo, s.runs = addRepository(t, st, owner, "one")
	for _, r := range s.runs {
		jobs, err := st.Jobs(ctx, r.ID, 1)
		if err != nil {
			t.Fatal(err)
		}
		s.jobs = append(s.jobs, jobs...)
	}
	return s
}

// pending begins an artifact of a job.
func (s *shelf) pending(t *testing.T, j *actions.Job, name string) *actions.Artifact {
	t.Helper()
	a := &actions.Artifact{
		RepoID: j.RepoID, RunID: j.RunID, Attempt: j.Attempt, JobID: j.ID, Name: name, ContentType: actions.ZipType,
		CreatedAt: s.now, UpdatedAt: s.now, ExpiresAt: s.now.Add(time.Hour),
	}
	if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.CreateArtifact(t.Context(), a, 500) }); err != nil {
		t.Fatal(err)
	}
	return a
}

// live adds an artifact of so many bytes.
func (s *shelf) live(t *testing.T, j *actions.Job, name string, size int64) *actions.Artifact {
	t.Helper()
	a := s.pending(t, j, name)
	a.Size, a.Digest = size, "sha256:0"
	published, _ := s.publish(t, a)
	if !published {
		t.Fatalf("artifact %s did not become live", name)
	}
	return a
}

func (s *shelf) publish(t *testing.T, a *actions.Artifact) (published bool, bytes int64) {
	t.Helper()
	err := s.Update(t.Context(), func(tx *store.Tx) (err error) {
		published, bytes, err = tx.PublishArtifact(t.Context(), a)
		return err
	})
	if err != nil && actions.KindOf(err) != actions.Conflict {
		t.Fatal(err)
	}
	if published = published && err == nil; published {
		a.Status = actions.ArtifactLive
	}
	return published, bytes
}

func (s *shelf) expire(t *testing.T, at time.Time, limit int) (list []*actions.Artifact) {
	t.Helper()
	err := s.Update(t.Context(), func(tx *store.Tx) (err error) {
		list, err = tx.ExpireArtifacts(t.Context(), at, limit)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// sums are what is kept so that nobody counts, and counted is what it must be.
func (s *shelf) sums(t *testing.T) (kept, counted string) {
	t.Helper()
	n, bytes, err := s.ArtifactUsage(t.Context(), s.repo.ID)
	if err != nil {
		t.Fatal(err)
	}
	names, err := s.Texts(t.Context(), `select name || ' ' || total from artifact_names order by name`)
	if err != nil {
		t.Fatal(err)
	}
	kept = fmt.Sprint(n, bytes, names)
	rows, err := s.Int(t.Context(), `select count(*) from artifacts where status <> 'pending'`)
	if err != nil {
		t.Fatal(err)
	}
	live, err := s.Int(t.Context(), `select cast(coalesce(sum(size), 0) as bigint) from artifacts where status = 'live'`)
	if err != nil {
		t.Fatal(err)
	}
	names, err = s.Texts(t.Context(), `select name || ' ' || count(*) from artifacts where status <> 'pending' group by name order by name`)
	if err != nil {
		t.Fatal(err)
	}
	return kept, fmt.Sprint(rows, live, names)
}

func TestOneArtifactOfAnAttemptHasAName(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newShelf(t, st)
		const rivals = 8
		var list []*actions.Artifact
		for range rivals {
			list = append(list, s.pending(t, s.jobs[0], "dist"))
		}
		won := make([]bool, rivals)
		var wg sync.WaitGroup
		for i, a := range list {
			wg.Go(func() { won[i], _ = s.publish(t, a) })
		}
		wg.Wait()
		if n := slices.Index(won, true); n < 0 || slices.Contains(won[n+1:], true) {
			t.Errorf("who got the name: %v, want one", won)
		}
		other := s.live(t, s.jobs[1], "dist", 3) // of another run
		a, err := s.LiveArtifact(t.Context(), other.RunID, 1, "dist")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(other, a); diff != "" {
			t.Errorf("artifact (-want +got):\n%s", diff)
		}
		if kept, counted := s.sums(t); kept != counted {
			t.Errorf("sums are %s, want %s", kept, counted)
		}
	})
}

func TestSumsOfArtifactsStayRight(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, s := t.Context(), newShelf(t, st)
		check := func(after, want string) {
			t.Helper()
			kept, counted := s.sums(t)
			if kept != want || counted != want {
				t.Errorf("after %s: sums are %s, counted %s, want %s", after, kept, counted, want)
			}
		}
		check("nothing", "0 0 []")
		a := s.live(t, s.jobs[0], "a", 10)
		s.live(t, s.jobs[0], "b", 20)
		s.live(t, s.jobs[1], "a", 40)
		s.pending(t, s.jobs[1], "c")
		check("three are live", "3 70 [a 2 b 1]")
		remove := func(id int64) {
			err := s.Update(ctx, func(tx *store.Tx) error {
				cur, err := tx.Artifact(ctx, id)
				if err != nil {
					return err
				}
				_, err = tx.DeleteArtifact(ctx, cur)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		remove(a.ID)
		check("one was deleted", "2 60 [a 1 b 1]")
		if list := s.expire(t, s.now.Add(time.Hour-time.Microsecond), 10); len(list) != 0 {
			t.Errorf("%d expired before their time", len(list))
		}
		first := s.expire(t, s.now.Add(time.Hour), 1)
		if len(first) != 1 || first[0].Name != "b" || first[0].Status != actions.ArtifactLive {
			t.Fatalf("expired: %v, want b as it was", first)
		}
		check("one has expired", "2 40 [a 1 b 1]")
		remove(first[0].ID)
		check("the expired one was deleted", "1 40 [a 1]")
		s.live(t, s.jobs[0], "a", 5)
		if err := s.Update(ctx, func(tx *store.Tx) error { return tx.DeleteRun(ctx, s.repo.ID, s.runs[0].ID, s.now) }); err != nil {
			t.Fatal(err)
		}
		check("a run was deleted", "1 40 [a 1]")
		if err := s.Update(ctx, func(tx *store.Tx) error { return tx.DeleteRun(ctx, s.repo.ID, s.runs[1].ID, s.now) }); err != nil {
			t.Fatal(err)
		}
		check("both runs were deleted", "0 0 []")
	})
}

// Threat: Expired or deleted object … no reuse of ids.
func TestNoArtifactGetsTheIDOfADeletedOne(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, s := t.Context(), newShelf(t, st)
		a := s.live(t, s.jobs[0], "a", 1)
		if err := s.Update(ctx, func(tx *store.Tx) error { _, err := tx.DeleteArtifact(ctx, a); return err }); err != nil {
			t.Fatal(err)
		}
		if b := s.live(t, s.jobs[0], "a", 1); b.ID <= a.ID {
			t.Errorf("id %d after %d", b.ID, a.ID)
		}
	})
}

func TestAJobHasAtMostSoManyArtifacts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, s := t.Context(), newShelf(t, st)
		for i := range 3 {
			a := &actions.Artifact{RepoID: s.repo.ID, RunID: s.runs[0].ID, Attempt: 1, JobID: s.jobs[0].ID, Name: fmt.Sprint(i)}
			err := s.Update(ctx, func(tx *store.Tx) error { return tx.CreateArtifact(ctx, a, 2) })
			if want := i == 2; (actions.KindOf(err) == actions.Conflict) != want || (err != nil) != want {
				t.Errorf("artifact %d: %v", i, err)
			}
		}
	})
}

func TestArtifactsAreListedByPageAndName(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, s := t.Context(), newShelf(t, st)
		for i := range 5 {
			s.live(t, s.jobs[0], fmt.Sprint("a", i), 1)
		}
		s.live(t, s.jobs[1], "a3", 1)
		s.pending(t, s.jobs[1], "a4")
		s.expire(t, s.now.Add(time.Hour), 1)
		names := func(list []*store.ListedArtifact, total int, err error) string {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, a := range list {
				fmt.Fprintf(&b, "%s/%d ", a.Name, slices.IndexFunc(s.runs, func(r *actions.Run) bool { return r.ID == a.RunID }))
			}
			return b.String() + fmt.Sprint(total)
		}
		repo := func(name string, p store.Page) string { return names(s.RepoArtifacts(ctx, s.repo.ID, name, p)) }
		run := func(f store.ArtifactFilter, p store.Page) string {
			return names(s.RunArtifacts(ctx, s.runs[0].ID, f, p))
		}
		for _, test := range []struct{ what, got, want string }{
			{"repository", repo("", store.Page{Number: 1, Size: 30}), "a3/1 a4/0 a3/0 a2/0 a1/0 a0/0 6"},
			{"second page", repo("", store.Page{Number: 2, Size: 4}), "a1/0 a0/0 6"},
			{"page beyond", repo("", store.Page{Number: 9, Size: 4}), "6"},
			{"by name", repo("a3", store.Page{Number: 1, Size: 30}), "a3/1 a3/0 2"},
			{"by no name", repo("zzz", store.Page{Number: 1, Size: 30}), "0"},
			{"run", run(store.ArtifactFilter{}, store.Page{Number: 1, Size: 3}), "a4/0 a3/0 a2/0 5"},
			{"run, oldest", run(store.ArtifactFilter{Oldest: true}, store.Page{Number: 2, Size: 3}), "a3/0 a4/0 5"},
			{"run by name", run(store.ArtifactFilter{Name: "a1"}, store.Page{Number: 1, Size: 3}), "a1/0 1"},
		} {
			if test.got != test.want {
				t.Errorf("%s: %s, want %s", test.what, test.got, test.want)
			}
		}
		list, err := s.JobArtifacts(ctx, s.runs[0].ID, "", 0, s.now)
		if err != nil || len(list) != 4 || list[0].Name != "a1" || list[0].JobGUID != s.jobs[0].GUID {
			t.Errorf("jobs see %v, %v; want the four that have not expired", list, err)
		}
		if got, err := s.JobArtifacts(ctx, s.runs[0].ID, "a2", list[1].ID, s.now); err != nil || len(got) != 1 {
			t.Errorf("jobs see %v by name and id, %v", got, err)
		}
		if got, err := s.JobArtifacts(ctx, s.runs[0].ID, "", 0, s.now.Add(time.Hour)); err != nil || len(got) != 0 {
			t.Errorf("jobs see %v after their time, %v", got, err)
		}
		if a, err := s.JobArtifact(ctx, s.runs[1].ID, s.jobs[1].GUID, "a4"); actions.KindOf(err) != actions.NotFound {
			t.Errorf("a pending one is found: %v, %v", a, err)
		}
	})
}

// What was remembered becomes old, and subscribers wake, when artifacts come, go
// and expire.
func TestSubscribersLearnOfArtifacts(t *testing.T) {
	ctx, s := t.Context(), newShelf(t, storetest.Open(t))
	changed := s.Subscribe(store.RunTopic(s.runs[0].ID))
	defer changed.Close()
	before := s.Revision(store.RepoTopic(s.repo.ID))
	step := func(what string, want bool) {
		t.Helper()
		now := s.Revision(store.RepoTopic(s.repo.ID))
		woken := len(changed.C()) > 0
		if woken != want || (now != before) != want {
			t.Errorf("%s: woken %v, revision %d after %d", what, woken, now, before)
		}
		if before = now; woken {
			<-changed.C()
		}
	}
	a := s.pending(t, s.jobs[0], "a")
	step("begun", false)
	s.publish(t, a)
	step("live", true)
	s.expire(t, s.now.Add(time.Hour), 10)
	step("expired", true)
	if err := s.Update(ctx, func(tx *store.Tx) error {
		cur, err := tx.Artifact(ctx, a.ID)
		if err == nil {
			_, err = tx.DeleteArtifact(ctx, cur)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	step("deleted", true)
}

func TestUploadsOfJobsThatAreOverAreAbandoned(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, s := t.Context(), newShelf(t, st)
		s.pending(t, s.jobs[0], "a")
		s.pending(t, s.jobs[1], "b")
		s.live(t, s.jobs[0], "c", 1)
		abandoned := func(since time.Time) (names []string) {
			t.Helper()
			list, err := s.AbandonedArtifacts(ctx, since, 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range list {
				names = append(names, a.Name)
			}
			return names
		}
		if got := abandoned(s.now); len(got) != 0 {
			t.Errorf("abandoned: %v, want none", got)
		}
		if got := abandoned(s.now.Add(time.Second)); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("abandoned after nothing came: %v", got)
		}
		s.jobs[0].Complete(actions.Success, s.now)
		if err := s.Update(ctx, func(tx *store.Tx) error { return tx.UpdateJob(ctx, s.jobs[0]) }); err != nil {
			t.Fatal(err)
		}
		if got := abandoned(s.now); !slices.Equal(got, []string{"a"}) {
			t.Errorf("abandoned after the job: %v, want a", got)
		}
	})
}

func TestFilesOfAnArtifactCountUntilTheirLimit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, s := t.Context(), newShelf(t, st)
		a := s.pending(t, s.jobs[0], "a")
		add := func(path string, object, size, length int64) (replaced int64, err error) {
			f := &store.ArtifactFile{ArtifactID: a.ID, Path: path, ObjectID: object, Size: size, Gzip: size != length, Length: length}
			err = s.Update(ctx, func(tx *store.Tx) (err error) {
				replaced, err = tx.AddArtifactFile(ctx, f, 100, s.now)
				return err
			})
			return replaced, err
		}
		for _, test := range []struct {
			path                 string
			object, size, length int64
			replaced             int64
			kind                 actions.Kind
		}{
			{"x", 1, 60, 60, 0, ""},
			{"y", 2, 10, 40, 0, ""},              // 100 in all
			{"z", 3, 1, 1, 0, actions.Invalid},   // too much
			{"y", 4, 10, 41, 0, actions.Invalid}, // so, too
			{"y", 5, 10, 30, 2, ""},
			{"z", 6, 10, 10, 0, ""},
		} {
			replaced, err := add(test.path, test.object, test.size, test.length)
			if replaced != test.replaced || actions.KindOf(err) != test.kind {
				t.Errorf("%s of %d bytes: replaced %d, %v", test.path, test.length, replaced, err)
			}
		}
		if n, err := s.CountArtifactFiles(ctx, a.ID); err != nil || n != 3 {
			t.Errorf("%d files, %v", n, err)
		}
		s.publish(t, a)
		if _, err := add("w", 7, 1, 1); actions.KindOf(err) != actions.Conflict {
			t.Errorf("a file after the end: %v", err)
		}
	})
}

// What lists and the sweep ask reads an index in its order.
func TestArtifactQueriesReadOnlyWhatTheyShow(t *testing.T) {
	now, page := time.Now(), store.Page{Number: 2, Size: 30}
	job := &actions.Job{ID: 1, RepoID: 1, RunID: 1, Attempt: 1}
	optional := func(err error) error {
		if actions.KindOf(err) == actions.NotFound {
			return nil
		}
		return err
	}
	for name, ask := range map[string]func(context.Context, store.Explainer) error{
		"repository": func(ctx context.Context, q store.Explainer) error {
			_, _, err := q.RepoArtifacts(ctx, 1, "", page)
			return err
		},
		"repository by name": func(ctx context.Context, q store.Explainer) error {
			_, _, err := q.RepoArtifacts(ctx, 1, "a", page)
			return err
		},
		"run": func(ctx context.Context, q store.Explainer) error {
			_, _, err := q.RunArtifacts(ctx, 1, store.ArtifactFilter{}, page)
			return err
		},
		"run by name, oldest": func(ctx context.Context, q store.Explainer) error {
			_, _, err := q.RunArtifacts(ctx, 1, store.ArtifactFilter{Name: "a", Oldest: true}, page)
			return err
		},
		"one": func(ctx context.Context, q store.Explainer) error {
			_, err := q.RepoArtifact(ctx, 1, 1)
			return optional(err)
		},
		"what jobs see": func(ctx context.Context, q store.Explainer) error {
			_, err := q.JobArtifacts(ctx, 1, "", 0, now)
			return err
		},
		"what jobs see by name": func(ctx context.Context, q store.Explainer) error {
			_, err := q.JobArtifacts(ctx, 1, "a", 0, now)
			return err
		},
		"of a job": func(ctx context.Context, q store.Explainer) error {
			_, err := q.JobArtifact(ctx, 1, "guid", "a")
			return optional(err)
		},
		"with its job": func(ctx context.Context, q store.Explainer) error {
			_, _, err := q.ArtifactAndJob(ctx, 1)
			return optional(err)
		},
		"room": func(ctx context.Context, q store.Explainer) error {
			_, err := q.ArtifactRoom(ctx, job, "a")
			return optional(err)
		},
		"pending": func(ctx context.Context, q store.Explainer) error {
			_, err := q.PendingArtifact(ctx, 1, "a")
			return optional(err)
		},
		"live": func(ctx context.Context, q store.Explainer) error {
			_, err := q.LiveArtifact(ctx, 1, 1, "a")
			return optional(err)
		},
		"next expiry": func(ctx context.Context, q store.Explainer) error {
			_, err := q.NextExpiry(ctx)
			return optional(err)
		},
		"abandoned": func(ctx context.Context, q store.Explainer) error {
			_, err := q.AbandonedArtifacts(ctx, now, 10)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			q := storetest.Open(t).Explain()
			if err := ask(t.Context(), q); err != nil {
				t.Fatal(err)
			}
			if len(*q.Plans) == 0 {
				t.Error("no plan was seen")
			}
			for _, plan := range *q.Plans {
				scan := strings.HasPrefix(plan, "SCAN") && !strings.Contains(plan, "artifacts_expiry") && !strings.Contains(plan, "artifacts_pending")
				if scan || strings.Contains(plan, "TEMP B-TREE") {
					t.Errorf("%s, of %q", plan, *q.Plans)
				}
			}
		})
	}
}
