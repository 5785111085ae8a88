package runner

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/worker"
	"github.com/understudy-ci/understudy/internal/wire"
)

// Config is what a runner needs besides its files.
type Config struct {
	Root    string   // directory of the configuration, the lock and all work; made absolute
	Version string   // reported to the server
	Env     []string // what processes of jobs start with, as KEY=value: nothing of the runner's own
	// RenewEvery is the longest time between renewals of a job; 0 means a
	// minute. A short lease is renewed three times in its length.
	RenewEvery time.Duration
	// Drain is how long a job may take when Listen's context is done. The last
	// part of it is for a shutdown of the job, and for its reports.
	Drain time.Duration
	// Execute runs a job; nil means [worker.Run]. Simulated runners give their own.
	Execute   func(context.Context, *worker.Job) *worker.Result
	Transport http.RoundTripper // nil means one of its own
	Now       func() time.Time
	Log       *slog.Logger
}

// A Runner is a configured runner.
type Runner struct {
	cfg      Config
	settings wire.RunnerSettings
	client   wire.CredentialsData
	key      *rsa.PrivateKey
	http     *caller
	tokens   *tokens
	timing   timing
	removals removals
}

// timing holds the waits that tests shorten.
type timing struct {
	busyPoll time.Duration // from the start of a job to the poll that says Busy
	conflict time.Duration // how long a session conflict is borne
	patience time.Duration // beyond the lease, how long a silent server is borne
	stepGap  time.Duration
	feedGap  time.Duration
	shutdown time.Duration // the longest last part of a drain
	lastWord time.Duration // for the reports of a job that has been shut down
}

const patience = 10 * time.Minute

func defaultTiming() timing {
	return timing{
		busyPoll: 250 * time.Millisecond,
		conflict: 5 * time.Minute,
		patience: patience,
		stepGap:  100 * time.Millisecond,
		feedGap:  50 * time.Millisecond,
		shutdown: 20 * time.Second,
		lastWord: 30 * time.Second,
	}
}

// New reads the configuration in cfg.Root. It is [ErrNotConfigured] when there
// is none.
func New(cfg Config) (*Runner, error) {
	root, err := filepath.Abs(cfg.Root)
	if err != nil {
		return nil, fmt.Errorf("runner: %w", err)
	}
	cfg.Root = root
	if cfg.RenewEvery <= 0 {
		cfg.RenewEvery = time.Minute
	}
	if cfg.Execute == nil {
		cfg.Execute = worker.Run
	}
	c, err := readConfig(root)
	if err != nil {
		return nil, fmt.Errorf("runner in %s: %w", root, err)
	}
	key, err := c.Key.PrivateKey()
	if err != nil {
		return nil, fmt.Errorf("runner in %s: %w", root, err)
	}
	r := &Runner{
		cfg: cfg, settings: c.Settings, client: c.Credentials.Data, key: key,
		http: newCaller(cfg.Transport, "understudy-runner/"+cfg.Version), timing: defaultTiming(),
	}
	r.tokens = &tokens{fetch: r.fetchToken, turn: make(chan struct{}, 1)}
	return r, nil
}

// Name is the name under which the runner is registered.
func (r *Runner) Name() string { return r.settings.AgentName }

// Configured reports whether root holds the configuration of a runner for the
// given URL; an empty URL means any.
func Configured(root, url string) bool {
	c, err := readConfig(root)
	return err == nil && (url == "" || c.Settings.GitHubURL == url)
}

// ConfigureJIT writes the configuration in the text of --jitconfig to root.
func ConfigureJIT(root, text string) error {
	c, err := wire.DecodeJIT(text)
	if err != nil {
		return err
	}
	if _, err := c.Key.PrivateKey(); err != nil {
		return fmt.Errorf("jit configuration: %w", err)
	}
	return writeConfig(root, c)
}

var configFiles = []string{wire.KeyFile, wire.CredentialsFile, wire.SettingsFile}

func readConfig(root string) (*wire.RunnerConfig, error) {
	files := make(map[string][]byte, len(configFiles))
	for _, name := range configFiles {
		b, err := os.ReadFile(filepath.Join(root, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, ErrNotConfigured
		case err != nil:
			return nil, err
		}
		files[name] = b
	}
	return wire.ParseRunnerFiles(files)
}

// writeConfig writes the files, .runner last: it is what makes a root
// configured.
func writeConfig(root string, c *wire.RunnerConfig) error {
	files, err := c.Files()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return fmt.Errorf("runner root: %w", err)
	}
	for _, name := range configFiles {
		if err := writeFile(filepath.Join(root, name), files[name]); err != nil {
			return fmt.Errorf("runner configuration: %w", err)
		}
	}
	return nil
}

// writeFile replaces the file at path whole or not at all.
func writeFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already when all went well
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func removeConfig(root string) error {
	var errs []error
	for _, name := range configFiles {
		if err := os.Remove(filepath.Join(root, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// apiBase is the base of the REST API for the URL of a repository,
// organization or enterprise, and the scope below it.
func apiBase(raw string) (base, scope string, err error) {
	at, err := origin(raw)
	if err != nil {
		return "", "", err
	}
	path := strings.Trim(strings.TrimPrefix(raw, at), "/")
	parts := strings.Split(path, "/")
	switch {
	case strings.ContainsAny(path, "?#") || path == "":
		return "", "", fmt.Errorf("%q names no repository, organization or enterprise", raw)
	case len(parts) == 1:
		scope = "orgs/" + path
	case len(parts) == 2 && parts[0] == "enterprises":
		scope = path
	case len(parts) == 2:
		scope = "repos/" + path
	default:
		return "", "", fmt.Errorf("%q names no repository, organization or enterprise", raw)
	}
	scheme, host, _ := strings.Cut(at, "://")
	if hosted(host) {
		return scheme + "://api." + strings.TrimPrefix(host, "www."), scope, nil
	}
	return at + "/api/v3", scope, nil
}

func hosted(host string) bool {
	return host == "github.com" || host == "www.github.com" || host == "github.localhost" ||
		strings.HasSuffix(host, ".ghe.com") || strings.HasSuffix(host, ".ghe.localhost")
}
