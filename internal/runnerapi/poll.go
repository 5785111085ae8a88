package runnerapi

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/runners"
	"github.com/understudy-ci/understudy/internal/wire"
)

// message serves GET message (SES-2): the poll of a runner, held until there is a
// message. 202 says that there is none; the runner asks again at once.
func (a *API) message(w http.ResponseWriter, r *http.Request) error {
	runner, err := a.callingRunner(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	m, err := a.Runners.Poll(r.Context(), runner, runners.Poll{
		Session: q.Get("sessionId"), Busy: strings.EqualFold(q.Get("status"), wire.StatusBusy),
		OS: q.Get("os"), Arch: q.Get("architecture"), Version: q.Get("runnerVersion"),
	})
	if err != nil {
		return err
	}
	if m == nil {
		w.WriteHeader(http.StatusAccepted)
		return nil
	}
	return a.writeMessage(w, r, m)
}

func (a *API) writeMessage(w http.ResponseWriter, r *http.Request, m *queue.Message) error {
	msg := wire.Message{}
	var body any
	switch {
	case m.Cancel != nil:
		msg.MessageID, msg.MessageType = wire.Int(m.Cancel.ID), wire.JobCancellationType
		body = wire.JobCancellation{JobID: m.Cancel.GUID, Timeout: wire.Duration(m.Cancel.CancelTimeout)}
	default:
		msg.MessageID, msg.MessageType = wire.Int(m.Offer.ID), wire.RunnerJobRequestType
		body = wire.RunnerJobRequest{
			ID: m.Offer.GUID, RunnerRequestID: m.Offer.GUID, ShouldAcknowledge: true,
			RunServiceURL: baseOf(r).run(), BillingOwnerID: "",
		}
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	msg.Body = string(text)
	return httpjson.Write(w, http.StatusOK, msg)
}

// acknowledge serves POST acknowledge (SES-4). A session that another one has
// replaced cannot.
func (a *API) acknowledge(w http.ResponseWriter, r *http.Request) error {
	runner, err := a.callingRunner(r)
	if err != nil {
		return err
	}
	var req wire.AcknowledgeRequest
	if err := httpjson.Decode(r, &req, 1<<16); err != nil {
		return err
	}
	if err := a.Runners.Acknowledge(r.Context(), runner, r.URL.Query().Get("sessionId"), req.RunnerRequestID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}
