// Package containertest gives tests a real container engine and an image that needs no registry.
//
// scripts/with-docker starts the engine. Without it the tests are skipped, unless
// UNDERSTUDY_TEST_REQUIRE_DOCKER is set. UNDERSTUDY_TEST_ENGINE names another
// program that takes the same arguments, such as podman.
package containertest

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// Image is the name of an image with a shell and the usual programs. No registry has it: its address
// refuses at once.
const Image = "127.0.0.1:1/understudy/small:1"

// An Engine is one that tests may use.
type Engine struct {
	Program string
	Env     []string
}

var engine = sync.OnceValues(prepare)

// Need returns the engine, with [Image] in it.
func Need(t testing.TB) Engine {
	t.Helper()
	e, missing := engine()
	switch {
	case missing == "":
		return e
	case os.Getenv("UNDERSTUDY_TEST_REQUIRE_DOCKER") != "":
		t.Fatal(missing)
	default:
		t.Skip(missing)
	}
	return e
}

func prepare() (e Engine, missing string) {
	name := os.Getenv("UNDERSTUDY_TEST_ENGINE")
	address := os.Getenv("UNDERSTUDY_TEST_DOCKER")
	switch {
	case name == "" && address == "":
		return e, "no container engine for tests: scripts/with-docker starts one"
	case name == "":
		return docker(address)
	}
	return load(name)
}

// docker is the engine at an address.
func docker(address string) (Engine, string) { return load("docker", "DOCKER_HOST="+address) }

// load gives an engine the image.
func load(name string, env ...string) (e Engine, missing string) {
	e.Env = append(append(os.Environ(), "DOCKER_BUILDKIT=0"), env...)
	program, err := exec.LookPath(name)
	if err != nil {
		return e, err.Error()
	}
	e.Program = program
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		return e, "no busybox to make an image of: " + err.Error()
	}
	cmd := exec.Command(program, "import", "--change", "ENV PATH=/bin", "--change", "ENV FROM_IMAGE=yes", "-", Image) //nolint:noctx // the tests cannot do without
	cmd.Env, cmd.Stdin = e.Env, bytes.NewReader(archive(busybox))
	if out, err := cmd.CombinedOutput(); err != nil {
		return e, "image of the tests: " + err.Error() + ": " + string(out)
	}
	return e, ""
}

// archive is the file system of the image.
func archive(busybox []byte) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	dir := func(name string, mode int64) {
		_ = w.WriteHeader(&tar.Header{Name: name + "/", Typeflag: tar.TypeDir, Mode: mode}) // a buffer takes everything
	}
	dir("bin", 0o755)
	dir("etc", 0o755)
	dir("tmp", 0o1777)
	_ = w.WriteHeader(&tar.Header{Name: "bin/busybox", Mode: 0o755, Size: int64(len(busybox))})
	_, _ = io.Copy(w, bytes.NewReader(busybox))
	for name := range strings.FieldsSeq("sh cat echo env sleep tail ls id printf test true false mkdir touch grep head sed wget nc httpd hostname kill ps ln stat mknod chmod rm cp sort tr") {
		_ = w.WriteHeader(&tar.Header{Name: "bin/" + name, Typeflag: tar.TypeSymlink, Linkname: "busybox"})
	}
	for _, file := range libraries() {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the test that needs it will tell
		}
		_ = w.WriteHeader(&tar.Header{Name: strings.TrimPrefix(file, "/"), Mode: 0o755, Size: int64(len(text))})
		_, _ = io.Copy(w, bytes.NewReader(text))
	}
	_ = w.Close()
	return b.Bytes()
}

// libraries are those that Node.js needs.
func libraries() []string {
	node, err := exec.LookPath("node")
	if err != nil {
		return nil
	}
	out, _ := exec.Command("ldd", node).Output() //nolint:noctx // see above
	var files []string
	for word := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(word, "/") {
			files = append(files, word)
		}
	}
	return files
}

// Output runs the engine's program and returns what it prints.
func (e Engine) Output(t testing.TB, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), e.Program, args...)
	cmd.Env = e.Env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", e.Program, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// OutputLate is Output for the cleanup of a test, when its context is done.
func (e Engine) OutputLate(t testing.TB, args ...string) string {
	t.Helper()
	cmd := exec.Command(e.Program, args...) //nolint:noctx // see above
	cmd.Env = e.Env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s %s: %v: %s", e.Program, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}
