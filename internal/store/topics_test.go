package store_test

import (
	"cmp"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// A write that nobody hears of leaves pages old, runners waiting and answers
// wrong, and no other test need fail: so each says here what it publishes.
func TestWhatIsWrittenIsPublished(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s, ctx := newShelf(t, st), t.Context()
		run, job, person := s.runs[0], s.jobs[0], &actions.Account{Login: "mona", Type: actions.User}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(s.CreateAccount(ctx, person))
		runner := &actions.Runner{Name: "box", ClientID: uuid.NewString(), PublicKey: []byte{1}}
		must(s.CreateRunner(ctx, runner))
		token := &actions.Token{AccountID: person.ID, Kind: actions.Classic, Hash: []byte("hash"), Note: "note"}
		must(s.CreateToken(ctx, token))

		repoT, recordT, runT := store.RepoTopic(s.repo.ID), store.RecordTopic(s.repo.ID), store.RunTopic(run.ID)
		runnerT, access, settings := store.RunnerTopic(runner.ID), store.AccessTopic(), store.SettingsTopic()
		jobT, runnerRecordT, deletedT := store.JobTopic(job.ID), store.RunnerRecordTopic(runner.ID), store.DeletedTopic()
		known := []store.Topic{repoT, recordT, runT, runnerT, access, settings, jobT, runnerRecordT, deletedT}
		at := func() *actions.Attempt {
			a, err := s.Attempt(ctx, run.ID, 1)
			must(err)
			return a
		}
		cancelled := func(j actions.Job) *actions.Job {
			j.RunnerID, j.CancelAt, j.Status = runner.ID, s.now, actions.InProgress
			return &j
		}
		for _, c := range []struct {
			what   string
			topics []store.Topic
			in     func(tx *store.Tx) error // a transaction, or
			alone  func() error
		}{
			{"SetPushed", []store.Topic{repoT, recordT}, func(tx *store.Tx) error { return tx.SetPushed(ctx, s.repo.ID, s.now) }, nil},
			{"UpdateRepository", []store.Topic{repoT, recordT}, func(tx *store.Tx) error { return tx.UpdateRepository(ctx, s.repo) }, nil},
			{"SaveSetting", []store.Topic{settings}, func(tx *store.Tx) error {
				return tx.SaveSetting(ctx, store.Setting{Scope: actions.Scope{RepoID: s.repo.ID}, Key: "key", Value: "1"})
			}, nil},
			{"SaveSetting, to take it back", []store.Topic{settings}, func(tx *store.Tx) error {
				return tx.SaveSetting(ctx, store.Setting{Scope: actions.Scope{RepoID: s.repo.ID}, Key: "key"})
			}, nil},
			{"SaveWorkflow", []store.Topic{repoT}, func(tx *store.Tx) error {
				return tx.SaveWorkflow(ctx, &actions.Workflow{RepoID: s.repo.ID, Path: ".github/workflows/new.yml", Name: "New", State: actions.Active})
			}, nil},
			{"CreateRun", []store.Topic{repoT}, func(tx *store.Tx) error {
				r, a := *run, *at()
				a.PlanID = uuid.NewString()
				return tx.CreateRun(ctx, &r, &a, &actions.RunSource{})
			}, nil},
			{"UpdateRun", []store.Topic{repoT, runT}, func(tx *store.Tx) error { return tx.UpdateRun(ctx, run) }, nil},
			{"ReviseRun", []store.Topic{repoT, runT}, func(tx *store.Tx) error { _, err := tx.ReviseRun(ctx, run); return err }, nil},
			{"CreateJob", []store.Topic{repoT, runT}, func(tx *store.Tx) error {
				j := *job
				j.GUID = uuid.NewString()
				return tx.CreateJobs(ctx, []*actions.Job{&j})
			}, nil},
			{"UpdateJob", []store.Topic{repoT, runT, jobT}, func(tx *store.Tx) error { return tx.UpdateJob(ctx, job) }, nil},
			{"UpdateJob of one that was told to cancel", []store.Topic{repoT, runT, jobT, runnerT}, func(tx *store.Tx) error {
				return tx.UpdateJob(ctx, cancelled(*job))
			}, nil},
			{"TellJob", []store.Topic{repoT, runT, jobT, runnerT}, func(tx *store.Tx) error { _, err := tx.TellJob(ctx, cancelled(*job)); return err }, nil},
			{"EndJob", []store.Topic{repoT, runT, jobT}, func(tx *store.Tx) error {
				_, err := tx.EndJob(ctx, job, actions.InProgress, time.Time{})
				return err
			}, nil},
			{"SaveStep", []store.Topic{repoT, runT}, func(tx *store.Tx) error {
				return tx.SaveStep(ctx, job, &actions.Step{JobID: job.ID, GUID: uuid.NewString(), Number: 9, Name: "x", Status: actions.Queued})
			}, nil},
			{"DeleteRun", []store.Topic{repoT, runT, deletedT}, func(tx *store.Tx) error { return tx.DeleteRun(ctx, s.repo.ID, run.ID, s.now) }, nil},

			{"SetCollaborator", []store.Topic{access}, nil, func() error {
				return st.SetCollaborator(ctx, s.repo.ID, person.ID, actions.Write)
			}},
			{"SetCollaborator to nothing", []store.Topic{access}, nil, func() error {
				return st.SetCollaborator(ctx, s.repo.ID, person.ID, actions.NoAccess)
			}},
			{"CreateAccount", []store.Topic{access}, nil, func() error {
				return st.CreateAccount(ctx, &actions.Account{Login: "hubot", Type: actions.User})
			}},
			{"SetMember", []store.Topic{access}, nil, func() error {
				return st.SetMember(ctx, s.repo.Owner.ID, person.ID, true)
			}},
			{"DeleteTokensNoted", []store.Topic{access}, nil, func() error {
				return st.DeleteTokensNoted(ctx, person.ID, "note")
			}},
			{"DeleteToken", []store.Topic{access}, nil, func() error { return st.DeleteToken(ctx, token.ID) }},
			{"SaveSession", []store.Topic{runnerT}, nil, func() error {
				return st.SaveSession(ctx, &actions.Session{ID: uuid.NewString(), RunnerID: runner.ID})
			}},
			{"SetIdle", []store.Topic{runnerT}, nil, func() error { return st.SetIdle(ctx, runner.ID, s.now) }},
			{"DeleteSession", []store.Topic{runnerT}, nil, func() error { return st.DeleteSession(ctx, runner.ID) }},
			{"DescribeRunner", []store.Topic{runnerRecordT}, nil, func() error { return st.DescribeRunner(ctx, runner, s.now) }},
			{"SeeRunner", nil, nil, func() error { return st.SeeRunner(ctx, runner, s.now) }},
			{"DeleteEphemeral of one that stays", nil, func(tx *store.Tx) error { return tx.DeleteEphemeral(ctx, runner.ID) }, nil},
			{"DeleteRunner", []store.Topic{runnerT, runnerRecordT}, nil, func() error { return st.DeleteRunner(ctx, runner.ID) }},
			{"DeleteRepository", []store.Topic{repoT, recordT, deletedT}, func(tx *store.Tx) error { return tx.DeleteRepository(ctx, s.repo.ID, s.now) }, nil},
		} {
			got := published(t, s.Store, known, func() {
				if c.alone != nil {
					must(c.alone())
				} else {
					must(s.Update(ctx, c.in))
				}
			})
			wantTopics(t, c.what, got, c.topics)
		}
	})
}

