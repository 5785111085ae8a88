package container

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// maxLine is how long a line of a file of variables may be: the engine reads no longer ones.
const maxLine = 60000

// addVariables has the engine give variables to a container. Their values are in a file
// that nobody else can read. Those that a file cannot hold, as they have more than one line,
// are in the environment of the engine's program, unless they mean something to it: then they are refused. No value
// is an argument, which everybody on the machine can read.
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
			return Error(fmt.Sprintf("The variable '%s' of a container must be one line of less than %d characters: its name means something to the engine's program.", v.Name, maxLine))
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

// harmless says whether a variable means nothing to the engine's program, and to what that is made of: the loader,
// the C library, Go, or a shell.
func harmless(name string) bool {
	name = strings.ToUpper(name)
	if name == "DOCKER_AUTH_CONFIG" { // for pulls, which get no variables of a job
		return true
	}
	for word := range strings.FieldsSeq("LANG LANGUAGE LOCPATH LOCALDOMAIN HOSTALIASES HOSTNAME NLSPATH GODEBUG GOTRACEBACK GOMAXPROCS GOGC GOMEMLIMIT GOCOVERDIR GORACE " +
		"HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY FTP_PROXY SSL_CERT_FILE SSL_CERT_DIR SSH_AUTH_SOCK SSH_ASKPASS SSH_ASKPASS_REQUIRE SSH_SK_PROVIDER " +
		"HOME PATH TMPDIR TMP TEMP TZ TZDIR ENV SHELL IFS PS1 PS2 PS4 SHELLOPTS CDPATH USER LOGNAME TERM NODE_OPTIONS NODE_PATH UNDERSTUDY_PROCESS RUNNER_TRACKING_ID") {
		if name == word {
			return false
		}
	}
	for prefix := range strings.FieldsSeq("LD_ DYLD_ GLIBC_ GCONV_ MALLOC_ LC_ RES_ DOCKER_ BUILDKIT_ BUILDX_ COMPOSE_ CONTAINER_ CONTAINERS_ PODMAN_ REGISTRY_AUTH STORAGE_ _ " +
		"XDG_ BASH OTEL_ NOTIFY_ LISTEN_ DBUS_ PYTHON PERL RUBY JAVA_ NETAVARK CNI_ CONMON SYSTEMD_") {
		if strings.HasPrefix(name, prefix) {
			return false
		}
	}
	return true
}

// scratch makes a directory that only the runner sees.
func (d *Docker) scratch(name string) (string, error) {
	return os.MkdirTemp(d.Scratch, filepath.Base(name)+"-*")
}
