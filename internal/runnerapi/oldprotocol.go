package runnerapi

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/runners"
)

// An independent runner in Go registers with the new protocol and then opens a
// session of the old one; these routes send it on to the broker (OLD-2). After its
// first job it asks the old protocol for messages: it is told that its session has
// expired, and begins again.

// The ids by which clients of the old protocol look up the paths of resources.
const (
	sessionsResource = "134e239e-2df3-4794-a6f6-24f1f19ec8dc"
	messagesResource = "c3a054f6-7a8a-49c0-944e-3a8e5d7adfd7"
)

type locations struct {
	InstanceID          string              `json:"instanceId"`
	LocationServiceData locationServiceData `json:"locationServiceData"`
}

type locationServiceData struct {
	ServiceDefinitions []serviceDefinition `json:"serviceDefinitions"`
}

type serviceDefinition struct {
	ServiceType       string `json:"serviceType"`
	Identifier        string `json:"identifier"`
	DisplayName       string `json:"displayName"`
	RelativePath      string `json:"relativePath"`
	RelativeToSetting string `json:"relativeToSetting"`
	ResourceVersion   int    `json:"resourceVersion"`
	MinVersion        string `json:"minVersion"`
	MaxVersion        string `json:"maxVersion"`
	ReleasedVersion   string `json:"releasedVersion"`
}

// connectionData serves GET _apis/connectionData, to anyone (OLD-1).
func (a *API) connectionData(w http.ResponseWriter, _ *http.Request) error {
	return httpjson.Write(w, http.StatusOK, locations{
		InstanceID: "00000000-0000-0000-0000-000000000001",
		LocationServiceData: locationServiceData{ServiceDefinitions: []serviceDefinition{
			poolResource(sessionsResource, "sessions", "sessionId"),
			poolResource(messagesResource, "messages", "messageId"),
		}},
	})
}

// poolResource is where a resource of a pool is found.
func poolResource(id, name, key string) serviceDefinition {
	return serviceDefinition{
		ServiceType: "distributedtask", Identifier: id, DisplayName: name,
		RelativePath:      "_apis/{area}/pools/{poolId}/{resource}/{" + key + "}",
		RelativeToSetting: "fullyQualified", ResourceVersion: 1,
		MinVersion: "1.0", MaxVersion: "6.0", ReleasedVersion: "6.0",
	}
}

// migrateSession serves POST _apis/distributedtask/pools/{pool}/sessions: it
// opens a session like any other, and says that it is polled at the broker.
func (a *API) migrateSession(w http.ResponseWriter, r *http.Request) error {
	s, _, err := a.session(r)
	if err != nil {
		return err
	}
	type migration struct {
		BrokerBaseURL string `json:"brokerBaseUrl"`
	}
	return httpjson.Write(w, http.StatusOK, struct {
		SessionID string    `json:"sessionId"`
		OwnerName string    `json:"ownerName"`
		Migration migration `json:"brokerMigrationMessage"`
	}{s.ID, s.Owner, migration{baseOf(r).broker()}})
}

// oldMessages serves GET _apis/distributedtask/pools/{pool}/messages. Messages are
// polled at the broker, so it ends the session, for the runner to open another.
func (a *API) oldMessages(_ http.ResponseWriter, r *http.Request) error {
	runner, err := a.callingRunner(r)
	if err != nil {
		return err
	}
	if err := a.Runners.EndSession(r.Context(), runner); err != nil {
		return err
	}
	return runners.Expired(runner)
}
