package gitrepo

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// configTemplate is the whole configuration of every git process.
//
// Packs are kept as they come (unpackLimit), which costs two synced files a
// push instead of one per object. Any hash may be asked for as far as git is
// concerned, because protocol version 2 has no such limit anyway: UploadPack
// itself refuses what no ref reaches. The fsck messages that are ignored are
// in the history of well-known projects and harmless.
const configTemplate = `# Checked at every start; changes are lost.
[core]
	hooksPath = "%[1]s"
	fsync = all
	fsyncMethod = fsync
	attributesFile = /dev/null
	bigFileThreshold = 64m
[safe]
	directory = *
[gc]
	auto = 0
	autoDetach = false
[maintenance]
	auto = false
[pack]
	windowMemory = 256m
[protocol]
	allow = never
[receive]
	autogc = false
	fsckObjects = true
	unpackLimit = 1
	maxInputSize = %[2]d
	advertisePushOptions = false
	denyDeleteCurrent = refuse
	hideRefs = refs/pull
[receive "fsck"]
	badTimezone = ignore
	missingSpaceBeforeDate = ignore
	zeroPaddedFilemode = ignore
[transfer]
	fsckObjects = true
[uploadpack]
	allowFilter = true
	allowAnySHA1InWant = true
[uploadpackfilter]
	allow = false
[uploadpackfilter "blob:none"]
	allow = true
[uploadpackfilter "blob:limit"]
	allow = true
[uploadpackfilter "tree"]
	allow = true
[uploadpackfilter "object:type"]
	allow = true
[uploadpackfilter "combine"]
	allow = true
`

func configText(hooks string, l Limits) string {
	return fmt.Sprintf(configTemplate, strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(hooks), l.PushBytes)
}

// environment is all that a git process gets to see of ours.
func (g *Git) environment() []string {
	return []string{
		"PATH=" + filepath.Dir(g.program) + ":/usr/local/bin:/usr/bin:/bin",
		"LC_ALL=C",
		"TZ=UTC",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=" + g.configFile(),
		"GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0",
		"GIT_OPTIONAL_LOCKS=0",
		"GIT_NO_REPLACE_OBJECTS=1",
		"GIT_NO_LAZY_FETCH=1",
		"GIT_DEFAULT_REF_FORMAT=files",
	}
}

// command prepares git with args, in a process group of its own. When ctx ends
// the group is asked to stop, so that git removes its temporary files, and
// git is killed soon after if it has not.
func (g *Git) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, g.program, args...)
	cmd.Dir = g.root
	cmd.Env = slices.Clip(g.env)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// inRepo prepares git with args for the repository.
func (g *Git) inRepo(ctx context.Context, id int64, args ...string) *exec.Cmd {
	return g.command(ctx, append([]string{"--git-dir=" + g.dir(id)}, args...)...)
}
