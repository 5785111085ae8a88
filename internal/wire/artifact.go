package wire

// ArtifactService is the Twirp service of artifacts, and the rest its methods.
const (
	ArtifactService = "github.actions.results.api.v1.ArtifactService"

	CreateArtifact       = "CreateArtifact"
	FinalizeArtifact     = "FinalizeArtifact"
	ListArtifacts        = "ListArtifacts"
	GetSignedArtifactURL = "GetSignedArtifactURL"
	DeleteArtifact       = "DeleteArtifact"
)

// A CreateArtifactRequest asks for a URL to upload a new artifact to.
type CreateArtifactRequest struct {
	ResultsIDs
	Name      string `json:"name"`
	ExpiresAt Time   `json:"expires_at,omitzero"` // zero for the repository's own time
	Version   Int    `json:"version"`             // 4, or 7 with MimeType
	MimeType  string `json:"mime_type,omitempty"` // of what is uploaded; empty for a zip archive
}

// A CreateArtifactResponse gives that URL.
type CreateArtifactResponse struct {
	OK              bool   `json:"ok"`
	SignedUploadURL string `json:"signed_upload_url"`
}

// A FinalizeArtifactRequest says that an artifact is complete.
type FinalizeArtifactRequest struct {
	ResultsIDs
	Name string    `json:"name"`
	Size IntString `json:"size"`           // bytes; left out for none
	Hash string    `json:"hash,omitempty"` // "sha256:…", or empty
}

// An ArtifactIDResponse answers FinalizeArtifact and DeleteArtifact.
type ArtifactIDResponse struct {
	OK         bool      `json:"ok"`
	ArtifactID IntString `json:"artifact_id"`
}

// A ListArtifactsRequest asks for the artifacts of the run.
type ListArtifactsRequest struct {
	ResultsIDs
	NameFilter *string    `json:"name_filter,omitempty"`
	IDFilter   *IntString `json:"id_filter,omitempty"`
}

// A ListArtifactsResponse has the artifacts of all attempts; nil is not a list.
type ListArtifactsResponse struct {
	Artifacts []Artifact `json:"artifacts"`
}

// An Artifact is one entry of a list. Clients send its ids and its name back to
// get or delete it.
type Artifact struct {
	ResultsIDs           // the caller's run, and the job that made it
	DatabaseID IntString `json:"database_id"`
	Name       string    `json:"name"`
	Size       IntString `json:"size"`
	CreatedAt  Time      `json:"created_at"`
	Digest     string    `json:"digest,omitempty"` // "sha256:…"
}

// An ArtifactRequest names an artifact for GetSignedArtifactURL and DeleteArtifact.
type ArtifactRequest struct {
	ResultsIDs
	Name string `json:"name"`
}

// A SignedURLResponse is where an artifact can be read.
type SignedURLResponse struct {
	SignedURL string `json:"signed_url"`
}

// ActionsStorage is the one type of artifacts of version 3.
const ActionsStorage = "actions_storage"

// A CreateArtifactV3 begins an artifact of version 3.
type CreateArtifactV3 struct {
	Type          string `json:"Type"`
	Name          string `json:"Name"`
	RetentionDays Int    `json:"RetentionDays,omitzero"`
}

// A FinishArtifactV3 ends it.
type FinishArtifactV3 struct {
	Size Int `json:"Size"` // bytes of all files, uncompressed
}

// An ArtifactV3 is an artifact as version 3 shows it.
type ArtifactV3 struct {
	ContainerID              int64   `json:"containerId"`
	Size                     int64   `json:"size"` // -1 while it is being uploaded
	SignedContent            *string `json:"signedContent"`
	FileContainerResourceURL string  `json:"fileContainerResourceUrl"` // takes ?itemPath=
	Type                     string  `json:"type"`
	Name                     string  `json:"name"`
	URL                      string  `json:"url"`
}

// A List is what version 3 answers where there are many.
type List[T any] struct {
	Count int `json:"count"`
	Value []T `json:"value"`
}

// A ContainerItem is one file of an [ArtifactV3].
type ContainerItem struct {
	ContainerID     int64  `json:"containerId"`
	Path            string `json:"path"`     // the artifact's name, a slash, and the file's path
	ItemType        string `json:"itemType"` // "file"
	Status          string `json:"status"`   // "created"
	FileLength      int64  `json:"fileLength"`
	ContentLocation string `json:"contentLocation"`
}
