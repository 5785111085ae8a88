package e2e_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// An inside is what an action of a running job has: the job's token and where
// results go. It speaks as the toolkit does, without a retry, so that a test
// knows what was answered.
type inside struct {
	t     *testing.T
	g     *gate
	run   *run
	url   string // of results
	token string
	ids   [2]string // of the run and the job in the protocol
}

// enter starts a job on a runner with the label and returns when its action has
// said who it is. The job goes on until leave.
func (r *repository) enter(label string) *inside {
	r.t.Helper()
	g := newGate(r.t)
	script := `const fs = require('fs'); const d = process.env.INPUT_GATE
fs.writeFileSync(d + '/new', process.env.ACTIONS_RESULTS_URL + '\n' + process.env.ACTIONS_RUNTIME_TOKEN + '\n')
fs.renameSync(d + '/new', d + '/inside')
const t = setInterval(() => { if (!fs.existsSync(d) || fs.existsSync(d + '/open')) clearInterval(t) }, 10)`
	definition := `{"name": "Inside", "inputs": {"gate": {}}, "runs": {"using": "node20", "main": "index.js"}}`
	in := &inside{t: r.t, g: g}
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
	in.url, in.token = strings.TrimSuffix(lines[0], "/"), lines[1]
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(in.token, ".")[1])
	if err != nil {
		r.t.Fatal(err)
	}
	var v struct{ Scp string }
	if err := json.Unmarshal(claims, &v); err != nil {
		r.t.Fatal(err)
	}
	words := strings.Split(strings.Fields(v.Scp)[0], ":")
	in.ids = [2]string{words[1], words[2]}
	return in
}

// leave lets the job end.
func (in *inside) leave() { in.g.open() }

// send sends a request and returns the status and body of the answer; an error
// is one of the connection.
func (in *inside) send(ctx context.Context, method, url, contentType string, body io.Reader) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return 0, nil, err
	}
	if strings.Contains(url, "/twirp/") {
		req.Header.Set("Authorization", "Bearer "+in.token)
	}
	req.Header.Set("Content-Type", contentType)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}

// call calls a method of the artifact service.
func (in *inside) call(ctx context.Context, method string, body map[string]any, out any) error {
	body["workflow_run_backend_id"], body["workflow_job_run_backend_id"] = in.ids[0], in.ids[1]
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	status, answer, err := in.send(ctx, http.MethodPost, in.url+"/twirp/github.actions.results.api.v1.ArtifactService/"+method, "application/json", bytes.NewReader(text))
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return refusal{method, status, string(answer)}
	}
	return json.Unmarshal(answer, out)
}

// put puts something where an upload goes.
func (in *inside) put(ctx context.Context, url string, body []byte) error {
	status, answer, err := in.send(ctx, http.MethodPut, url, "application/octet-stream", bytes.NewReader(body))
	if err == nil && status != http.StatusCreated {
		err = refusal{"PUT", status, string(answer)}
	}
	return err
}

// A refusal is an answer that says no.
type refusal struct {
	what   string
	status int
	answer string
}

func (r refusal) Error() string { return fmt.Sprintf("%s: %d %s", r.what, r.status, r.answer) }

// An upload is one artifact on its way.
type upload struct {
	name      string
	content   []byte
	finalized bool // was asked for
	done      bool // was answered
}

// digest is that of the content.
func (u *upload) digest() string {
	sum := sha256.Sum256(u.content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// upload uploads an artifact in blocks of a size.
func (in *inside) upload(ctx context.Context, u *upload, block int) error {
	var at struct {
		URL string `json:"signed_upload_url"`
	}
	if err := in.call(ctx, "CreateArtifact", map[string]any{"name": u.name, "version": 7, "mime_type": "application/zip"}, &at); err != nil {
		return err
	}
	var list strings.Builder
	list.WriteString(`<?xml version="1.0" encoding="utf-8"?><BlockList>`)
	id := uuid.NewString()
	for i := 0; i*block < len(u.content); i++ {
		name := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s%012d", id, i))
		list.WriteString("<Latest>" + name + "</Latest>")
		err := in.put(ctx, at.URL+"&comp=block&blockid="+strings.ReplaceAll(name, "=", "%3D"), u.content[i*block:min((i+1)*block, len(u.content))])
		if err != nil {
			return err
		}
	}
	if err := in.put(ctx, at.URL+"&comp=blocklist", []byte(list.String()+"</BlockList>")); err != nil {
		return err
	}
	var done struct{ OK bool }
	u.finalized = true
	err := in.call(ctx, "FinalizeArtifact", map[string]any{"name": u.name, "size": fmt.Sprint(len(u.content)), "hash": u.digest()}, &done)
	u.done = err == nil && done.OK
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
	var all []artifact
	for page := 1; ; page++ {
		var v struct{ Artifacts []artifact }
		r.do(http.MethodGet, fmt.Sprintf("%s/actions/artifacts?per_page=100&page=%d", r.api, page), nil, &v)
		if all = append(all, v.Artifacts...); len(v.Artifacts) < 100 {
			return all
		}
	}
}

// download is what the artifact holds.
func (r *repository) download(a *artifact) []byte {
	r.t.Helper()
	status, body := r.call(http.MethodGet, fmt.Sprintf("%s/actions/artifacts/%d/zip", r.api, a.ID), nil)
	if status != http.StatusOK {
		r.t.Fatalf("artifact %s: %d %s", a.Name, status, body)
	}
	return body
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
