package runnerapi

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/httpjson"
)

// An independent runner in Go registers with the new protocol and then opens a
// session of the old one; these two routes send it on to the broker (OLD-2).

// sessionsResource is the id by which clients of the old protocol look up the path of sessions.
const sessionsResource = "134e239e-2df3-4794-a6f6-24f1f19ec8dc"

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
		LocationServiceData: locationServiceData{ServiceDefinitions: []serviceDefinition{{
			ServiceType: "distributedtask", Identifier: sessionsResource, DisplayName: "sessions",
			RelativePath:      "_apis/{area}/pools/{poolId}/{resource}/{sessionId}",
			RelativeToSetting: "fullyQualified", ResourceVersion: 1,
			MinVersion: "1.0", MaxVersion: "6.0", ReleasedVersion: "6.0",
		}}},
	})
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
