package runner

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The files that say what the jobs of a runner have in their environment, as with
// GitHub's runner.
const (
	EnvFile  = ".env"  // lines NAME=VALUE; an empty value takes the variable away
	PathFile = ".path" // the PATH
)

const maxEnvFile = 1 << 20 // bytes

// Environment is what the processes of jobs start with: the environment env of the
// runner, without the settings of this program, and then what a file says. An empty
// name means the file that is in the directory of the runner, if there is one; the
// PATH comes from the file beside that.
func Environment(env []string, root, file string) ([]string, error) {
	vars := slices.DeleteFunc(slices.Clone(env), func(entry string) bool { return strings.HasPrefix(entry, "UNDERSTUDY_") })
	text, err := readEnvFile(filepath.Join(root, PathFile), false)
	if err != nil {
		return nil, err
	}
	if path, _, _ := strings.Cut(text, "\n"); path != "" {
		vars = setVariables(vars, "PATH="+path)
	}
	if text, err = readEnvFile(file, true); file == "" {
		text, err = readEnvFile(filepath.Join(root, EnvFile), false)
	}
	if err != nil {
		return nil, err
	}
	return setVariables(vars, text), nil
}

// setVariables sets the variables of lines NAME=VALUE in an environment; the last line of a
// name counts. GitHub's runner skips other lines, too.
func setVariables(env []string, text string) []string {
	given := map[string]string{}
	var names []string // in the order of the file
	for line := range strings.SplitSeq(text, "\n") {
		name, value, ok := strings.Cut(line, "=")
		if !ok || name == "" {
			continue
		}
		if _, again := given[name]; !again {
			names = append(names, name)
		}
		given[name] = value
	}
	env = slices.DeleteFunc(env, func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		_, replaced := given[name]
		return replaced
	})
	for _, name := range names {
		if value := given[name]; value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// readEnvFile reads a file with lines that end in a line feed.
func readEnvFile(path string, must bool) (string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !must {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("environment of jobs: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxEnvFile+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("environment of jobs: %w", err)
	case len(text) > maxEnvFile:
		return "", fmt.Errorf("environment of jobs: %s is larger than %d MiB", path, maxEnvFile>>20)
	case bytes.IndexByte(text, 0) >= 0:
		return "", fmt.Errorf("environment of jobs: %s has a NUL in it", path)
	}
	return strings.ReplaceAll(strings.TrimPrefix(string(text), "\ufeff"), "\r\n", "\n"), nil
}
