package e2e_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/understudy-ci/understudy/internal/client"
	"github.com/understudy-ci/understudy/internal/results/resultstest"
	"github.com/understudy-ci/understudy/internal/wire"
)

// An inside is what an action of a running job has: the job's token and where
// results go. It speaks as the toolkit does, without a retry, so that a test
// knows what was answered.
type inside struct {
	resultstest.Client
	g   *gate
	run *run
}

// enter starts a job on a runner with the label and returns when its action has
// said who it is. The job goes on until leave.
func (r *repository) enter(label string) *inside {
	r.t.Helper()
	needNode(r.t)
	g := newGate(r.t)
	script := `const fs = require('fs'); const d = process.env.INPUT_GATE
fs.writeFileSync(d + '/new', process.env.ACTIONS_RESULTS_URL + '\n' + process.env.ACTIONS_RUNTIME_TOKEN + '\n')
fs.renameSync(d + '/new', d + '/inside')
const t = setInterval(() => { if (!fs.existsSync(d) || fs.existsSync(d + '/open')) clearInterval(t) }, 10)`
	definition := `{"name": "Inside", "inputs": {"gate": {}}, "runs": {"using": "node20", "main": "index.js"}}`
	in := &inside{g: g, Client: resultstest.Client{HTTP: http.DefaultClient}}
	in.run = r.pushWorkflow(fmt.Sprintf(`on: push
jobs:
  inside:
    runs-on: %s
    steps:
      - run: |
          mkdir inside
          cat >inside/action.yml <<'EOF'
          %s
          EOF
          cat >inside/index.js <<'EOF'
          %s
          EOF
      - uses: ./inside
        with:
          gate: %s
`, label, definition, strings.ReplaceAll(script, "\n", "\n          "), g.dir))
	var text []byte
	until(r.t, "the action does not say who it is", func() (ok bool) {
		var err error
		text, err = os.ReadFile(filepath.Join(g.dir, "inside"))
		return err == nil
	})
	lines := strings.Split(string(text), "\n")
	in.Base, in.Token = strings.TrimSuffix(lines[0], "/"), lines[1]
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(in.Token, ".")[1])
	if err != nil {
		r.t.Fatal(err)
	}
	var v struct{ Scp string }
	if err := json.Unmarshal(claims, &v); err != nil {
		r.t.Fatal(err)
	}
	words := strings.Split(strings.Fields(v.Scp)[0], ":")
	in.IDs = wire.ResultsIDs{RunID: words[1], JobID: words[2]}
	return in
}

// leave lets the job end.
func (in *inside) leave() { in.g.open() }

// An upload is one artifact on its way.
type upload struct {
	name      string
	content   []byte
	finalized bool // was asked for
	done      bool // was answered
}

// digest is that of the content.
func (u *upload) digest() string { return resultstest.Digest(u.content) }

// upload uploads an artifact in blocks of a size.
func (in *inside) upload(ctx context.Context, u *upload, block int) error {
	to, err := in.Create(ctx, u.name)
	if err != nil {
		return err
	}
	if err := in.PutBlocks(ctx, to, u.content, block); err != nil {
		return err
	}
	u.finalized = true
	_, err = in.Finalize(ctx, u.name, len(u.content), u.digest())
	u.done = err == nil
	return err
}

// An artifact is one as the REST API lists it.
type artifact struct {
	ID      int64
	Name    string
	Digest  string
	Size    int64 `json:"size_in_bytes"`
	Expired bool
}

// artifacts lists all artifacts of the repository.
func (r *repository) artifacts() []artifact {
	r.t.Helper()
	type page struct{ Artifacts []artifact }
	var all []artifact
	for p, err := range client.Pages[page](r.t.Context(), r.admin(), r.api+"/actions/artifacts?per_page=100") {
		if err != nil {
			r.t.Fatal(err)
		}
		all = append(all, p.Artifacts...)
	}
	return all
}

// download is what the artifact holds.
func (r *repository) download(a *artifact) []byte {
	r.t.Helper()
	return r.read(fmt.Sprintf("%s/actions/artifacts/%d/zip", r.api, a.ID))
}

// whole checks that an artifact is what was uploaded.
func (r *repository) whole(a *artifact, u *upload) {
	r.t.Helper()
	if a.Digest != u.digest() || a.Size != int64(len(u.content)) || a.Expired {
		r.t.Errorf("artifact %+v, want digest %s and %d bytes", *a, u.digest(), len(u.content))
	}
	if !bytes.Equal(r.download(a), u.content) {
		r.t.Errorf("artifact %s has other bytes than were uploaded", a.Name)
	}
}
