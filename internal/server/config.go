// Package server builds Understudy from one Config: it opens the state, makes the
// services, mounts the surfaces on their paths, and runs the loops and the
// bundled runners until it is told to stop.
//
// [New] wires everything with plain calls, bottom up; [Server.Run] is the life
// of the process. One request goes to one surface, chosen by [Server.surface]
// from host, method and path shape.
package server

import (
	"cmp"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/assign"
	"github.com/understudy-ci/understudy/internal/builtin"
	"github.com/understudy-ci/understudy/internal/runner"
	"github.com/understudy-ci/understudy/internal/runner/container"
	"github.com/understudy-ci/understudy/internal/secret"
	"github.com/understudy-ci/understudy/internal/settings"
)

// A MissingKeyError is that of [New] where the key file lacks a key of the database.
type MissingKeyError = secret.MissingKeyError

// Config is everything an operator can set. --job-lease is also UNDERSTUDY_JOB_LEASE.
type Config struct {
	Listen       []string         `default:"127.0.0.1:3000" placeholder:"ADDR" help:"Where to listen: HOST:PORT or unix:PATH. Repeatable. Sockets that systemd passes on take its place. Default: ${default}."`
	Data         string           `default:"./data" placeholder:"DIR" help:"Directory of everything that must last; made if it is not there. Default: ${default}."`
	PublicURL    string           `placeholder:"URL" help:"The address of this server where no request says it, such as https://ci.example."`
	AllowedHost  []string         `placeholder:"HOST" help:"Another host name or address of this server, without a port. Requests over TCP for hosts that it does not know are refused: it knows loopback names, its own addresses, the machine's name, and the hosts of --listen, --public-url, --job-server-url and the certificate in --tls-cert. Repeatable."`
	Database     string           `placeholder:"URL" help:"sqlite:PATH or postgres://…. Default: sqlite:DATA/understudy.db."`
	SecretKeys   string           `name:"secret-key-file" placeholder:"FILE" help:"The keys that secrets are encrypted with, which the database does not have; made where it names none. Servers of one database need the same. Default: DATA/secret.keys."`
	TLSCert      string           `placeholder:"FILE" help:"Certificate chain (PEM) for HTTPS on all TCP addresses."`
	TLSKey       string           `placeholder:"FILE" help:"Private key (PEM) of --tls-cert."`
	TLSSelf      bool             `name:"tls-self-signed" help:"HTTPS with a certificate made for this server. Clients trust it by DATA/tls-certificate.pem; the key is beside it, in tls.pem."`
	TrustedProxy []string         `placeholder:"CIDR" help:"Addresses or networks of reverse proxies whose X-Forwarded-Proto, -Host and -Prefix are believed."`
	Runners      int              `default:"-1" placeholder:"N" help:"Bundled runners to start. Default: 2 while nobody but the operator can have jobs run, else 0: no address that others reach, no proxy, no second account."`
	Isolation    runner.Isolation `placeholder:"none|user|container[=IMAGE]" help:"What keeps the jobs of bundled runners from the rest of this machine. user: a user and namespaces of their own. container: a container of their own, of IMAGE, which is node:24-bookworm unless it is said; it is pulled if it is not there. none: nothing, they run as the user of the server; where others can have jobs run this must be written out. Default: user where that works, else none."`
	JobUID       int              `name:"job-uid" default:"60800" placeholder:"UID" help:"With --isolation user, where the server is root's: jobs of the first bundled runner have this user, those of the next one the next, numbers that no account has. Default: ${default}."`
	JobHide      []string         `placeholder:"PATH" help:"Directory or file that jobs must not see with --isolation user, besides homes and the server's own files. Repeatable."`
	JobShare     []string         `placeholder:"DIR" help:"Directory that jobs see, and write if its permissions let them, with --isolation user or container. Repeatable."`
	JobMemory    Size             `default:"0" placeholder:"SIZE" help:"How much memory the processes of a job may have together, with --isolation user, where there are cgroups, or container; each of its containers has the same limit. Default: no limit."`
	JobCPUs      float64          `name:"job-cpus" default:"0" placeholder:"N" help:"How many processors' time a job may have, such as 1.5, with --isolation user, where there are cgroups, or container; each of its containers has the same limit. Default: no limit."`
	JobProcesses int              `default:"-1" placeholder:"N" help:"How many processes, each thread counted, a job may have at a time, with --isolation user or container, and each of its containers; 0 for no limit. Default: 4096 where there are cgroups."`
	RunnerDir    string           `placeholder:"DIR" help:"Directory of the bundled runners and the work of their jobs. Default: beside the data directory, as ./data-runners."`
	Node         string           `placeholder:"DIR" help:"Directory of the Node.js that bundled runners run actions by, before what is in the PATH: DIR/node24/bin/node and DIR/node20/bin/node, or DIR/bin/node."`
	RunnerLabels []string         `default:"ubuntu-latest,ubuntu-26.04,ubuntu-24.04,ubuntu-22.04,ubuntu-slim" placeholder:"LABEL" help:"Labels of the bundled runners, besides self-hosted and the system's. Default: ${default}."`
	RunnerEnv    []string         `sep:"none" placeholder:"NAME[=VALUE]" help:"Variable that the bundled runners and their jobs get: of this value, or the one that the server has. Variables of proxies and certificates they get in any case. Repeatable."`
	JobLease     time.Duration    `default:"3m" help:"Fail a job whose runner has been silent for this long."`
	Drain        time.Duration    `default:"30s" help:"On SIGTERM, how long the jobs of bundled runners may go on before they fail."`
	Verified     []string         `name:"verified-creator" placeholder:"LOGIN" help:"Owner of actions whom the operator trusts: they may be used where the actions of verified creators are allowed. Repeatable. Default: none."`
	AllowPublic  bool             `name:"allow-public-repositories" help:"Runners of the site and of organizations work for public repositories where no admin has said otherwise. Without it they do only while nobody but the operator can have jobs run."`
	OrphanAfter  time.Duration    `default:"10m" help:"How long a bundled runner without a job waits for a server that is gone before it ends by itself. With a job it tries to report that for 24 hours. Default: ${default}."`

	ContainerEngine string   `placeholder:"docker|podman|PATH|none" help:"Command line of the container engine of the bundled runners, for container, services and Docker actions. Default: docker, else podman, where one of them is in PATH."`
	ContainerPolicy []string `placeholder:"WHAT" help:"What containers of jobs may have besides what is safe: privileged, capabilities, devices, host-namespaces, mounts, engine-socket, security-opt, options (all that are not known), or all. Repeatable. Default: nothing of that."`

	Blobs         string `placeholder:"DIR|URL" help:"Where logs, artifacts and caches are kept: a directory, or s3://BUCKET/PREFIX with ?endpoint=URL, &region=NAME, and &public-endpoint=URL if clients are to download from the bucket; credentials are in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Default: DATA/blobs."`
	ArtifactDays  int    `default:"90" placeholder:"DAYS" help:"How long artifacts and logs are kept where a repository says nothing else. Default: ${default}."`
	ArtifactSize  Size   `default:"100GiB" placeholder:"SIZE" help:"How big one artifact may be. Default: ${default}."`
	ArtifactQuota Size   `default:"0" placeholder:"SIZE" help:"How much the artifacts of one repository may take. Default: no limit."`
	ReleaseQuota  Size   `default:"0" placeholder:"SIZE" help:"How much the assets of all releases of one repository may take. Default: no limit."`
	CacheQuota    Size   `default:"10GiB" placeholder:"SIZE" help:"How much the caches of one repository may take before old ones go. Default: ${default}."`
	CacheDays     int    `default:"7" placeholder:"DAYS" help:"How long a cache is kept that nobody uses. Default: ${default}."`

	ScheduleIdleDays int `default:"60" placeholder:"DAYS" help:"Schedules of a public repository stop after so many days in which nobody pushed to it; 0 for never. Default: ${default}."`

	BuiltinActions string   `default:"fallback" enum:"fallback,prefer,never" help:"When the server's own checkout, upload-artifact, download-artifact and cache stand in for those of actions/: if there are no others (fallback), always (prefer), or never."`
	ToolkitPatch   bool     `default:"true" negatable:"" help:"Lift the check of host names in the actions that the server hands out, so that artifacts and caches work on every host. On by default."`
	ImageHost      []string `placeholder:"HOST" help:"Hosts whose images step summaries may show, such as img.shields.io. Whoever reads a run's page then asks them for the image. Default: none; images are links."`
	CORSAnonymous  bool     `name:"cors-anonymous" help:"Pages of other sites may read by REST what everybody may. Without it they need a token."`
	JobServerURL   string   `placeholder:"URL" help:"What jobs see as GITHUB_SERVER_URL, such as http://ci.localhost:3000. Default: the address by which their runner came."`

	Limit map[string]Size `placeholder:"NAME=N" help:"How much each caller may have at the same time, or a second: docs/configuration.md has the names and the defaults. Repeatable."`

	UpstreamConfig

	NoSync bool `kong:"-"` // tests only: nothing waits for the disk
}

