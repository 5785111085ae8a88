package container

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func policy(t *testing.T, values ...string) Policy {
	t.Helper()
	p, err := ParsePolicy(values)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOptionsAreReadAsTheEngineReadsThem(t *testing.T) {
	for text, want := range map[string]string{
		"":                     "",
		"--cpus 2 --memory=1g": "--cpus=2|--memory=1g",
		`--health-cmd "pg_isready -U x" --health-interval 10s`: "--health-cmd=pg_isready -U x|--health-interval=10s",
		`--health-cmd="mysqladmin ping -p'a b'"`:               "--health-cmd=mysqladmin ping -p'a b'",
		`--health-cmd 'a "b" c'`:                               `--health-cmd=a "b" c`,
		"--health-cmd \"a \\\"b\\\" c\"\n--init":               `--health-cmd=a "b" c|--init`,
		"-it -p8080:80 -m=1g -u root -e A=B":                   "--interactive|--tty|--publish=8080:80|--memory=1g|--user=root|--env=A=B",
		"--hostname --privileged":                              "--hostname=--privileged", // a name, as for the engine
		"--privileged=false":                                   "--privileged=false",
		"--security-opt no-new-privileges":                     "--security-opt=no-new-privileges",
		"--ipc=private --cap-drop ALL --read-only=true":        "--ipc=private|--cap-drop=ALL|--read-only=true",
		"--name db --tmpfs /x:size=1m --ulimit nofile=9":       "--name=db|--tmpfs=/x:size=1m|--ulimit=nofile=9",
		"--sysctl net.core.somaxconn=1024 -v data:/x":          "--sysctl=net.core.somaxconn=1024|--volume=data:/x",
	} {
		list, err := parseOptions(text, Policy{})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []string
		for _, o := range list {
			got = append(got, o.argument())
		}
		if d := cmp.Diff(want, strings.Join(got, "|")); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
}

func TestOptionsThatWeakenAContainerAreRefused(t *testing.T) {
	for text, needs := range map[string]string{
		"--privileged":           Privileged,
		"--privileged=true":      Privileged,
		"--privileged=1":         Privileged,
		"--cpus 1 --privileged":  Privileged,
		`"--privileged"`:         Privileged,
		"-it --privileged":       Privileged,
		"--cap-add SYS_ADMIN":    Capabilities,
		"--cap-add=ALL":          Capabilities,
		"--device /dev/sda":      Devices,
		"--device-cgroup-rule=a": Devices,
		"--gpus all":             Devices,
		"--pid=host":             Namespaces,
		"--pid container:x":      Namespaces,
		"--ipc host":             Namespaces,
		"--ipc=container:x":      Namespaces,
		"--uts=host":             Namespaces,
		"--userns host":          Namespaces,
		"--cgroupns=host":        Namespaces,
		"--cgroup-parent /":      Namespaces,
		"--network host":         Namespaces,
		"--network=bridge":       Namespaces,
		"--net=container:x":      Namespaces,

		"--mount type=bind,source=/,target=/host": Mounts,
		"--volumes-from other":                    Mounts,
		"--security-opt seccomp=unconfined":       Security,
		"--security-opt=apparmor:unconfined":      Security,
		"--security-opt no-new-privileges:false":  Security,

		"--runtime other":                Security,
		"--sysctl kernel.core_pattern=x": Security,
		"--oom-score-adj -1000":          Security,

		"--env-file /etc/passwd":               AnyOption,
		"--label-file=/etc/passwd":             AnyOption,
		"--cidfile /etc/cron.d/x":              AnyOption,
		"--log-driver syslog":                  AnyOption,
		"--annotation run.oci.hooks.stdout=/x": AnyOption,
		"--group-add keep-groups":              Namespaces,
		"--restart always":                     AnyOption,
		"--unheard-of":                         AnyOption,
		"--unheard-of --privileged":            AnyOption,
	} {
		if _, err := parseOptions(text, Policy{}); err == nil || !strings.HasSuffix(err.Error(), "--container-policy "+needs+".") {
			t.Errorf("%s: %v, want it to need %s", text, err, needs)
		}
		if strings.Contains(text, "--net") {
			continue
		}
		if _, err := parseOptions(text, policy(t, needs)); err != nil && !strings.Contains(err.Error(), "--container-policy "+Privileged) {
			t.Errorf("%s with %s: %v", text, needs, err)
		}
	}
	for text, want := range map[string]string{
		"alpine":                "'alpine' in the options of a container is no option.",
		"-- alpine":             "'--' in the options of a container is no option.",
		"--cpus":                "The option '--cpus' of a container needs a value.",
		`--cpus "1`:             "The options of a container have a quote that does not end.",
		"--env PATH":            "The option '--env=PATH' of a container needs a value: NAME=VALUE.", // else that of the runner
		"--rm":                  "The option '--rm' of a container is not supported: " + ownWay + ".",
		"--label " + jobLabel:   "The option '--label=" + jobLabel + "' of a container is not supported: " + ownWay + ".",
		"--cpus 1\x00":          "The options of a container have a NUL in them.",
		"--network none":        "The option '--network=none' of a container is not supported: every container of a job is in the network of the job.",
		"-l" + runnerLabel + "": "The option '--label=" + runnerLabel + "' of a container is not supported: " + ownWay + ".",
	} {
		if _, err := parseOptions(text, Policy{}); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func FuzzOptionsNeverGiveMoreThanThePolicy(f *testing.F) {
	for _, seed := range []string{"--privileged", "-it", `--health-cmd "a b"`, "-v/:/x", "--cap-add=ALL -p80", "--pid 'host'"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parseOptions(text, Policy{})
		if err != nil {
			return
		}
		known := rules()
		for _, o := range list {
			r, ok := known[o.name]
			if !ok {
				t.Errorf("%q gives %s, which nobody knows", text, o.argument())
			}
			off := strings.EqualFold(o.value, "false") || o.value == "0" || strings.EqualFold(o.value, "f")
			if r.needs != "" && !off || r.flag && !o.bare && strings.ContainsAny(o.value, " \t") && r.needs != "" {
				t.Errorf("%q gives %s", text, o.argument())
			}
			if !r.flag && o.bare {
				t.Errorf("%q gives %s without a value, and the next argument would be it", text, o.argument())
			}
		}
	})
}

// testEngine is an engine of which nothing runs.
func testEngine(t *testing.T, allowed ...string) (d *Docker, work string) {
	t.Helper()
	work = t.TempDir()
	for _, dir := range []string{"_temp/" + homeDir, "_temp/" + eventDir, "_temp/" + filesDir, "r/r", "tool"} {
		if err := os.MkdirAll(filepath.Join(work, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return New(Config{
		Program: "/bin/true", Runner: "r", Job: "github_1", Policy: policy(t, allowed...), Places: []Place{{"/w", work}},
		Work: "/w", Temp: "/w/_temp", Tools: "/w/tool", Scratch: t.TempDir(), Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}), work
}

func TestVolumesStayInTheDirectoriesOfTheJob(t *testing.T) {
	d, work := testEngine(t)
	if err := os.Symlink("/etc", filepath.Join(work, "r", "link")); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"/anonymous":       "/anonymous",
		"/anonymous:ro":    "/anonymous:ro",
		"data:/x":          "github_1_data:/x",
		"data:/x:ro":       "github_1_data:/x:ro",
		"/w/r:/x":          work + "/r:/x",
		"/w/r/../r:/x":     work + "/r:/x",
		"/w/r/link:/x":     "",
		"/w/r/link/x:/x":   "",
		"/w/../etc:/x":     "",
		"/wide:/x":         "",
		"/:/x":             "",
		"/etc:/x":          "",
		"/etc:/x:ro":       "",
		"./r:/x":           "",
		"../x:/x":          "",
		socket + ":/x":     "",
		"/w/r:/x:shared":   "",
		"/w/r:/x:rshared":  "",
		"/w/r:/x:O":        "",
		"/w/r:/x:ro,z":     work + "/r:/x:ro,z",
		"/w/r:x":           "",
		"a:b:c:d":          "",
		"/w/r:/x,volume-x": work + "/r:/x,volume-x",
		"--privileged":     "",
		"-x:/x":            "",
	} {
		got, err := d.volume(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %q, %v, want %q", text, got, err, want)
		}
	}
	d, _ = testEngine(t, Mounts)
	if got, err := d.volume("/etc:/x"); got != "/etc:/x" || err != nil {
		t.Errorf("with the policy: %q, %v", got, err)
	}
}

func TestAWorkspaceThatIsALinkIsNotShown(t *testing.T) {
	d, work := testEngine(t)
	spec := Spec{Role: Action, Name: "x", Image: "x", Workspace: "/w/r/r"}
	if _, err := d.mounts(&spec); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(work, "r/r")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc", filepath.Join(work, "r/r")); err != nil {
		t.Fatal(err)
	}
	if _, err := d.mounts(&spec); err == nil {
		t.Error("it is shown")
	}
}

func TestNamesOfImagesAreNoOptions(t *testing.T) {
	for image, ok := range map[string]bool{
		"alpine": true, "ghcr.io/a/b:1": true, "localhost:5000/x@sha256:00": true, "[::1]:5000/x": true,
		"--privileged": false, "-v": false, "": false, "a b": false, "a\n": false, "$(x)": false, strings.Repeat("a", 600): false,
	} {
		if err := checkImage(image); (err == nil) != ok {
			t.Errorf("%q: %v", image, err)
		}
	}
}

func TestPortsAreNoOptions(t *testing.T) {
	for port, ok := range map[string]bool{
		"80": true, "8080:80": true, "127.0.0.1:8080:80": true, "127.0.0.1::80/tcp": true, "[::1]:1:2/udp": true, "1000-1001:1000-1001": true,
		"": false, "--privileged": false, "80 --privileged": false, "a:80": false, "80/http": false,
	} {
		if got := portMapping.MatchString(port); got != ok {
			t.Errorf("%q: %v", port, got)
		}
	}
}

func TestValuesAreInAFileOfTheRunner(t *testing.T) {
	d, _ := testEngine(t)
	var i invocation
	vars := []Variable{{"A", "secret"}, {"EMPTY", ""}, {"INPUT_X", "one\ntwo"}, {"SSH_PRIVATE_KEY", "one\ntwo"}, {"GOOGLE_CREDENTIALS", "{\n}"}, {"LD_LIBRARY_PATH", "/evil"}, {"B C", "x"}, {"#D", "x"}, {"", "x"}, {"E=F", "x"}}
	if err := d.addVariables(&i, vars); err != nil {
		t.Fatal(err)
	}
	file := i.args[len(i.args)-1]
	text, err := os.ReadFile(file)
	if err != nil || string(text) != "A=secret\nEMPTY=\nLD_LIBRARY_PATH=/evil\n" {
		t.Errorf("the file has %q, %v", text, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	for _, v := range i.env {
		if !harmless(v.Name) {
			t.Errorf("the engine's program gets %s", v.Name)
		}
	}
	if all := strings.Join(i.args, " "); strings.Contains(all, "secret") || !strings.HasPrefix(all, "-e INPUT_X -e SSH_PRIVATE_KEY -e GOOGLE_CREDENTIALS ") {
		t.Errorf("arguments are %s", all)
	}
	for _, name := range []string{"LD_PRELOAD", "DOCKER_HOST", "http_proxy", "PATH"} {
		if err := d.addVariables(&invocation{}, []Variable{{name, "a\nsecret"}}); err == nil || !strings.Contains(err.Error(), "'"+name+"' of a container must be one line") {
			t.Errorf("%s of two lines: %v", name, err)
		}
	}
}

func TestLinksInWhatAnImageIsBuiltOfAreNotFollowed(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(from, "Dockerfile"), []byte("FROM x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"link": "/etc/passwd", ".dockerignore": "/etc/passwd"} {
		if err := os.Symlink(target, filepath.Join(from, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := copyContext(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	if link, err := os.Readlink(filepath.Join(to, "link")); link != "/etc/passwd" {
		t.Errorf("the link is %q, %v", link, err)
	}
	if _, err := os.Lstat(filepath.Join(to, ".dockerignore")); err == nil {
		t.Error("a link that the engine's program would follow was copied")
	}
}
