package store

import "github.com/understudy-ci/understudy/internal/store/db"

// A Topic names something that changes. Methods that write publish the topics of
// what they write.
type Topic = db.Topic

// A Subscription hears of changes; its user closes it.
type Subscription = db.Subscription

// An Inbox receives messages of other servers; its user closes it.
type Inbox = db.Inbox

// MaxMessage is how many bytes a message has at most.
const MaxMessage = db.MaxMessage

// The kinds of topics. A number is never used again: see [db.Kind].
const (
	kindRepo db.Kind = iota + 1
	kindRecord
	kindRun
	kindReady
	kindRunner
	kindAccess
	kindLines
	kindSettings
	kindJob
	kindRunnerRecord
	kindDeleted
	kindWatched
	kindEnvironments
	kindSigningKeys
	kindGroups
	kindHappening
	kindSchedules
)

// RepoTopic is all that readers of a repository see: its record, its workflows,
// runs, jobs, artifacts and caches.
func RepoTopic(repoID int64) Topic { return Topic{Kind: kindRepo, ID: repoID} }

// RecordTopic is the record of a repository alone: name, visibility, when it was
// pushed to. With 0 it is that of any repository.
func RecordTopic(repoID int64) Topic { return Topic{Kind: kindRecord, ID: repoID} }

// RunTopic is a run with its attempts, jobs and steps.
func RunTopic(runID int64) Topic { return Topic{Kind: kindRun, ID: runID} }

// ReadyTopic is a job that waits for a runner, and found none at the server that
// announces it, or that other runners may take than before. With 0 it is any job.
func ReadyTopic(jobID int64) Topic { return Topic{Kind: kindReady, ID: jobID} }

// RunnerTopic is a runner: its record, its session, whether it is idle while it
// holds a job, and that the job was told to cancel. With 0 it is any runner.
func RunnerTopic(runnerID int64) Topic { return Topic{Kind: kindRunner, ID: runnerID} }

// JobTopic is a job alone: its status, who runs it, and that it was told to cancel.
// Renewals and steps are not in it.
func JobTopic(jobID int64) Topic { return Topic{Kind: kindJob, ID: jobID} }

// RunnerRecordTopic is the record of a runner alone: its labels, its key, that it
// is registered. When it was seen last is not in it.
func RunnerRecordTopic(runnerID int64) Topic { return Topic{Kind: kindRunnerRecord, ID: runnerID} }

// DeletedTopic is that a run or a repository was deleted, with all that was its own.
func DeletedTopic() Topic { return Topic{Kind: kindDeleted} }

// AccessTopic is who may do what: tokens of people, accounts, members and collaborators.
func AccessTopic() Topic { return Topic{Kind: kindAccess} }

// SettingsTopic is what anybody has set: for a repository, an organization or the
// enterprise.
func SettingsTopic() Topic { return Topic{Kind: kindSettings} }

// EnvironmentsTopic is the environments of a repository. With 0 it is those of any.
func EnvironmentsTopic(repoID int64) Topic { return Topic{Kind: kindEnvironments, ID: repoID} }

// SigningKeysTopic is the keys that sign OIDC tokens.
func SigningKeysTopic() Topic { return Topic{Kind: kindSigningKeys} }

// GroupsTopic is the runner groups: for what they are, and which runners are in them.
func GroupsTopic() Topic { return Topic{Kind: kindGroups} }

// HappeningTopic is that an event has happened in a repository, whose runs are to be made.
// With 0 it is that of any repository.
func HappeningTopic(repoID int64) Topic { return Topic{Kind: kindHappening, ID: repoID} }

// SchedulesTopic is the cron lines of workflows.
func SchedulesTopic() Topic { return Topic{Kind: kindSchedules} }

// LinesTopic is what a job has printed, as far as it is stored.
func LinesTopic(jobID int64) Topic { return Topic{Kind: kindLines, ID: jobID} }

// WatchedTopic is that somebody follows what a job prints, at the server that announces
// it. With 0 it is any job.
func WatchedTopic(jobID int64) Topic { return Topic{Kind: kindWatched, ID: jobID} }

// Publish tells subscribers, once the transaction is committed, that something
// has changed: those of this server before Update returns, those of others a
// short time later.
func (tx *Tx) Publish(topics ...Topic) { tx.ex.Publish(topics...) }

// Publish tells subscribers, here and on other servers, what no transaction has
// written.
func (s *Store) Publish(topics ...Topic) { s.db.Publish(topics...) }

// Announce tells the subscribers of other servers only.
func (s *Store) Announce(topics ...Topic) { s.db.Announce(topics...) }

// Send gives a text to the inboxes of other servers; see [db.DB.Send].
func (s *Store) Send(t Topic, text string) { s.db.Send(t, text) }

// Receive makes an inbox for what other servers send; see [db.DB.Receive].
func (s *Store) Receive(t Topic) *Inbox { return s.db.Receive(t) }

// Rank says which this server is among those that use the database, counted from 0,
// and how many they are, as far as it has heard of them; see [db.DB.Rank].
func (s *Store) Rank() (rank, servers int) { return s.db.Rank() }

// Subscribe hears of changes of the topics, of all that is committed after it returns.
func (s *Store) Subscribe(topics ...Topic) *Subscription { return s.db.Subscribe(topics...) }

// Revision counts the changes of topics. What was read after asking for it is good
// for as long as the sum stays the same; see [db.DB.Revision].
func (s *Store) Revision(topics ...Topic) uint64 { return s.db.Revision(topics...) }