const maxIdleDays = 10_000

// check fills in what depends on other settings and refuses what cannot work.
func (c *Config) check() error {
	if len(c.Listen) == 0 {
		return actions.Errorf(actions.Invalid, "--listen: at least one address is needed")
	}
	data, err := filepath.Abs(c.Data)
	if err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	c.Data = data
	if c.RunnerDir != "" {
		if c.RunnerDir, err = filepath.Abs(c.RunnerDir); err != nil {
			return fmt.Errorf("--runner-dir: %w", err)
		}
		if c.RunnerDir == c.Data || strings.HasPrefix(c.RunnerDir, c.Data+string(filepath.Separator)) {
			return actions.Errorf(actions.Invalid, "--runner-dir %s is in the data directory: jobs work there", c.RunnerDir)
		}
	}
	if c.Node != "" {
		if c.Node, err = filepath.Abs(c.Node); err == nil {
			_, err = os.Stat(c.Node)
		}
		if err != nil {
			return fmt.Errorf("--node: %w", err)
		}
	}
	c.Database = databaseURL(c.Data, c.Database)
	if c.SecretKeys, err = filepath.Abs(secretKeys(c.Data, c.SecretKeys)); err != nil {
		return fmt.Errorf("--secret-key-file: %w", err)
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return actions.Errorf(actions.Invalid, "--tls-cert and --tls-key go together")
	}
	if c.TLSSelf && c.TLSCert != "" {
		return actions.Errorf(actions.Invalid, "--tls-self-signed and --tls-cert exclude each other")
	}
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return actions.Errorf(actions.Invalid, "--public-url %q is not an http or https URL", c.PublicURL)
		}
		c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	}
	if err := c.checkHosts(); err != nil {
		return err
	}
	if err := c.checkRunnerEnv(); err != nil {
		return err
	}
	if c.JobLease <= 0 || c.Drain < 0 {
		return actions.Errorf(actions.Invalid, "--job-lease and --drain must not be negative or zero")
	}
	if c.OrphanAfter = cmp.Or(c.OrphanAfter, orphanAfter); c.OrphanAfter < 0 {
		return actions.Errorf(actions.Invalid, "--orphan-after must not be negative")
	}
	if err := c.Isolation.Check(); err != nil {
		return actions.Errorf(actions.Invalid, "%w", err)
	}
	if err := c.jobLimits().Check(); err != nil {
		return actions.Errorf(actions.Invalid, "%w", err)
	}
	for _, l := range c.RunnerLabels {
		if err := actions.CheckLabel(l); err != nil {
			return fmt.Errorf("--runner-labels: %w", err)
		}
	}
	return c.checkStorage()
}

