package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/server"
)

type adminNode struct {
	Install installNode `cmd:"" help:"Install the Node.js that bundled runners run actions by, from npm."`
}

type installNode struct {
	Version   string `arg:"" default:"24" help:"24, 20, or a whole version. Default: ${default}."`
	Registry  string `placeholder:"URL" help:"Registry of npm packages. Default: https://registry.npmjs.org."`
	RunnerDir string `placeholder:"DIR" help:"Directory of the bundled runners, if serve was given one."`
	To        string `placeholder:"DIR" help:"Another directory, for runners elsewhere: they are given it as --node."`
}

// Help says who uses it.
func (installNode) Help() string {
	return `Bundled runners use what is installed where no Node.js is in the PATH of the server: from the next job on, without a restart.
The package node-SYSTEM-MACHINE is checked against the SHA-512 that the registry names.

	For the bundled runners:   admin node install 24
	For a runner elsewhere:    admin node install 24 --to /opt/node && runner --node /opt/node …`
}

// Run installs.
func (c *installNode) Run(ctx context.Context, p *program) error {
	to := cmp.Or(c.To, server.NodeDir(p.Admin.Data, c.RunnerDir))
	version, err := server.InstallNode(ctx, server.NodeInstall{To: to, Version: c.Version, Registry: c.Registry})
	if err == nil {
		fmt.Printf("Node.js %s is in %s\n", version, to)
	}
	return err
}
