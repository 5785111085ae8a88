package gitrepo

import (
	"bytes"
	"context"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// Move moves one ref by the server's own hand, with the objects that it needs. It is a
// push in all but the client: git checks it as one, and o is asked and told as for one.
// A refusal by Check is the error; a ref that does not stand where the update says, or
// that git does not move, is a Conflict.
func (g *Git) Move(ctx context.Context, id int64, u actions.RefUpdate, objects []NewObject, o ReceiveOptions) error {
	var packed []byte
	if !u.Deleted() {
		var err error
		if packed, err = pack(objects); err != nil {
			return err
		}
	}
	return g.move(ctx, id, u, packed, o)
}

// move is Move with the objects in a pack.
func (g *Git) move(ctx context.Context, id int64, u actions.RefUpdate, packed []byte, o ReceiveOptions) error {
	if err := CheckRef(u.Ref); err != nil {
		return err
	}
	var body bytes.Buffer
	body.Write(pktLine([]byte(u.Before + " " + u.After + " " + u.Ref + "\x00report-status")))
	body.Write(flushPacket)
	body.Write(packed)
	var (
		refused error
		moved   bool
		report  bytes.Buffer
	)
	around := ReceiveOptions{
		Check: func(ctx context.Context, updates []actions.RefUpdate, view *View) error {
			refused = o.Check(ctx, updates, view)
			return refused
		},
		Done: func(ctx context.Context, applied []actions.RefUpdate) error {
			moved = len(applied) > 0
			return o.Done(ctx, applied)
		},
	}
	if err := g.Receive(ctx, id, around, &body, &report); err != nil {
		return err
	}
	switch text := report.String(); {
	case refused != nil:
		return refused
	case moved:
		return nil
	case strings.Contains(text, "unpack ok") && strings.Contains(text, "hook declined"):
		return actions.Errorf(actions.Forbidden, "the repository takes no more: it would be larger than its limit")
	case strings.Contains(text, "unpack ok"):
		return actions.Errorf(actions.Conflict, "%s was changed by somebody else", u.Ref)
	}
	return actions.Errorf(actions.Invalid, "git does not take the objects: a name in the path is malformed")
}
