package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The operator makes a new key, and the process that encrypts all secrets with it is killed
// at some moment, again and again, beside the server. Each secret still reaches its job.
func TestARotationOfTheKeyThatIsKilledLosesNoSecret(t *testing.T) {
	t.Parallel()
	g := startWithGH(t)
	r := g.repo
	const secrets = 90
	var file, use strings.Builder
	sum := sha256.New()
	for i := range secrets {
		fmt.Fprintf(&file, "S_%d=value %d of the test\n", i, i)
		fmt.Fprintf(&use, "${{ secrets.S_%d }}", i)
		fmt.Fprintf(sum, "value %d of the test", i)
	}
	path := filepath.Join(t.TempDir(), "secrets")
	write(t, path, file.String())
	g.run(0, "secret", "set", "--env-file", path)

	rotate := func() *process {
		t.Helper()
		dir := t.TempDir()
		return spawn(t, r.env, filepath.Join(dir, "out"), filepath.Join(dir, "log"), "admin", "--data", r.data, "key", "rotate")
	}
	began := time.Now()
	if code := rotate().wait(t); code != 0 {
		t.Fatalf("a rotation ended with %d", code)
	}
	whole := time.Since(began)
	killed := 0
	for range 12 {
		p := rotate()
		time.Sleep(rand.N(whole)) // any moment
		p.kill()
		if !p.cmd.ProcessState.Exited() {
			killed++
		}
	}
	t.Logf("%d of 12 rotations were killed, of %v", killed, whole)
	if code := rotate().wait(t); code != 0 {
		t.Fatalf("the last rotation ended with %d", code)
	}
	again := func(text string) {
		t.Helper()
		one := r.pushWorkflow("# " + text + `
on: push
jobs:
  use:
    runs-on: ubuntu-latest
    steps:
      - env: {ALL: "` + use.String() + `"}
        run: test "$(printf %s "$ALL" | sha256sum)" = "` + hex.EncodeToString(sum.Sum(nil)) + `  -"
`)
		r.await(one, "success")
	}
	again("the server knows the key that was made beside it")
	r.kill()
	r.start()
	again("the server starts with it")
}
