package bench

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// machine describes what the figures depend on. What cannot be found out is
// left out.
func (b *bench) machine(ctx context.Context) []Fact {
	var facts []Fact
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, Fact{name, value})
		}
	}
	add("processor", fmt.Sprintf("%s, %d cores", field("/proc/cpuinfo", "model name"), runtime.NumCPU()))
	if kb, _, ok := strings.Cut(field("/proc/meminfo", "MemTotal"), " "); ok {
		if n, err := strconv.ParseInt(kb, 10, 64); err == nil {
			add("memory", fmt.Sprintf("%.0f GiB", float64(n)/(1<<20)))
		}
	}
	add("disk", fileSystem(b.dir))
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		add("kernel", runtime.GOOS+" "+strings.TrimSpace(string(release)))
	}
	if info, err := buildinfo.ReadFile(b.Binary); err == nil {
		add("Go", strings.TrimPrefix(info.GoVersion, "go"))
	}
	add("git", strings.TrimPrefix(b.output(ctx, "git", "--version"), "git version "))
	if b.Postgres != "" {
		add("PostgreSQL", strings.TrimPrefix(b.output(ctx, "psql", "--version"), "psql (PostgreSQL) ")+", without fsync")
	}
	add("program", b.output(ctx, b.Binary, "version"))
	return facts
}

// output is the first line that a program prints.
func (b *bench) output(ctx context.Context, name string, args ...string) string {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = b.Env
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

// field is the value of the first "name: value" in a file of /proc.
func field(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// fileSystem is type and device of what is mounted above dir.
func fileSystem(dir string) string {
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return ""
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return ""
	}
	best, found := "", ""
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line) // device, mount point, type, …
		if len(f) < 3 || len(f[1]) < len(best) {
			continue
		}
		if below := strings.TrimSuffix(f[1], "/") + "/"; strings.HasPrefix(dir+"/", below) {
			best, found = f[1], f[2]+" on "+f[0]
		}
	}
	return found
}
