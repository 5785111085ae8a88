package githttp

import (
	"fmt"
	"testing"

	"github.com/understudy-ci/understudy/internal/gitrepo"
)

// BenchmarkPush is a push of one commit by a real client, most of which is the
// client.
func BenchmarkPush(b *testing.B) {
	w := newWorld(b, gitrepo.Limits{})
	c := newClone(b, w.remote("owner", "octo/private"))
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		c.commit(fmt.Sprint(i), "a.txt", fmt.Sprint(i))
		b.StartTimer()
		c.git("push", "-q", "origin", "main")
	}
}

// BenchmarkFetch is a shallow fetch of one commit, as jobs make them.
func BenchmarkFetch(b *testing.B) {
	w := newWorld(b, gitrepo.Limits{})
	c := newClone(b, w.remote("owner", "octo/private"))
	sha := c.commit("one", "a.txt", "a")
	c.git("push", "-q", "origin", "main")
	for b.Loop() {
		c.git("fetch", "-q", "--depth=1", "origin", sha)
	}
}
