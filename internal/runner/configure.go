package runner

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/understudy-ci/understudy/internal/wire"
)

// Options say as what to register a runner.
type Options struct {
	Root      string   // where the configuration goes
	URL       string   // https://host/owner/repo, https://host/org or https://host/enterprises/name
	Token     string   // registration token
	Name      string   // "" means the host name
	Group     string   // "" means the default group
	Labels    []string // besides self-hosted, system and architecture
	NoDefault bool     // leave those three out
	Ephemeral bool     // one job, then the registration ends
	Replace   bool     // take over the name when it exists
	Version   string
	Transport http.RoundTripper // nil means one of its own
	Log       *slog.Logger
}

const (
	keyBits       = 2048
	maxLabel      = 256
	maxNameLength = 64
	registerTries = 5
)

// Configure registers a runner and writes its configuration to o.Root. A server
// that cannot be reached is tried for a few seconds.
func Configure(ctx context.Context, o Options) error {
	base, scope, err := apiBase(o.URL)
	if err != nil {
		return err
	}
	if o.Name == "" {
		if o.Name, err = os.Hostname(); err != nil {
			return fmt.Errorf("name of the runner: %w", err)
		}
	}
	labels, err := o.labels()
	if err != nil {
		return err
	}
	g := registration{
		http: newCaller(o.Transport, "understudy-runner/"+o.Version), log: o.Log,
		base: base, scope: scope, auth: "RemoteAuth " + o.Token,
	}
	tenant, err := g.exchange(ctx, o.URL)
	if err != nil {
		return err
	}
	req, err := g.request(ctx, o, labels)
	if err != nil {
		return err
	}
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return fmt.Errorf("key of the runner: %w", err)
	}
	req.PublicKey = wire.PublicKeyXML(&key.PublicKey)
	var resp wire.RegisterResponse
	if err := g.call(ctx, http.MethodPost, wire.RegisterPath, req, &resp); err != nil {
		return err
	}
	c, err := newConfig(o, req, &resp, key)
	if err != nil {
		return err
	}
	c.Settings.ServerURL = tenant.URL
	if err := writeConfig(o.Root, c); err != nil {
		return err
	}
	o.Log.InfoContext(ctx, "runner registered", "runner", resp.ID, "name", resp.Name)
	return nil
}

// Unregister removes the runner configured in root from its server, by a remove
// token, and deletes the configuration.
func Unregister(ctx context.Context, o Options) error {
	c, err := readConfig(o.Root)
	if err != nil {
		return err
	}
	base, scope, err := apiBase(c.Settings.GitHubURL)
	if err != nil {
		return err
	}
	g := registration{
		http: newCaller(o.Transport, "understudy-runner/"+o.Version), log: o.Log,
		base: base, scope: scope, auth: "RemoteAuth " + o.Token,
	}
	path := fmt.Sprintf("%s/actions/runners/%d", scope, c.Settings.AgentID)
	if err := g.call(ctx, http.MethodDelete, path, nil, nil); err != nil && statusOf(err) != http.StatusNotFound {
		return err
	}
	return removeConfig(o.Root)
}

func newConfig(o Options, req *wire.RegisterRequest, resp *wire.RegisterResponse, key *rsa.PrivateKey) (*wire.RunnerConfig, error) {
	a := resp.Authorization
	if resp.ID == 0 || a.ServerURL == "" || a.AuthorizationURL == "" || a.ClientID == "" {
		return nil, errors.New("the answer to the registration lacks the runner's id or URLs")
	}
	params, err := wire.NewRSAParameters(key)
	if err != nil {
		return nil, err
	}
	group := o.Group
	if group == "" {
		group = "Default"
	}
	return &wire.RunnerConfig{
		Settings: wire.RunnerSettings{
			AgentID: wire.IntString(resp.ID), AgentName: resp.Name, PoolID: wire.IntString(req.GroupID), PoolName: group,
			DisableUpdate: true, Ephemeral: wire.BoolString(o.Ephemeral), ServerURLV2: a.ServerURL,
			UseV2Flow: true, UseAdminFlow: true, GitHubURL: o.URL, WorkFolder: workFolder,
		},
		Credentials: wire.Credentials{Scheme: "OAuth", Data: wire.CredentialsData{
			ClientID: a.ClientID, AuthorizationURL: a.AuthorizationURL, RequireFIPS: true,
		}},
		Key: params,
	}, nil
}

