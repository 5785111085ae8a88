package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func TestThatARunnerWasDeletedIsRememberedForItsTime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, now := t.Context(), time.Now()
		deleted := func(r *actions.Runner) bool {
			t.Helper()
			is, err := st.RunnerDeleted(ctx, r.ClientID)
			if err != nil {
				t.Fatal(err)
			}
			return is
		}
		stays := &actions.Runner{Name: "stays", ClientID: uuid.NewString(), PublicKey: []byte{1}}
		once := &actions.Runner{Name: "once", ClientID: uuid.NewString(), PublicKey: []byte{1}, Ephemeral: true}
		for _, r := range []*actions.Runner{stays, once} {
			if err := st.CreateRunner(ctx, r); err != nil {
				t.Fatal(err)
			}
			if deleted(r) {
				t.Errorf("%s is not deleted yet", r.Name)
			}
			if err := st.DeleteRunner(ctx, r.ID); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			after       time.Duration
			stays, once bool
		}{
			{23 * time.Hour, true, true},
			{25 * time.Hour, true, false},
			{89 * 24 * time.Hour, true, false},
			{91 * 24 * time.Hour, false, false},
		} {
			if err := st.ForgetDeletedRunners(ctx, now.Add(c.after)); err != nil {
				t.Fatal(err)
			}
			if deleted(stays) != c.stays || deleted(once) != c.once {
				t.Errorf("after %v: that they were deleted is known of the one %t, of the one for a job %t", c.after, deleted(stays), deleted(once))
			}
		}
	})
}

func TestSoManyDeletedRunnersAreRemembered(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		_, err := st.ExecText(ctx, `insert into deleted_runners (client_id, expires_at)
			with recursive n (i) as (select cast(0 as bigint) union all select i + 1 from n where i + 1 < $1)
			select 'client-' || i, $2 + i from n`, int64(actions.MaxDeletedRunners+10), time.Now().Add(time.Hour).UnixMicro())
		if err != nil {
			t.Fatal(err)
		}
		if err := st.ForgetDeletedRunners(ctx, time.Now()); err != nil {
			t.Fatal(err)
		}
		for client, want := range map[string]bool{"client-0": false, "client-9": false, "client-10": true, "client-100009": true} {
			if is, err := st.RunnerDeleted(ctx, client); err != nil || is != want {
				t.Errorf("%s: %t, %v", client, is, err)
			}
		}
	})
}
