package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// GroupRunners lists a page of the runners of a group, by id, and how many there are.
func (q queries) GroupRunners(ctx context.Context, g *actions.RunnerGroup, p Page) ([]*actions.Runner, int, error) {
	list, total, err := runnerList.Where(`owner_id = ? and repo_id = 0 and group_id = ?`, g.Scope.OwnerID, g.ID).Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("runners of group %d: %w", g.ID, err)
	}
	return list, total, nil
}

// RunnerGroupIDs says in which group some runners are; those that are gone are missing.
func (q queries) RunnerGroupIDs(ctx context.Context, ids []int64) (map[int64]int64, error) {
	type pair struct{ runner, group int64 }
	scan := func(r db.Row) (p pair, err error) { return p, r.Scan(&p.runner, &p.group) }
	in := make(map[int64]int64, len(ids))
	for args, marks := range db.Batches(ids) {
		some, err := db.All(ctx, q.ex, scan, `select id, group_id from runners where id in (`+marks+`)`, args...)
		if err != nil {
			return nil, fmt.Errorf("groups of runners: %w", err)
		}
		for _, p := range some {
			in[p.runner] = p.group
		}
	}
	return in, nil
}

// maxGroupRunners bounds how many runners one request puts into a group.
const maxGroupRunners = 10_000

// SetGroupRunners makes runners those of a group. Those that it had go to the default
// group. A runner of another scope is Invalid.
func (tx *Tx) SetGroupRunners(ctx context.Context, g *actions.RunnerGroup, ids []int64) error {
	if len(ids) > maxGroupRunners {
		return actions.Errorf(actions.Invalid, "At most %d runners can be given", maxGroupRunners)
	}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	if err := tx.leaveGroup(ctx, g, ids); err != nil {
		return err
	}
	if err := tx.joinGroup(ctx, g.Scope, g.ID, ids, actions.Invalid); err != nil {
		return err
	}
	return tx.auditGroup(ctx, g, actions.AuditGroupRunners, "runners", strconv.Itoa(len(ids)))
}

// AddGroupRunner puts a runner of its scope into a group; another one is NotFound.
func (tx *Tx) AddGroupRunner(ctx context.Context, g *actions.RunnerGroup, id int64) error {
	if err := tx.joinGroup(ctx, g.Scope, g.ID, []int64{id}, actions.NotFound); err != nil {
		return err
	}
	return tx.auditGroup(ctx, g, actions.AuditGroupRunnerAdded, "runner_id", strconv.FormatInt(id, 10))
}

// RemoveGroupRunner puts a runner of a group into the default one. One that is not in the
// group is NotFound.
func (tx *Tx) RemoveGroupRunner(ctx context.Context, g *actions.RunnerGroup, id int64) error {
	in, err := tx.RunnerGroupIDs(ctx, []int64{id})
	if err != nil {
		return err
	}
	if in[id] != g.ID {
		return actions.Errorf(actions.NotFound, "runner %d is not in the group", id)
	}
	if err := tx.joinGroup(ctx, g.Scope, actions.DefaultGroupID, []int64{id}, actions.NotFound); err != nil {
		return err
	}
	return tx.auditGroup(ctx, g, actions.AuditGroupRunnerGone, "runner_id", strconv.FormatInt(id, 10))
}

// joinGroup puts runners of a scope into the group of the number. An error of the kind
// names the first that the scope does not have.
func (tx *Tx) joinGroup(ctx context.Context, sc actions.Scope, groupID int64, ids []int64, otherwise actions.Kind) error {
	joined := make(map[int64]bool, len(ids))
	for args, marks := range db.Batches(ids, any(sc.OwnerID), any(groupID)) {
		some, err := db.All(ctx, tx.ex, db.Value[int64], `update runners set group_id = $2 where owner_id = $1 and repo_id = 0 and id in (`+marks+`) returning id`, args...)
		if err != nil {
			return fmt.Errorf("runners of group %d: %w", groupID, err)
		}
		for _, id := range some {
			joined[id] = true
			tx.Publish(RunnerRecordTopic(id))
		}
	}
	for _, id := range ids {
		if !joined[id] {
			return actions.Errorf(otherwise, "runner %d is not there", id)
		}
	}
	tx.Publish(GroupsTopic())
	return nil
}

// leaveGroup puts the runners of a group but some, which are sorted, into the default one.
func (tx *Tx) leaveGroup(ctx context.Context, g *actions.RunnerGroup, but []int64) error {
	had, err := db.All(ctx, tx.ex, db.Value[int64], `select id from runners where owner_id = $1 and repo_id = 0 and group_id = $2`, g.Scope.OwnerID, g.ID)
	if err != nil {
		return err
	}
	had = slices.DeleteFunc(had, func(id int64) bool { _, stays := slices.BinarySearch(but, id); return stays })
	return tx.joinGroup(ctx, g.Scope, actions.DefaultGroupID, had, actions.NotFound)
}
