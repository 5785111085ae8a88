package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// Try says why no process can be started in a sandbox here, nil if one can. args are
// those with which this program calls [Enter] and then [Check]. uid is the user that
// the process would have; dir is a directory to work in, which is left as it was.
func Try(ctx context.Context, args []string, uid int, dir string) (err error) {
	at, err := os.MkdirTemp(dir, ".try-")
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(at)) }()
	v := View{
		UID: uid, Login: "runner", Temp: filepath.Join(at, "tmp"), Scratch: filepath.Join(at, "box"),
		Home: Bind{filepath.Join(at, "home"), "/home/runner"}, Hide: []string{dir},
	}
	for _, d := range []string{v.Temp, v.Scratch, v.Home.Source} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return fmt.Errorf("sandbox: %w", err)
		}
	}
	if os.Getuid() == 0 {
		if err := checkUser(uid); err != nil {
			return err
		}
		if err := os.Chown(v.Home.Source, uid, uid); err != nil {
			return fmt.Errorf("sandbox: user %d: %w", uid, err)
		}
	}
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	defer read.Close()
	p, err := Start(Command{Args: args, Env: []string{}, Log: write})
	if err = errors.Join(err, write.Close()); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.End()) }()
	if err := p.See(v); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, enterTime)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = p.Kill() })() // it may have ended
	const most = 4096
	text, _ := io.ReadAll(io.LimitReader(read, most)) // to its end
	switch state := p.State(); {
	case state.Success():
		return nil
	case len(text) > 0:
		return errors.New(strings.TrimPrefix(strings.TrimSpace(string(text)), "understudy: "))
	default:
		return fmt.Errorf("sandbox: the process has ended: %s", state)
	}
}

// Check says whether this process, after [Enter], has what it is to have.
func Check() error {
	home, err := os.ReadDir("/home/runner")
	switch {
	case err != nil:
		return err
	case len(home) > 0:
		return errors.New("sandbox: the home is not empty")
	}
	return os.WriteFile("/home/runner/file", nil, 0o600)
}

// checkUser says whether jobs may have a user: nobody else's.
func checkUser(uid int) error {
	const most = 1 << 31 // what kernels and file systems take
	if uid < 1 || uid >= most {
		return fmt.Errorf("--job-uid must be from 1 to %d, not %d", most-1, uid)
	}
	if account, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return fmt.Errorf("--job-uid %d is the user %s: choose a number that no account has", uid, account.Username)
	}
	return nil
}
