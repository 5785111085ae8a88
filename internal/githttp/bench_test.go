package githttp

import (
	"fmt"
	"testing"

	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/gitrepo/gittest"
)

// BenchmarkPush is a push of one commit by a real client, most of which is the
// client.
func BenchmarkPush(b *testing.B) {
	w := newWorld(b, gitrepo.Limits{})
	c := gittest.New(b, w.remote("owner", "octo/private"))
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		c.Commit(fmt.Sprint(i), "a.txt", fmt.Sprint(i))
		b.StartTimer()
		c.Git("push", "-q", "origin", "main")
	}
}

// BenchmarkFetch is a shallow fetch of one commit, as jobs make them.
func BenchmarkFetch(b *testing.B) {
	w := newWorld(b, gitrepo.Limits{})
	c := gittest.New(b, w.remote("owner", "octo/private"))
	sha := c.Commit("one", "a.txt", "a")
	c.Git("push", "-q", "origin", "main")
	for b.Loop() {
		c.Git("fetch", "-q", "--depth=1", "origin", sha)
	}
}
