package shape

import (
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
)

// NoReply is the address that stands for a person's own where others read it, as in
// the payloads of events: GitHub's form, at this server. Mail to it goes nowhere. An
// organization has none.
func NoReply(b Base, a *actions.Account) *string {
	if a.Type != actions.User {
		return nil
	}
	address := strconv.FormatInt(a.ID, 10) + "+" + a.Login + "@users.noreply." + b.Hostname()
	return &address
}
