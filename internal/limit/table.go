package limit

import (
	"maps"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A Name names a limit, as operators write it.
type Name string

// The limits.
const (
	AccountRequests    Name = "account-requests"
	AddressRequests    Name = "address-requests"
	JobRequests        Name = "job-requests"
	RunnerRequests     Name = "runner-requests"
	RepositoryRequests Name = "repository-requests"

	RepositoryJobs Name = "repository-jobs"

	Requests    Name = "requests"
	AllRequests Name = "all-requests"
	AllReserved Name = "all-reserved"
	Streams     Name = "streams"
	AllStreams  Name = "all-streams"
	Fetches     Name = "fetches"
	AllFetches  Name = "all-fetches"
	Pushes      Name = "pushes"
	AllPushes   Name = "all-pushes"

	Bytes    Name = "bytes"
	AllBytes Name = "all-bytes"

	Connections    Name = "connections"
	AllConnections Name = "all-connections"
)

// An Entry is a limit of the table.
type Entry struct {
	Name    Name
	Default int // 0 for what the server finds out at its start
	Unit    string
	Help    string
}

// Table has all limits.
var Table = []Entry{
	{AccountRequests, 100, "a second", "requests of an account"},
	{AddressRequests, 50, "a second", "requests of an address that has not signed in; of IPv6, of a /64 network"},
	{JobRequests, 100, "a second", "requests of a job, with its tokens"},
	{RunnerRequests, 50, "a second", "requests of a runner"},
	{RepositoryRequests, 500, "a second", "requests by signed URLs of logs, artifacts, caches and actions of a repository"},

	{RepositoryJobs, 200, "a second", "jobs of new runs by pushes to a repository, and by an account; the next runs come later, and none is lost"},

	{Requests, 100, "at once", "requests of a caller that are answered; by signed URLs, five times as many of a repository"},
	{AllRequests, 2000, "at once", "requests of all callers"},
	{AllReserved, 20_000, "at once", "requests of runners and their jobs, for which this room is kept"},
	{Streams, 100, "at once", "pages of a caller that are open live, and consoles of a job"},
	{AllStreams, 2048, "at once", "those of all callers"},
	{Fetches, 16, "at once", "clones, fetches, archives and raw files of a caller; the next ones wait"},
	{AllFetches, 64, "at once", "those of all callers"},
	{Pushes, 8, "at once", "pushes of a caller; the next ones wait"},
	{AllPushes, 32, "at once", "those of all callers"},

	{Bytes, 64 << 20, "bytes", "requests and responses of a caller that are in memory because the rest of them is not sent or taken"},
	{AllBytes, 256 << 20, "bytes", "those of all callers"},

	{Connections, 1000, "at once", "connections from an address"},
	{AllConnections, 0, "at once", "connections from all addresses, with an eighth of them kept for runners and /healthz; by default half of the files that the server may have open, at most 10,000"},
}

// Values are limits that differ from the table, or all of them.
type Values map[Name]int

// Defaults are the values of the table.
func Defaults() Values {
	v := make(Values, len(Table))
	for _, e := range Table {
		v[e.Name] = e.Default
	}
	return v
}

// With are the values with others in place of some. A name that is none, or a value
// below 1, is Invalid.
func (v Values) With(others map[string]int64) (Values, error) {
	all := maps.Clone(v)
	for name, n := range others {
		if _, ok := all[Name(name)]; !ok {
			return nil, actions.Errorf(actions.Invalid, "%.50q is not a limit: there are %s", name, names())
		}
		if n < 1 || n > maxValue {
			return nil, actions.Errorf(actions.Invalid, "%s must be from 1 to %d, not %d", name, int64(maxValue), n)
		}
		all[Name(name)] = int(n)
	}
	return all, nil
}

const maxValue = 1 << 40

func names() string {
	list := make([]string, 0, len(Table))
	for _, e := range Table {
		list = append(list, string(e.Name))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// Get is the value of a limit.
func (v Values) Get(n Name) int { return v.get(n) }

func (v Values) get(n Name) int { return v[n] }

// A Work is what takes its time.
type Work string

// The kinds of work.
const (
	Answer   Work = "requests"
	Reserved Work = "requests of runners"
	Stream   Work = "streams"
	Fetch    Work = "fetches"
	Push     Work = "pushes"
)

type workLimits struct {
	work      Work
	each, all Name
}

var works = []workLimits{
	{Answer, Requests, AllRequests},
	{Reserved, Requests, AllReserved},
	{Stream, Streams, AllStreams},
	{Fetch, Fetches, AllFetches},
	{Push, Pushes, AllPushes},
}

var worksBy = func() map[Work]workLimits {
	by := make(map[Work]workLimits, len(works))
	for _, w := range works {
		by[w.work] = w
	}
	return by
}()

// rates are the limits of how often callers come.
var rates = map[Kind]Name{
	Account: AccountRequests, Address: AddressRequests, Job: JobRequests, Runner: RunnerRequests, Repository: RepositoryRequests,
}
