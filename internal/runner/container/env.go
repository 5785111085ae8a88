package container

import (
	"os"
	"path/filepath"
	"strings"
)

// maxLine is how long a line of a file of variables may be: the engine reads no longer ones.
const maxLine = 60000

// addVariables has the engine give variables to a container. Their values are in a file
// that nobody else can read. Those that a file cannot hold, as they have more than one line,
// are in the environment of the engine's program, unless they mean something to it.
func (d *Docker) addVariables(i *invocation, vars []Variable) error {
	var lines strings.Builder
	for _, v := range vars {
		if v.Name == "" || strings.ContainsAny(v.Name, "=\x00\n") || strings.ContainsRune(v.Value, 0) {
			continue // no process can have it
		}
		i.shown = append(i.shown, "-e", v.Name)
		switch {
		case fitsLine(v):
			lines.WriteString(v.Name + "=" + v.Value + "\n")
		case harmless(v.Name):
			i.args = append(i.args, "-e", v.Name)
			i.env = append(i.env, v)
		default:
			i.args = append(i.args, "-e", v.Name+"="+v.Value)
		}
	}
	if lines.Len() == 0 {
		return nil
	}
	f, err := os.CreateTemp(d.Scratch, "env-*") // mode 0600
	if err != nil {
		return err
	}
	i.files = append(i.files, f.Name())
	_, err = f.WriteString(lines.String())
	if e := f.Close(); err == nil {
		err = e
	}
	i.args = append(i.args, "--env-file", f.Name())
	return err
}

func fitsLine(v Variable) bool {
	return len(v.Name)+len(v.Value) < maxLine && !strings.ContainsAny(v.Value, "\n\r") && !strings.ContainsAny(v.Name, " \t#*'\"\ufeff") &&
		v.Name == strings.TrimSpace(v.Name) && !strings.HasPrefix(v.Value, `"`) && !strings.HasPrefix(v.Value, "'")
}

// harmless says whether a variable means nothing to programs: it is one of the runner's, or of
// an input.
func harmless(name string) bool {
	for _, prefix := range []string{"INPUT_", "GITHUB_", "STATE_", "ACTIONS_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	for prefix := range strings.FieldsSeq("LD_ DYLD_ GLIBC GCONV MALLOC LOC LANG LC_ RES_ HOST NLS GO DOCKER BUILDKIT BUILDX COMPOSE CONTAINER PODMAN _ REGISTRY STORAGE " +
		"HTTP HTTPS NO_ ALL_PROXY FTP SSL XDG SSH HOME PATH TMP TEMP TZ ENV BASH SHELL IFS PS SHELLOPTS CDPATH OTEL NOTIFY LISTEN DBUS PYTHON PERL RUBY NODE JAVA " +
		"USER LOGNAME TERM CGROUP SYSTEMD NETAVARK CNI CONMON TRACE DEBUG") {
		if strings.HasPrefix(strings.ToUpper(name), prefix) {
			return false
		}
	}
	return true
}

// scratch makes a directory that only the runner sees.
func (d *Docker) scratch(name string) (string, error) {
	return os.MkdirTemp(d.Scratch, filepath.Base(name)+"-*")
}