// jobLimits are what each job may use.
func (c *Config) jobLimits() runner.Limits {
	return runner.Limits{Memory: int64(c.JobMemory), CPUs: c.JobCPUs, Processes: c.JobProcesses}
}

// imageHost is a host name, perhaps with a port.
var imageHost = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$`)

// orphanAfter is where nobody says otherwise.
const orphanAfter = 10 * time.Minute

// artifactSize is how big an artifact may be where nobody says otherwise. GitHub's
// own limit is more than most disks here have.
const artifactSize = 100 << 30

// checkStorage is check for what is kept of runs, and for what jobs see of it.
func (c *Config) checkStorage() error {
	c.ArtifactDays, c.ArtifactSize = cmp.Or(c.ArtifactDays, settings.RetentionDays.Standard()), cmp.Or(c.ArtifactSize, artifactSize)
	c.CacheDays, c.CacheQuota = cmp.Or(c.CacheDays, settings.CacheDays.Standard()), cmp.Or(c.CacheQuota, Size(settings.CacheBytes.Standard()))
	if c.ScheduleIdleDays < 0 || c.ScheduleIdleDays > maxIdleDays {
		return actions.Errorf(actions.Invalid, "--schedule-idle-days must be from 0 to %d, not %d", maxIdleDays, c.ScheduleIdleDays)
	}
	if c.ArtifactDays < 1 || c.ArtifactDays > actions.MaxPrivateDays {
		return actions.Errorf(actions.Invalid, "--artifact-days must be from 1 to %d, not %d", actions.MaxPrivateDays, c.ArtifactDays)
	}
	if c.CacheDays < 1 {
		return actions.Errorf(actions.Invalid, "--cache-days must be at least 1, not %d", c.CacheDays)
	}
	if c.Blobs == "" {
		c.Blobs = filepath.Join(c.Data, "blobs")
	}
	if c.JobServerURL != "" {
		u, err := assign.ParseServerURL(c.JobServerURL)
		if err != nil {
			return fmt.Errorf("--job-server-url: %w", err)
		}
		c.JobServerURL = u
	}
	for i, host := range c.ImageHost {
		if c.ImageHost[i] = strings.ToLower(host); !imageHost.MatchString(c.ImageHost[i]) {
			return actions.Errorf(actions.Invalid, "--image-host: %q is not a host name such as img.shields.io", host)
		}
	}
	if _, err := container.ParsePolicy(c.ContainerPolicy); err != nil {
		return actions.Errorf(actions.Invalid, "%v", err)
	}
	c.BuiltinActions = cmp.Or(c.BuiltinActions, string(builtin.Fallback))
	if _, err := builtin.ParsePolicy(c.BuiltinActions); err != nil {
		return fmt.Errorf("--builtin-actions: %w", err)
	}
	return nil
}

// databaseURL is where the database of a data directory is.
func databaseURL(data, given string) string {
	if given != "" {
		return given
	}
	return "sqlite:" + filepath.Join(data, "understudy.db")
}

// secretKeys is where the keys of secrets are, of a data directory.
func secretKeys(data, given string) string { return cmp.Or(given, filepath.Join(data, secret.File)) }

// proxies are the networks of --trusted-proxy.
func (c *Config) proxies() ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, text := range c.TrustedProxy {
		p, err := netip.ParsePrefix(text)
		if ip, ipErr := netip.ParseAddr(text); err != nil && ipErr == nil {
			p, err = ip.Prefix(ip.BitLen())
		}
		if err != nil || p.Bits() == 0 {
			return nil, actions.Errorf(actions.Invalid, "--trusted-proxy %q is not a network that can be trusted: name the proxy's own address", text)
		}
		list = append(list, p)
	}
	return list, nil
}
