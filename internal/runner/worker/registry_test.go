package worker

import (
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/understudy-ci/understudy/internal/runner/container/containertest"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A privateRegistry asks for a name and a password, and counts who had them. look is called for each such request.
type privateRegistry struct {
	address string
	pulls   atomic.Int64
	look    func()
}

// newRegistry starts a registry with the image of the tests, as small:1. A password of "" is none.
func newRegistry(t *testing.T, e containertest.Engine, password string) *privateRegistry {
	t.Helper()
	if strings.Contains(filepath.Base(e.Program), "podman") {
		t.Skip("podman takes a registry without a certificate only where its configuration says so")
	}
	r := &privateRegistry{}
	inner := registry.New(registry.Logger(log.New(t.Output(), "", 0)))
	asks := false
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		user, given, _ := q.BasicAuth()
		switch {
		case asks && (user != "mona" || given != password):
			w.Header().Set("WWW-Authenticate", `Basic realm="tests"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
			return
		case strings.Contains(q.URL.Path, "/manifests/"):
			r.pulls.Add(1)
		}
		if r.look != nil {
			r.look()
		}
		inner.ServeHTTP(w, q)
	}))
	t.Cleanup(s.Close)
	r.address = strings.TrimPrefix(s.URL, "http://")
	image := r.address + "/small:1"
	e.Output(t, "tag", containertest.Image, image)
	t.Cleanup(func() { e.OutputLate(t, "rmi", "--force", image) })
	e.Output(t, "push", "--quiet", image)
	e.Output(t, "rmi", image) // what a job has comes from the registry
	r.pulls.Store(0)
	asks = password != ""
	return r
}

func credentials(user, password *wire.Token) wire.TokenPair {
	return wire.Pair("credentials", wire.Mapping(wire.Pair("username", user), wire.Pair("password", password)))
}

func TestImagesComeFromARegistry(t *testing.T) {
	b := newBench(t, script("echo from $FROM_IMAGE"))
	r := newRegistry(t, b.engine(), "")
	b.job.Message.JobContainer = wire.String(r.address + "/small:1")
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Succeeded)
	equal(t, "output", b.output("s1"), "from yes\n")
	if r.pulls.Load() == 0 {
		t.Error("nobody has asked the registry")
	}
}

func TestCredentialsOfARegistryStayWithTheRunner(t *testing.T) {
	b := newBench(t, script("echo from $FROM_IMAGE; echo 'it is open-sesame-1234'"))
	e := b.engine()
	r := newRegistry(t, e, "hunter2hunter2")
	open := newRegistry(t, e, "open-sesame-1234")
	r.look = func() {
		if found := commandLines("hunter2hunter2"); len(found) > 0 {
			t.Errorf("the password is in %q", found)
		}
	}
	b.job.Message.JobContainer = wire.Mapping(wire.Pair("image", wire.String(r.address+"/small:1")), credentials(wire.String("mona"), expression("secrets.PASSWORD")))
	b.job.Message.JobServiceContainers = wire.Mapping(wire.Pair("web", wire.Mapping(
		wire.Pair("image", wire.String(open.address+"/small:1")), credentials(wire.String("mona"), wire.String("open-sesame-1234")),
		wire.Pair("entrypoint", wire.String("/bin/sleep")), wire.Pair("command", wire.String("1000")),
	)))
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Succeeded)
	equal(t, "output", b.output("s1"), "from yes\nit is ***\n") // also where it is no secret of the server
	if r.pulls.Load() == 0 || open.pulls.Load() == 0 {
		t.Errorf("pulls with credentials: %d, %d", r.pulls.Load(), open.pulls.Load())
	}
	contains(t, "log", b.own(res, "Initialize containers"), "pull "+r.address+"/small:1\n")
	for _, s := range res.Steps {
		if log := b.log(s.ExternalID); strings.Contains(log, "hunter2hunter2") || strings.Contains(log, "open-sesame-1234") {
			t.Errorf("%s shows a password:\n%s", s.Name, log)
		}
	}
	err := filepath.WalkDir(filepath.Dir(b.job.WorkDir), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "hunter2hunter2") {
			t.Errorf("%s has the password", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAnImageOfAnotherIsNotHadWithWrongCredentials(t *testing.T) {
	b := newBench(t, script("echo never"))
	b.timing.minute /= 100
	e := b.engine()
	r := newRegistry(t, e, "hunter2hunter2")
	image := r.address + "/small:1"
	e.Output(t, "tag", containertest.Image, image) // a job that may have it has left it here
	b.job.Message.JobContainer = wire.Mapping(wire.Pair("image", wire.String(image)), credentials(wire.String("mona"), wire.String("wrong")))
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Failed)
	contains(t, "log", b.own(res, "Initialize containers"), "##[error]Docker pull failed with exit code 1\n")
}