// A registration speaks to the REST API with a registration token.
type registration struct {
	http        *caller
	log         *slog.Logger
	base, scope string
	auth        string
}

func (g *registration) call(ctx context.Context, method, path string, in, out any) error {
	var b backoff
	for try := 1; ; try++ {
		err := g.http.do(ctx, call{method: method, url: join(g.base, path), auth: g.auth, in: in, out: out})
		if err == nil || try == registerTries || !transient(err) || statusOf(err) == http.StatusUnauthorized {
			return err
		}
		g.log.WarnContext(ctx, "will be repeated", "call", method+" "+path, "err", err)
		if err := b.wait(ctx); err != nil {
			return err
		}
	}
}

func (g *registration) exchange(ctx context.Context, serverURL string) (*wire.RegistrationResponse, error) {
	var resp wire.RegistrationResponse
	req := wire.RegistrationRequest{URL: serverURL, RunnerEvent: wire.EventRegister}
	err := g.call(ctx, http.MethodPost, wire.RegistrationPath, req, &resp)
	switch statusOf(err) {
	case http.StatusNotFound, http.StatusUnauthorized, http.StatusForbidden:
		return nil, fmt.Errorf("the server does not take this registration token for %s: "+
			"it is wrong, expired or for another repository, organization or enterprise (%w)", serverURL, err)
	}
	if err != nil {
		return nil, err
	}
	if !resp.UseV2Flow {
		return nil, errors.New("the server offers only the old registration flow, which this runner does not speak")
	}
	return &resp, nil
}

// request fills a registration with the group and, to replace, the runner that
// has the name.
func (g *registration) request(ctx context.Context, o Options, labels []wire.RunnerLabel) (*wire.RegisterRequest, error) {
	req := &wire.RegisterRequest{
		URL: o.URL, Name: o.Name, Version: o.Version, UpdatesDisabled: true, Ephemeral: o.Ephemeral, Labels: labels,
	}
	var groups wire.RunnerGroups
	if err := g.call(ctx, http.MethodGet, g.scope+"/actions/runner-groups", nil, &groups); err != nil {
		return nil, err
	}
	for _, group := range groups.RunnerGroups {
		if !group.IsHosted && (group.Name == o.Group || o.Group == "" && group.Default) {
			req.GroupID = group.ID
		}
	}
	if req.GroupID == 0 {
		return nil, fmt.Errorf("there is no runner group %q", o.Group)
	}
	var same wire.Runners
	if err := g.call(ctx, http.MethodGet, g.scope+"/actions/runners?name="+url.QueryEscape(o.Name), nil, &same); err != nil {
		return nil, err
	}
	for _, r := range same.Runners {
		switch {
		case !strings.EqualFold(r.Name, o.Name):
		case !o.Replace:
			return nil, fmt.Errorf("a runner named %q exists already", o.Name)
		default:
			req.RunnerID, req.Replace = r.ID, true
		}
	}
	return req, nil
}

func (o *Options) labels() ([]wire.RunnerLabel, error) {
	if len(o.Name) > maxNameLength {
		return nil, fmt.Errorf("the name of the runner is longer than %d characters", maxNameLength)
	}
	var labels []wire.RunnerLabel
	if !o.NoDefault {
		for _, name := range []string{"self-hosted", osLabel(), archLabel()} {
			labels = append(labels, wire.RunnerLabel{Name: name, Type: wire.LabelSystem})
		}
	}
	for _, name := range o.Labels {
		name = strings.TrimSpace(name)
		switch {
		case len(name) > maxLabel:
			return nil, fmt.Errorf("a label is longer than %d characters", maxLabel)
		case name != "" && !hasLabel(labels, name):
			labels = append(labels, wire.RunnerLabel{Name: name, Type: wire.LabelUser})
		}
	}
	if len(labels) == 0 {
		return nil, errors.New("a runner without the default labels needs at least one of its own")
	}
	return labels, nil
}

func hasLabel(labels []wire.RunnerLabel, name string) bool {
	for _, l := range labels {
		if strings.EqualFold(l.Name, name) {
			return true
		}
	}
	return false
}
