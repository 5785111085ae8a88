package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A cluster is a few servers on one new PostgreSQL database. They share what
// servers of one database must: the bare repositories, the keys and the blobs.
type cluster struct {
	servers  []*server
	b        *bench
	name     string // of the database
	database string // its URL
}

const databaseLimit = 30 * time.Second // to make one, or to remove it

// serveMany starts n servers without bundled runners. The first makes what all
// share, and the accounts.
func (b *bench) serveMany(ctx context.Context, n int) (_ *cluster, err error) {
	c := &cluster{b: b, name: "understudy_bench_" + strings.ToLower(rand.Text())}
	if err := b.sql(ctx, "create database "+c.name); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.stop()
		}
	}()
	database, err := url.Parse(b.Postgres)
	if err != nil {
		return nil, err
	}
	database.Path = "/" + c.name
	c.database = database.String()
	for range n {
		data, err := os.MkdirTemp(b.dir, "data-")
		if err != nil {
			return nil, err
		}
		first := data
		if len(c.servers) > 0 {
			first = c.servers[0].data
			for _, shared := range []string{"repositories", "token.key", "secret.keys"} {
				if err := os.Symlink(filepath.Join(first, shared), filepath.Join(data, shared)); err != nil {
					return nil, err
				}
			}
		}
		s, err := b.start(ctx, data, 0, "--database", c.database, "--blobs", filepath.Join(first, "blobs"))
		if err != nil {
			return nil, err
		}
		c.servers = append(c.servers, s)
		if len(c.servers) > 1 {
			err = s.use(c.servers[0])
		} else {
			err = s.signUp(ctx)
		}
		if err != nil {
			return nil, err
		}
	}
	return c, nil
}

// stop ends the servers and removes the database.
func (c *cluster) stop() {
	for _, s := range c.servers {
		s.halt() // before the first one's data goes, which all share
	}
	for _, s := range c.servers {
		s.stop()
	}
	if err := c.b.sql(context.Background(), "drop database "+c.name+" with (force)"); err != nil {
		c.b.say("  database %s is left: %v", c.name, err)
	}
}

// processor is how long all servers have run, on all processors.
func (c *cluster) processor() (sum time.Duration, err error) {
	for _, s := range c.servers {
		d, err := s.processor()
		if err != nil {
			return 0, err
		}
		sum += d
	}
	return sum, nil
}

// sql gives one statement to the database server.
func (b *bench) sql(ctx context.Context, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, databaseLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "psql", "--no-psqlrc", "--quiet", "--command", statement, b.Postgres)
	cmd.Env = b.Env
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(err, fmt.Errorf("psql: %s", out))
	}
	return nil
}
