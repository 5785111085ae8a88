package db_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/store/db"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func TestServersKnowWhichOfThemTheyAre(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		var ahead atomic.Int64 // of the clock
		o := storetest.Options(t, url)
		o.Migrations, o.Now = testSchema, func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		n := 3
		if strings.HasPrefix(url, "sqlite:") {
			n = 1
		}
		var all []*db.DB
		for range n {
			d := openWith(t, o)
			defer run(t, d)()
			hears(t, d)
			all = append(all, d)
		}
		ranks := func() string {
			var got []string
			for _, d := range all {
				rank, of := d.Rank()
				got = append(got, fmt.Sprintf("%d of %d", rank, of))
			}
			slices.Sort(got)
			return strings.Join(got, ", ")
		}
		want := map[int]string{1: "0 of 1", 3: "0 of 3, 1 of 3, 2 of 3"}[n]
		for _, d := range all {
			d.Publish(db.Topic{Kind: apples, ID: 1})
		}
		await(t, want, func() bool { return ranks() == want })
		ahead.Add(int64(2 * time.Minute))
		if rank, of := all[0].Rank(); rank != 0 || of != 1 {
			t.Errorf("after two minutes in which it heard of nobody, it is %d of %d", rank, of)
		}
	})
}
