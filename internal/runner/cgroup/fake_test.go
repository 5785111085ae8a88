package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A fake is a directory with files as a system of cgroups has them. Nothing looks
// at what is written there.
type fake struct {
	t   *testing.T
	dir string
}

// newFake makes files, with the text that each has.
func newFake(t *testing.T, files map[string]string) *fake {
	t.Helper()
	f := &fake{t, t.TempDir()}
	for name, text := range files {
		path := filepath.Join(f.dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// system is that of a process with these lines; DIR is the directory of the fake.
// The groups in delegated were handed over.
func (f *fake) system(groups, mounts string, root bool, delegated ...string) System {
	return System{
		groups: groups, mounts: strings.ReplaceAll(mounts, "DIR", f.dir), root: root,
		delegated: func(dir string) bool {
			for _, d := range delegated {
				if dir == filepath.Join(f.dir, d) {
					return true
				}
			}
			return false
		},
	}
}

// text is what a file holds, "" if it is not there.
func (f *fake) text(name string) string {
	text, _ := os.ReadFile(filepath.Join(f.dir, name)) // not there
	return string(text)
}

const (
	mountsOfOne = `31 23 0:28 / DIR rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / DIR/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / DIR/memory rw,relatime - cgroup cgroup rw,memory
39 31 0:36 / DIR/pids rw,relatime - cgroup cgroup rw,pids
40 31 0:37 / DIR/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / DIR/unified rw,relatime - cgroup2 cgroup2 rw
`
	mountsOfTwo = "31 23 0:28 / DIR rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
	all         = "cpuset cpu io memory pids"
)

// file is a file for a group that is there.
const file = "tasks"

func TestWhereGroupsAreMade(t *testing.T) {
	one := map[string]string{"memory/box/" + file: "", "cpu,cpuacct/" + file: "", "pids/x y/" + file: "", "unified/" + file: "", "unified/" + controllersFile: ""}
	for _, c := range []struct {
		name   string
		files  map[string]string
		groups string
		mounts string
		root   bool
		given  []string          // groups that were handed over
		want   map[string]string // by directory, the controllers of groups there
		refuse string
		wrote  map[string]string
	}{
		{
			"version 1", one, "9:name=systemd:/\n8:pids:/x y\n4:memory:/box\n2:cpu,cpuacct:/\n0::/\n", mountsOfOne, true, nil,
			map[string]string{"memory/box": "1 memory", "cpu,cpuacct": "1 cpu", "pids/x y": "1 pids"},
			"", nil,
		},
		{
			"version 1, in a container",
			map[string]string{"memory/" + file: "", "cpu,cpuacct/" + file: "", "pids/" + file: ""},
			"8:pids:/docker/1\n4:memory:/docker/1\n2:cpu,cpuacct:/docker/1\n",
			strings.NewReplacer(" / DIR/", " /docker/1 DIR/").Replace(mountsOfOne), true, nil,
			map[string]string{"memory": "1 memory", "cpu,cpuacct": "1 cpu", "pids": "1 pids"},
			"", nil,
		},
		{"version 1, out of sight", one, "8:pids:/../other\n4:memory:/box\n2:cpu,cpuacct:/\n", mountsOfOne, true, nil, nil, "cannot be seen", nil},
		{
			"version 1, all in one tree",
			map[string]string{"all/a/" + file: ""},
			"2:cpu,memory,pids:/a\n", "32 31 0:29 / DIR/all rw - cgroup cgroup rw,cpu,memory,pids\n", true, nil,
			map[string]string{"all/a": "1 memory,cpu,pids"},
			"", nil,
		},
		{
			"both, memory of version 2",
			map[string]string{"cpu/" + file: "", "pids/" + file: "", "unified/" + controllersFile: "memory hugetlb", "unified/" + subtreeFile: "memory"},
			"2:cpu:/\n1:pids:/\n0::/a\n",
			"1 1 0:1 / DIR/cpu rw - cgroup cgroup rw,cpu\n1 1 0:2 / DIR/pids rw - cgroup cgroup rw,pids\n1 1 0:3 / DIR/unified rw - cgroup2 cgroup2 rw\n", true, nil,
			map[string]string{"cpu": "1 cpu", "pids": "1 pids", "unified": "2 memory"},
			"",
			map[string]string{"unified/" + subtreeFile: "memory"},
		},
		{"nothing", nil, "", "25 1 8:1 / / rw - ext4 /dev/sda rw\n", true, nil, nil, "no cgroups", nil},
		{
			"root's tree",
			map[string]string{controllersFile: all, subtreeFile: "memory\n", "system.slice/x.service/" + typeFile: "domain"},
			"0::/system.slice/x.service\n", mountsOfTwo, true, nil,
			map[string]string{"": "2 memory,cpu,pids"},
			"",
			map[string]string{subtreeFile: "+cpu +pids"},
		},
		{
			"a service's subgroup",
			map[string]string{
				"x.service/" + controllersFile: all, "x.service/" + subtreeFile: "cpu memory pids\n", "x.service/main/" + typeFile: "domain",
			},
			"0::/x.service/main\n", mountsOfTwo, false,
			[]string{"x.service"},
			map[string]string{"x.service": "2 memory,cpu,pids"},
			"",
			map[string]string{"x.service/" + subtreeFile: "cpu memory pids\n"},
		},
		{
			"a service that has its group",
			map[string]string{"x.service/" + controllersFile: all, "x.service/" + subtreeFile: ""},
			"0::/x.service\n", mountsOfTwo, false,
			[]string{"x.service"},
			map[string]string{"x.service": "2 memory,cpu,pids"},
			"",
			map[string]string{"x.service/" + subtreeFile: "+memory +cpu +pids"},
		},
		{
			"a container's tree",
			map[string]string{controllersFile: all, subtreeFile: "", typeFile: "domain"},
			"0::/\n", mountsOfTwo, true, nil,
			map[string]string{"": "2 memory,cpu,pids"},
			"",
			map[string]string{subtreeFile: "+memory +cpu +pids"},
		},
		{
			"somebody else's",
			map[string]string{"user.slice/s/" + controllersFile: all, "user.slice/s/" + subtreeFile: ""},
			"0::/user.slice/s\n", mountsOfTwo, false, nil,
			nil, "Delegate=yes",
			map[string]string{"user.slice/s/" + subtreeFile: ""},
		},
		{
			"a controller is missing",
			map[string]string{"x.service/" + controllersFile: "memory pids", "x.service/" + subtreeFile: ""},
			"0::/x.service\n", mountsOfTwo, false,
			[]string{"x.service"},
			nil, "does not have the controller cpu",
			map[string]string{"x.service/" + subtreeFile: ""},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t, c.files)
			places, err := f.system(c.groups, c.mounts, c.root, c.given...).places([]controller{memory, cpu, pids})
			got := map[string]string{}
			for _, p := range places {
				dir, relErr := filepath.Rel(f.dir, p.dir)
				if relErr != nil {
					t.Fatal(relErr)
				}
				got[strings.TrimPrefix(dir, ".")] = string('0'+rune(p.version)) + " " + join(p.controllers, ",")
			}
			if c.want == nil {
				c.want = map[string]string{}
			}
			if diff := cmp.Diff(c.want, got); diff != "" || (err != nil) != (c.refuse != "") || err != nil && !strings.Contains(err.Error(), c.refuse) {
				t.Errorf("error %v, want %q; places (-want +got):\n%s", err, c.refuse, diff)
			}
			for name, want := range c.wrote {
				if got := f.text(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

// Systems write spaces in paths, and some other characters, as octal numbers.
func TestMountPointsMayHaveSpaces(t *testing.T) {
	f := newFake(t, map[string]string{"my groups/a/" + file: ""})
	places, err := f.system("3:pids:/a\n", `35 31 0:32 / DIR/my\040groups rw - cgroup cgroup rw,pids`+"\n", true).places([]controller{pids})
	if err != nil || len(places) != 1 || places[0].dir != filepath.Join(f.dir, "my groups/a") {
		t.Errorf("%v, %v", places, err)
	}
}

func TestLimitsAreWrittenAsEachVersionHasThem(t *testing.T) {
	l := Limits{Memory: 512 << 20, CPUs: 1.5, Processes: 300}
	for _, c := range []struct {
		name, groups, mounts string
		files, want          map[string]string
	}{
		{
			"version 1", "3:pids:/\n2:memory:/\n1:cpu:/\n",
			"1 1 0:1 / DIR/cpu rw - cgroup cgroup rw,cpu\n1 1 0:2 / DIR/pids rw - cgroup cgroup rw,pids\n1 1 0:3 / DIR/memory rw - cgroup cgroup rw,memory\n",
			map[string]string{"cpu/" + file: "", "memory/" + file: "", "pids/" + file: ""},
			map[string]string{
				"memory/*/g/memory.limit_in_bytes": "536870912", "cpu/*/g/cpu.cfs_period_us": "100000", "cpu/*/g/cpu.cfs_quota_us": "150000", "pids/*/g/pids.max": "300",
				"memory/*/g/cgroup.procs": "77", "cpu/*/g/cgroup.procs": "77", "pids/*/g/cgroup.procs": "77",
			},
		},
		{
			"version 2", "0::/\n", mountsOfTwo,
			map[string]string{controllersFile: all, subtreeFile: all},
			map[string]string{"*/g/memory.max": "536870912", "*/g/cpu.max": "150000 100000", "*/g/pids.max": "300", "*/g/cgroup.procs": "77", "*/" + subtreeFile: "+memory +cpu +pids"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t, c.files)
			p, err := Find(f.system(c.groups, c.mounts, true), l)
			if err != nil {
				t.Fatal(err)
			}
			for _, dir := range p.Dirs() { // what a system has in a new group of version 2
				err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, controllersFile), []byte(all), 0o600), os.WriteFile(filepath.Join(dir, subtreeFile), nil, 0o600))
				if err != nil {
					t.Fatal(err)
				}
			}
			for _, b := range p.branches {
				if b.version == two {
					if err := enable(b.dir, b.controllers); err != nil {
						t.Fatal(err)
					}
				}
			}
			g, err := p.Make("g")
			if err == nil {
				err = g.Add(77)
			}
			if err != nil {
				t.Fatal(err)
			}
			for pattern, want := range c.want {
				names, err := filepath.Glob(filepath.Join(f.dir, pattern))
				if err != nil || len(names) != 1 {
					t.Errorf("%s: %q, %v", pattern, names, err)
					continue
				}
				if text, err := os.ReadFile(names[0]); err != nil || string(text) != want {
					t.Errorf("%s: %q, %v, want %q", pattern, text, err, want)
				}
			}
		})
	}
}

func TestEventsAreReadAsEachVersionHasThem(t *testing.T) {
	f := newFake(t, map[string]string{
		"one/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", "pids/pids.events": "max 12\n",
		"two/memory.events": "low 0\nhigh 0\nmax 44\noom 5\noom_kill 2\noom_group_kill 0\n", "two/pids.events": "max 9\n",
	})
	at := func(dir string, v version, c ...controller) branch {
		return branch{filepath.Join(f.dir, dir), v, c}
	}
	for _, c := range []struct {
		g    *Group
		want Events
	}{
		{&Group{[]branch{at("one", one, memory), at("pids", one, pids)}}, Events{3, 12}},
		{&Group{[]branch{at("two", two, memory, cpu, pids)}}, Events{2, 9}},
		{&Group{[]branch{at("gone", two, memory, pids)}}, Events{}},
		{nil, Events{}},
	} {
		if got := c.g.Events(); got != c.want {
			t.Errorf("got %+v, want %+v", got, c.want)
		}
	}
}

// A group of version 2 with processes cannot have groups with limits below it.
func TestProcessesMakeRoomForGroups(t *testing.T) {
	f := newFake(t, map[string]string{"x/cgroup.procs": "0\n41\n"})
	if err := vacate(filepath.Join(f.dir, "x")); err != nil {
		t.Fatal(err)
	}
	if got := f.text("x/understudy/cgroup.procs"); got != "41" {
		t.Errorf("below it is %q, want the process that has a number here", got)
	}
}

func TestOnlyOwnGroupsAreRemoved(t *testing.T) {
	f := newFake(t, map[string]string{"other/" + file: ""})
	for _, dir := range []string{filepath.Join(f.dir, "other"), "understudy-1", "", "/"} {
		if err := Remove([]string{dir}); err == nil || !strings.Contains(err.Error(), "not one of ours") {
			t.Errorf("%q: %v", dir, err)
		}
	}
	left := filepath.Join(f.dir, prefix+"1")
	if err := os.MkdirAll(filepath.Join(left, "7"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Remove([]string{left, left}); err != nil { // the second time it is gone
		t.Error(err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("it is there")
	}
}

func TestLimitsThatMakeNoSenseAreRefused(t *testing.T) {
	for _, c := range []struct {
		limits Limits
		want   string // in the error; "" for none
		text   string
	}{
		{Limits{}, "", ""},
		{Limits{Processes: Unsaid}, "", ""},
		{Limits{Memory: 1536 << 20, CPUs: 0.5, Processes: 64}, "", "1536 MiB of memory, 0.5 CPUs, 64 processes"},
		{Limits{Memory: 4_000_000_001}, "", "4000000001 bytes of memory"},
		{Limits{Memory: 2 << 30}, "", "2 GiB of memory"},
		{Limits{Memory: 1}, "--job-memory must be from 64 MiB", ""},
		{Limits{Memory: -1}, "--job-memory", ""},
		{Limits{Memory: 1<<50 + 1}, "--job-memory", ""},
		{Limits{CPUs: 0.001}, "--job-cpus must be from 0.01", ""},
		{Limits{CPUs: -2}, "--job-cpus", ""},
		{Limits{CPUs: 1e300}, "--job-cpus", ""},
		{Limits{CPUs: zero() / zero()}, "--job-cpus", ""},
		{Limits{Processes: 1}, "--job-processes must be from 64", ""},
		{Limits{Processes: -2}, "--job-processes", ""},
		{Limits{Processes: 1 << 30}, "--job-processes", ""},
	} {
		err := c.limits.Check()
		if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.limits, err, c.want)
		}
		if got := c.limits.String(); err == nil && got != c.text {
			t.Errorf("%+v is %q, want %q", c.limits, got, c.text)
		}
	}
}

// zero is not a constant: divided by itself it is no number.
func zero() float64 { return 0 }

// Nobody has asked for the limit that is there without a flag.
func TestOnlyLimitsThatWereAskedForMustBePossible(t *testing.T) {
	s := newFake(t, nil).system("", "", true)
	if l, err := Settle(s, Limits{Processes: Unsaid}); err != nil || l.Asked() {
		t.Errorf("nothing asked for: %+v, %v", l, err)
	}
	if _, err := Settle(s, Limits{Memory: 1 << 30, Processes: Unsaid}); err == nil || !strings.Contains(err.Error(), "--job-memory: no such limit") {
		t.Errorf("memory: %v", err)
	}
	if _, err := Settle(s, Limits{CPUs: 1, Processes: 100}); err == nil || !strings.Contains(err.Error(), "--job-cpus, --job-processes: ") {
		t.Errorf("both others: %v", err)
	}
}
