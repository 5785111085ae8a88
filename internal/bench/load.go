package bench

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
)

const loadConns = 32

// A loader asks for a URL for a while, over loadConns connections, and returns
// requests a second. Any answer but 2xx is an error.
type loader func(ctx context.Context, target, auth string, d time.Duration) (float64, error)

// loader is wrk where it is installed, and its name.
func (b *bench) loader() (loader, string) {
	if program, err := exec.LookPath("wrk"); err == nil {
		return b.wrk(program), fmt.Sprintf("`wrk -t2 -c%d`", loadConns)
	}
	return b.ask, fmt.Sprintf("%d connections of a Go client", loadConns)
}

var (
	wrkRate   = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	wrkErrors = regexp.MustCompile(`Non-2xx or 3xx responses: \d+|Socket errors: .*`)
)

func (b *bench) wrk(program string) loader {
	return func(ctx context.Context, target, auth string, d time.Duration) (float64, error) {
		cmd := exec.CommandContext(ctx, program, "-t2", "-c"+strconv.Itoa(loadConns), "-d"+strconv.Itoa(int(d.Seconds())), // found in PATH
			"-H", "Authorization: "+auth, target)
		cmd.Env = b.Env
		out, err := cmd.CombinedOutput()
		if err != nil {
			return 0, fmt.Errorf("wrk: %w: %s", err, out)
		}
		if bad := wrkErrors.Find(out); bad != nil {
			return 0, fmt.Errorf("wrk: %s", bad)
		}
		m := wrkRate.FindSubmatch(out)
		if m == nil {
			return 0, fmt.Errorf("wrk: no rate in %q", out)
		}
		return strconv.ParseFloat(string(m[1]), 64)
	}
}

// ask is a loader that needs no other program.
func (b *bench) ask(ctx context.Context, target, auth string, d time.Duration) (float64, error) {
	u, err := url.Parse(target)
	if err != nil {
		return 0, err
	}
	counts := make([]int64, loadConns)
	began := b.Now()
	group, ctx := errgroup.WithContext(ctx)
	for i := range loadConns {
		group.Go(func() error {
			c, err := dial(ctx, u.Scheme+"://"+u.Host)
			if err != nil {
				return err
			}
			defer c.close()
			for b.since(began) < d {
				if _, err := c.expect(http.MethodGet, u.RequestURI(), auth, nil); err != nil {
					return err
				}
				counts[i]++
			}
			return nil
		})
	}
	err = group.Wait()
	var sum int64
	for _, n := range counts {
		sum += n
	}
	return rate(sum, b.since(began)), err
}
