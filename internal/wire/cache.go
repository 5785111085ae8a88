package wire

// CacheService is the Twirp service of caches, and the rest its methods.
const (
	CacheService = "github.actions.results.api.v1.CacheService"

	CreateCacheEntry         = "CreateCacheEntry"
	FinalizeCacheEntryUpload = "FinalizeCacheEntryUpload"
	GetCacheEntryDownloadURL = "GetCacheEntryDownloadURL"
)

// What messages about caches say, for clients look for these words.
const (
	CacheWriteDenied = "cache write denied:" // the message begins with it: a rule, not a failure
	CacheReadDenied  = "cache read denied:"
	CacheExists      = "cache entry with the same key, version, and scope already exists"
	CacheExistsType  = "ArtifactCacheItemAlreadyExistsException" // holds what clients of version 1 look for
)

// A CreateCacheEntryRequest asks for a URL to upload a new cache to.
type CreateCacheEntryRequest struct {
	Key     string `json:"key"`
	Version string `json:"version"`
}

// A CreateCacheEntryResponse gives that URL, or says why there is none.
type CreateCacheEntryResponse struct {
	OK              bool   `json:"ok"`
	SignedUploadURL string `json:"signed_upload_url,omitempty"`
	Message         string `json:"message,omitempty"`
}

// A FinalizeCacheEntryUploadRequest says that a cache is complete.
type FinalizeCacheEntryUploadRequest struct {
	Key       string    `json:"key"`
	Version   string    `json:"version"`
	SizeBytes IntString `json:"size_bytes"` // left out for none
}

// A FinalizeCacheEntryUploadResponse names the cache, or says why there is none.
type FinalizeCacheEntryUploadResponse struct {
	OK      bool      `json:"ok"`
	EntryID IntString `json:"entry_id,omitzero"`
	Message string    `json:"message,omitempty"`
}

// A GetCacheEntryDownloadURLRequest searches a cache.
type GetCacheEntryDownloadURLRequest struct {
	Key         string   `json:"key"`
	RestoreKeys []string `json:"restore_keys,omitempty"`
	Version     string   `json:"version"`
}

// A GetCacheEntryDownloadURLResponse is where the cache can be read; not OK for none.
type GetCacheEntryDownloadURLResponse struct {
	OK                bool   `json:"ok"`
	SignedDownloadURL string `json:"signed_download_url,omitempty"`
	MatchedKey        string `json:"matched_key,omitempty"`
}

// A CacheEntryV1 is a cache as version 1 shows it.
type CacheEntryV1 struct {
	CacheKey        string `json:"cacheKey"`
	Scope           string `json:"scope"`
	CacheVersion    string `json:"cacheVersion"`
	CreationTime    Time   `json:"creationTime"`
	ArchiveLocation string `json:"archiveLocation,omitempty"` // absolute, read without credentials
}

// A CacheListV1 is the caches that a job could have meant.
type CacheListV1 struct {
	TotalCount     int64          `json:"totalCount"`
	ArtifactCaches []CacheEntryV1 `json:"artifactCaches"`
}

// A ReserveCacheV1 begins a cache.
type ReserveCacheV1 struct {
	Key       string `json:"key"`
	Version   string `json:"version"`
	CacheSize Int    `json:"cacheSize,omitzero"` // bytes; 0 for not known
}

// A ReservedCacheV1 answers it.
type ReservedCacheV1 struct {
	CacheID int64 `json:"cacheId"`
}

// A CommitCacheV1 ends a cache.
type CommitCacheV1 struct {
	Size Int `json:"size"`
}

// An ErrorV1 is an error of version 1.
type ErrorV1 struct {
	Message string `json:"message"`
	TypeKey string `json:"typeKey,omitempty"`
}
