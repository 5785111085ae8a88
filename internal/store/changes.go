package store

// Changed announces, after the commit, that the transaction changed something
// that readers of the repository see; of the run, too, unless runID is 0.
func (tx *Tx) Changed(repoID, runID int64) {
	tx.Publish(RepoTopic(repoID))
	if runID != 0 {
		tx.Publish(RunTopic(runID))
	}
}

// Generation counts the commits that changed what readers of a repository see.
func (s *Store) Generation(repoID int64) (n uint64, ok bool) {
	return s.Revision(RepoTopic(repoID)), true
}

// Watch wakes its channel after each change of a run, its jobs or its steps,
// until stop is called.
func (s *Store) Watch(runID int64) (changed <-chan struct{}, stop func()) {
	sub := s.Subscribe(RunTopic(runID))
	return sub.C(), sub.Close
}
