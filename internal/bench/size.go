package bench

import "time"

// A size is how much the measurements do. What changes data is bounded by a
// count, so that the work is the same for every program.
type size struct {
	references bool // measure also what the machine does at best, and what needs the store of this version

	latencyPushes int
	matrixTries   int

	jobs      int           // that wait at the start
	jobsAlone int           // the same, for one runner
	jobsTime  time.Duration // at most, for one workload

	crowd     int           // waiting runners
	crowdJobs int           // for half of them
	crowdTime time.Duration // at most

	attackTime time.Duration // of honest callers, on each of two servers

	dispatches int
	readTime   time.Duration // of one load
	readRounds int
	askedOnce  int // questions that were never asked before

	logBytes int // of each job

	smallCount int
	bigBytes   int
	bigRounds  int

	listFew, listMany int // artifacts of a repository
	listRounds        int
	historyJobs       int // of each run, in lists of runs, which are as many as artifacts

	otherSecrets int // in the database, beside those of a job

	followLines int // 100 a second

	clusterJobs  int // that wait at the start
	clusterTries int // of each look from one server at another

	startTries int
	idleTime   time.Duration // before memory is read
}

// whole is what `make bench` does.
var whole = size{
	references:    true,
	latencyPushes: 20,
	matrixTries:   5,
	jobs:          3000, jobsAlone: 3000, jobsTime: 9 * time.Second,
	crowd: 1000, crowdJobs: 10_000, crowdTime: 2 * time.Minute,
	attackTime: 20 * time.Second,
	dispatches: 10_000,
	readTime:   2 * time.Second, readRounds: 3, askedOnce: 2000,
	logBytes:   100_000_000,
	smallCount: 2000, bigBytes: 1 << 30, bigRounds: 3,
	listFew: 1_000, listMany: 1_000_000, listRounds: 200, historyJobs: 5,
	otherSecrets: 1_000_000,
	followLines:  1000,
	clusterJobs:  1500, clusterTries: 10,
	startTries: 5, idleTime: 3 * time.Second,
}

// turn is what a program does in one of several rounds: about half a minute for
// all measurements.
var turn = size{
	latencyPushes: 12,
	matrixTries:   4,
	jobs:          1000, jobsAlone: 300, jobsTime: 20 * time.Second,
	dispatches: 1500,
	readTime:   time.Second, readRounds: 1, askedOnce: 1000,
	logBytes:   25_000_000,
	smallCount: 1000, bigBytes: 256 << 20, bigRounds: 2,
	listFew: 100, listMany: 4000, listRounds: 100,
	followLines: 200,
	clusterJobs: 500, clusterTries: 1,
	startTries: 3, idleTime: time.Second,
}
