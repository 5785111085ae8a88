package selfhostedrunners

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/httpjson"
)

// runnerVersion is the version of GitHub's runner that this server was tried with.
const runnerVersion = "2.336.0"

// applications are the systems for which GitHub makes its runner.
var applications = []struct{ os, arch, ending string }{
	{"osx", "x64", "tar.gz"},
	{"osx", "arm64", "tar.gz"},
	{"linux", "x64", "tar.gz"},
	{"linux", "arm64", "tar.gz"},
	{"linux", "arm", "tar.gz"},
	{"win", "x64", "zip"},
	{"win", "arm64", "zip"},
}

type applicationJSON struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
	DownloadURL  string `json:"download_url"`
	Filename     string `json:"filename"`
}

// listDownloads serves GET …/actions/runners/downloads: the archives are GitHub's own, and
// on GitHub.
func (p *page) listDownloads(w http.ResponseWriter, _ *http.Request) error {
	list := make([]applicationJSON, len(applications))
	for i, a := range applications {
		file := "actions-runner-" + a.os + "-" + a.arch + "-" + runnerVersion + "." + a.ending
		list[i] = applicationJSON{a.os, a.arch, "https://github.com/actions/runner/releases/download/v" + runnerVersion + "/" + file, file}
	}
	return httpjson.Write(w, http.StatusOK, list)
}