// published is what of the known topics do publishes.
func published(t *testing.T, st *store.Store, known []store.Topic, do func()) []store.Topic {
	t.Helper()
	heard := st.Subscribe(known...)
	defer heard.Close()
	do()
	got, all := heard.Take()
	if all { // it may have been time to look again
		t.Skip("anything may have changed")
	}
	return got
}

func wantTopics(t *testing.T, what string, got, want []store.Topic) {
	t.Helper()
	order := func(a, b store.Topic) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID)) }
	got, want = slices.SortedFunc(slices.Values(got), order), slices.SortedFunc(slices.Values(want), order)
	if !slices.Equal(got, want) {
		t.Errorf("%s: published %+v, want exactly %+v", what, got, want)
	}
}

func TestWhatJobsLeaveIsPublished(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s, ctx := newShelf(t, st), t.Context()
		job, art, gone := s.jobs[0], s.pending(t, s.jobs[0], "art"), s.live(t, s.jobs[0], "gone", 3)
		s.live(t, s.jobs[1], "late", 3) // expires
		cache := &actions.Cache{RepoID: job.RepoID, JobID: job.ID, Scope: "refs/heads/main", Key: "k", Version: "v", CreatedAt: s.now, LastAccessedAt: s.now}
		once := &actions.Runner{Name: "once", ClientID: uuid.NewString(), PublicKey: []byte{1}, Ephemeral: true}
		if err := errors.Join(st.CreateRunner(ctx, once), s.Update(ctx, func(tx *store.Tx) error { return tx.CreateCache(ctx, cache) })); err != nil {
			t.Fatal(err)
		}
		repoT, runT, lateT := store.RepoTopic(job.RepoID), store.RunTopic(job.RunID), store.RunTopic(s.jobs[1].RunID)
		recordT, runnerT := store.RunnerRecordTopic(once.ID), store.RunnerTopic(once.ID)
		known := []store.Topic{repoT, runT, lateT, recordT, runnerT}
		for _, c := range []struct {
			what   string
			topics []store.Topic
			in     func(tx *store.Tx) error
		}{
			{"UpdateRun", []store.Topic{repoT, runT}, func(tx *store.Tx) error {
				s.runs[0].Status = actions.Queued
				return tx.UpdateRun(ctx, s.runs[0])
			}},
			{"BeginRun", []store.Topic{repoT, runT}, func(tx *store.Tx) error { _, err := tx.BeginRun(ctx, job, s.now); return err }},
			{"PublishArtifact", []store.Topic{repoT, runT}, func(tx *store.Tx) error { _, _, err := tx.PublishArtifact(ctx, art); return err }},
			{"DeleteArtifact", []store.Topic{repoT, runT}, func(tx *store.Tx) error { _, err := tx.DeleteArtifact(ctx, gone); return err }},
			{"ExpireArtifacts", []store.Topic{repoT, runT, lateT}, func(tx *store.Tx) error {
				_, err := tx.ExpireArtifacts(ctx, s.now.Add(2*time.Hour), 9)
				return err
			}},
			{"FinishCache", []store.Topic{repoT}, func(tx *store.Tx) error { return tx.FinishCache(ctx, cache) }},
			{"DeleteCache", []store.Topic{repoT}, func(tx *store.Tx) error { return tx.DeleteCache(ctx, cache) }},
			{"DeleteEphemeral", []store.Topic{recordT}, func(tx *store.Tx) error { return tx.DeleteEphemeral(ctx, once.ID) }},
		} {
			wantTopics(t, c.what, published(t, st, known, func() {
				if err := s.Update(ctx, c.in); err != nil {
					t.Fatalf("%s: %v", c.what, err)
				}
			}), c.topics)
		}
	})
}
