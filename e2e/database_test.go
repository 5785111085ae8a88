package e2e_test

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// A database is a PostgreSQL server of a test's own, which can be stopped.
type database struct {
	t      *testing.T
	url    string
	dir    string // of its files
	server *exec.Cmd
}

// newDatabase skips the test where PostgreSQL is not installed.
func newDatabase(t *testing.T) *database {
	t.Helper()
	hold := exec.CommandContext(t.Context(), "../scripts/with-postgres", "sh", "-c", `echo "$UNDERSTUDY_TEST_POSTGRES"; exec cat`)
	in, err := hold.StdinPipe() // it ends when this is closed
	if err != nil {
		t.Fatal(err)
	}
	hold.Cancel = in.Close
	out, err := hold.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := hold.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = hold.Wait() // how it ended tells nothing
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		if os.Getenv("UNDERSTUDY_TEST_REQUIRE_POSTGRES") != "" {
			t.Fatal("PostgreSQL does not start")
		}
		t.Skip("PostgreSQL does not start here")
	}
	d := &database{t: t, url: strings.TrimSpace(line) + "&synchronous_commit=on"} // what is committed survives a crash
	conn, err := pgx.Connect(t.Context(), d.url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), "show data_directory").Scan(&d.dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.signal(syscall.SIGCONT) })
	return d
}

// pids are the processes of the server, the first of them first; none while it is
// stopped.
func (d *database) pids() []int {
	text, err := os.ReadFile(filepath.Join(d.dir, "postmaster.pid"))
	if err != nil {
		return nil
	}
	first, _, _ := strings.Cut(string(text), "\n")
	main, err := strconv.Atoi(first)
	if err != nil {
		return nil
	}
	pids := []int{main}
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err == nil && len(fields) > 1 && string(fields[1]) == first {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (d *database) signal(which syscall.Signal) {
	for _, pid := range d.pids() {
		_ = syscall.Kill(pid, which) // an error is that it has ended
	}
}

// freeze makes it take connections and say nothing, until thaw.
func (d *database) freeze() { d.signal(syscall.SIGSTOP) }

func (d *database) thaw() { d.signal(syscall.SIGCONT) }

// crash stops it at once: nobody is told, and it has to recover when it starts.
func (d *database) crash() {
	d.t.Helper()
	pids := d.pids()
	if len(pids) == 0 {
		d.t.Fatal("PostgreSQL does not run")
	}
	if err := syscall.Kill(pids[0], syscall.SIGQUIT); err != nil {
		d.t.Fatal(err)
	}
	if d.server != nil {
		_ = d.server.Wait() // it was told to end so
	}
	until(d.t, "PostgreSQL does not stop", func() bool { return len(d.pids()) == 0 })
}

// start starts it again with the same options.
func (d *database) start() {
	d.t.Helper()
	command := string(read(d.t, filepath.Join(d.dir, "postmaster.opts")))
	d.server = exec.CommandContext(d.t.Context(), "sh", "-c", "exec "+command)
	d.server.Dir = "/"
	d.server.Cancel = func() error { return d.server.Process.Signal(syscall.SIGQUIT) }
	if info, err := os.Stat(d.dir); err == nil && os.Geteuid() == 0 { // as root it does not start
		if owner, ok := info.Sys().(*syscall.Stat_t); ok {
			d.server.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
		}
	}
	log, err := os.OpenFile(filepath.Join(filepath.Dir(d.dir), "log"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	defer log.Close() // the process has its own
	d.server.Stdout, d.server.Stderr = log, log
	if err := d.server.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = d.server.Wait() }) // the context of the test has ended
	until(d.t, "PostgreSQL does not start", func() bool {
		conn, err := pgx.Connect(d.t.Context(), d.url)
		return err == nil && conn.Close(d.t.Context()) == nil
	})
}
