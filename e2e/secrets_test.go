package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// planted are the secrets of a repository of an organization, by name: each of another
// kind of holder, and one of several lines.
var planted = map[string]string{
	"OF_ORGANIZATION": "planted-7f3a-organization",
	"OF_REPOSITORY":   "planted-9c1e-repository",
	"OF_ENVIRONMENT":  "planted-b27d-environment",
	"OF_LINES":        "planted-e4d0-first-line\nplanted-51aa-second-line",
}

// forms are what a value may look like where it must not be: itself, its lines, and
// both as hexadecimal digits, in a URL, and in base64, wherever that begins.
func forms(value string) [][]byte {
	var all [][]byte
	for _, part := range append(strings.Split(value, "\n"), value) {
		all = append(all, []byte(part), []byte(url.QueryEscape(part)), []byte(hex.EncodeToString([]byte(part))))
		for shift := range 3 {
			text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + part))
			all = append(all, []byte(text[4:len(text)-4])) // the ends depend on what is around it
		}
	}
	return all
}

// free says where a text has a planted secret.
func free(t *testing.T, where string, text []byte) {
	t.Helper()
	for name, value := range planted {
		for _, form := range forms(value) {
			if bytes.Contains(text, form) {
				t.Errorf("%s has the secret %s as %q", where, name, form)
			}
		}
	}
}

