package container

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// labelPrefix begins the labels of all that is made for jobs.
const labelPrefix = "understudy."

const (
	runnerLabel = labelPrefix + "runner"
	jobLabel    = labelPrefix + "job"
)

// usedPrefix begins the names of files that are there while the engine may have something of a job. Its
// tracking id follows.
const usedPrefix = "containers-"

// RunnerLabel tells a runner from all others of the machine, by its directory.
func RunnerLabel(root string) string {
	sum := sha256.Sum256([]byte(root))
	return hex.EncodeToString(sum[:6])
}

func (d *Docker) labels() []string {
	return []string{"--label", runnerLabel + "=" + d.Runner, "--label", jobLabel + "=" + d.Job}
}

// Close removes all that the job has with the engine.
func (d *Docker) Close(ctx context.Context) error {
	if err := d.unpin(); err != nil {
		d.Log.WarnContext(ctx, "what a job has shown to containers is still mounted", "err", err)
	}
	d.mu.Lock()
	used := d.used
	var images []string
	for image := range d.images {
		images = append(images, image)
	}
	d.mu.Unlock()
	if !used {
		return nil
	}
	err := d.removeLabelled(ctx, jobLabel+"="+d.Job)
	for _, image := range images {
		_, _ = d.own(ctx, "rmi", "--force", image) // it may never have been there
	}
	if err != nil {
		return err
	}
	return forget(d.Scratch, d.Job)
}

// Empty makes the scratch directory of a runner, or removes what earlier jobs have in it: variables and
// credentials, too. What [Left] reads stays.
func Empty(scratch string) error {
	if err := os.Mkdir(scratch, 0o700); !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := removePins(scratch); err != nil {
		return err
	}
	entries, err := os.ReadDir(scratch)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), usedPrefix) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(scratch, e.Name())))
		}
	}
	return err
}

// Left are the jobs of which the engine of a runner may have something, by their tracking ids: the one
// that runs, and those after which the engine did not answer, or the runner was killed. It is given
// the runner's scratch directory.
func Left(scratch string) []string {
	files, _ := filepath.Glob(filepath.Join(scratch, usedPrefix+"*")) // the pattern is good
	var jobs []string
	for _, file := range files {
		jobs = append(jobs, strings.TrimPrefix(filepath.Base(file), usedPrefix))
	}
	return jobs
}

// Clean removes what an earlier job has left with the engine: c.Job. Another job may be running.
func Clean(ctx context.Context, c Config) error {
	if err := New(c).removeLabelled(ctx, jobLabel+"="+c.Job); err != nil {
		return err
	}
	return forget(c.Scratch, c.Job)
}

// forget notes that the engine has nothing of a job any more.
func forget(scratch, job string) error {
	err := os.Remove(filepath.Join(scratch, usedPrefix+job))
	if errors.Is(err, fs.ErrNotExist) { // somebody else has found that out
		return nil
	}
	return err
}

// removeStale removes what earlier jobs of the runner have left, and shows what it does.
func (d *Docker) removeStale(ctx context.Context, s Stream) error {
	if s.Shown != nil {
		s.Shown("##[command]" + d.Program + " ps --all --quiet --no-trunc --filter \"label=" + runnerLabel + "=" + d.Runner + "\"")
		s.Shown("##[command]" + d.Program + " network prune --force --filter \"label=" + runnerLabel + "=" + d.Runner + "\"")
	}
	return d.removeLabelled(ctx, runnerLabel+"="+d.Runner)
}

// madeID is the id of a container, network or image, or the name of a volume of a job.
var madeID = regexp.MustCompile(`^((sha256:)?[0-9a-f]{64}|github_[A-Za-z0-9_.-]+)$`)

// removeLabelled removes containers, networks, volumes and images with a label, in that order.
func (d *Docker) removeLabelled(ctx context.Context, label string) error {
	var errs []error
	for _, kind := range []struct{ list, remove []string }{
		{[]string{"ps", "--all", "--quiet", "--no-trunc"}, []string{"rm", "--force", "--volumes"}},
		{[]string{"network", "ls", "--quiet", "--no-trunc"}, []string{"network", "rm"}},
		{[]string{"volume", "ls", "--quiet"}, []string{"volume", "rm", "--force"}},
		{[]string{"images", "--quiet", "--no-trunc"}, []string{"rmi", "--force"}},
	} {
		words, err := d.own(ctx, append(kind.list, "--filter", "label="+label)...)
		if err != nil {
			return errors.Join(append(errs, err)...) // the engine does not answer
		}
		var ids []string
		for _, word := range words { // between warnings
			if madeID.MatchString(word) {
				ids = append(ids, word)
			}
		}
		if len(ids) == 0 {
			continue
		}
		if _, err := d.own(ctx, append(kind.remove, ids...)...); err != nil && !strings.Contains(err.Error(), "o such") {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