// freeFiles looks at each file below a directory, and returns how many there are.
func freeFiles(t *testing.T, dir string) (files int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		free(t, path, []byte(path))
		free(t, path, read(t, path))
		files++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// secretsWorkflow has a job that compares what it got with the digests, and then shows
// it wherever a job can show something.
func secretsWorkflow(dir string) string {
	digest := func(name string) string {
		sum := sha256.Sum256([]byte(planted[name]))
		return hex.EncodeToString(sum[:])
	}
	return `on: push
jobs:
  use:
    runs-on: ubuntu-latest
    environment: production
    outputs: {shown: "${{ steps.show.outputs.shown }}"}
    steps:
      - env: {A: "${{ secrets.OF_ORGANIZATION }}", B: "${{ secrets.OF_REPOSITORY }}", C: "${{ secrets.OF_ENVIRONMENT }}", D: "${{ secrets.OF_LINES }}"}
        run: |
          same() { test "$(printf %s "$1" | sha256sum)" = "$2  -" || { echo "$3 differs"; exit 1; }; }
          same "$A" ` + digest("OF_ORGANIZATION") + ` A
          same "$B" ` + digest("OF_REPOSITORY") + ` B
          same "$C" ` + digest("OF_ENVIRONMENT") + ` C
          same "$D" ` + digest("OF_LINES") + ` D
          test "${{ vars.GREETING }} ${{ vars.SHARED }}" = "hello of-the-organization"
          touch ` + dir + `/got
          until [ -e ` + dir + `/go ]; do sleep 0.05; done
      - id: show
        name: Shows ${{ secrets.OF_REPOSITORY }}
        env: {ALL: "${{ toJSON(secrets) }}", B: "${{ secrets.OF_REPOSITORY }}"}
        run: |
          echo "$ALL" "${{ secrets.OF_ORGANIZATION }}"
          printf %s "$B" | base64; printf 'x%s' "$B" | base64; printf 'xy%s' "$B" | base64
          cat <<'END'
          ${{ secrets.OF_LINES }}
          END
          echo "::notice title=$B::$B of an annotation"
          echo "$B" >>"$GITHUB_STEP_SUMMARY"
          echo "shown=$B" >>"$GITHUB_OUTPUT"
      - name: Fails with ${{ secrets.OF_ENVIRONMENT }}
        run: exit 3 # ${{ secrets.OF_ENVIRONMENT }}
`
}

// What gh sets reaches the job, of its organization, its repository and its environment,
// and across a kill of the server. Then it is in no file, answer, log or page.
func TestSecretsThatGhSetsReachTheirJobAndNothingElse(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		secretsReachOnlyTheirJob(t, startWithGH(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		d := newDatabase(t)
		g := startWithGH(t, "--database", d.url)
		secretsReachOnlyTheirJob(t, g)
		dump := exec.CommandContext(t.Context(), pgDump(t), "--dbname="+strings.TrimSuffix(d.url, "&synchronous_commit=on")) // which it does not know
		text, err := dump.Output()
		if err != nil || !bytes.Contains(text, []byte("OF_ORGANIZATION")) {
			t.Fatalf("a dump of %d bytes: %v", len(text), err)
		}
		free(t, "a dump of the database", text)
		freeFiles(t, d.dir)
	})
}

// pgDump is the newest pg_dump there is.
func pgDump(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump") // the pattern is good
	if len(found) == 0 {
		t.Fatal("a PostgreSQL server, and no pg_dump")
	}
	return slices.Max(found)
}

func secretsReachOnlyTheirJob(t *testing.T, g *ghTool) {
	t.Helper()
	r := g.repo.organization("octo")
	g = &ghTool{t, g.bin, r, append(g.env, "GH_REPO=ci.example/"+r.name)}
	g.run(0, "secret", "set", "OF_ORGANIZATION", "--org", "octo", "--visibility", "all", "--body", planted["OF_ORGANIZATION"])
	g.run(0, "secret", "set", "OF_REPOSITORY", "--body", planted["OF_REPOSITORY"])
	g.run(0, "secret", "set", "OF_LINES", "--body", planted["OF_LINES"])
	g.run(0, "api", "--method", "PUT", "repos/"+r.name+"/environments/production")
	g.run(0, "secret", "set", "OF_ENVIRONMENT", "--env", "production", "--body", planted["OF_ENVIRONMENT"])
	g.run(0, "api", "repos/"+r.name+"/actions/variables", "-f", "name=GREETING", "-f", "value=hello")
	g.run(0, "api", "orgs/octo/actions/variables", "-f", "name=SHARED", "-f", "value=of-the-organization", "-f", "visibility=all")
	if list := g.run(0, "secret", "list"); !strings.Contains(list, "OF_REPOSITORY") || !strings.Contains(list, "OF_LINES") || strings.Contains(list, "OF_ENVIRONMENT") {
		t.Errorf("gh lists %s", list)
	}

	dir := t.TempDir()
	one := r.pushWorkflow(secretsWorkflow(dir))
	until(t, "the job has not got its secrets", func() bool {
		_, err := os.Stat(filepath.Join(dir, "got"))
		if err != nil {
			r.do(http.MethodGet, fmt.Sprintf("%s/actions/runs/%d", r.api, one.ID), nil, one)
			if one.Status == "completed" {
				t.Fatalf("the job ended: %q", r.log(r.job(one)))
			}
		}
		return err == nil
	})
	r.kill() // it has the job's secrets in its memory, perhaps
	freeFiles(t, r.data)
	r.start()
	write(t, filepath.Join(dir, "go"), "")
	job := r.conclude(one, "failure")

	if lines := r.log(job); !slices.Contains(lines, "##[notice]*** of an annotation") {
		t.Errorf("the log lacks what was masked: %q", lines)
	}
	r.ask(r.token, http.MethodGet, fmt.Sprintf("%s/actions/jobs/%d", r.api, job.ID), nil).has(`"Shows ***"`, `"Fails with ***"`)
	r.publish() // for its pages
	for _, path := range []string{
		"/actions/runs", fmt.Sprintf("/actions/runs/%d", one.ID), fmt.Sprintf("/actions/runs/%d/jobs", one.ID),
		fmt.Sprintf("/actions/jobs/%d", job.ID), fmt.Sprintf("/actions/jobs/%d/logs", job.ID), fmt.Sprintf("/check-runs/%d", job.ID), fmt.Sprintf("/check-runs/%d/annotations", job.ID),
		"/actions/secrets", "/actions/secrets/OF_REPOSITORY", "/actions/organization-secrets", "/actions/variables", "/environments/production/secrets", "/environments",
	} {
		free(t, path, r.read(r.api+path))
	}
	free(t, "the archive of the logs", []byte(unzipped(t, r.read(fmt.Sprintf("%s/actions/runs/%d/logs", r.api, one.ID)))))
	free(t, "the audit log", r.read("/orgs/octo/audit-log?include=all&per_page=100"))
	for _, page := range []string{
		"/actions", fmt.Sprintf("/actions/runs/%d", one.ID), fmt.Sprintf("/actions/runs/%d/job/%d", one.ID, job.ID),
	} {
		free(t, "page "+page, r.page("/"+r.name+page).body)
	}
	if code := r.stop(t); code != 0 {
		t.Errorf("the server ended with %d", code)
	}
	if files := freeFiles(t, r.data) + freeFiles(t, r.data+"-runners"); files < 10 {
		t.Errorf("only %d files", files)
	}
	free(t, "the log of the server", read(t, r.logFile))
}
