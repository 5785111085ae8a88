package results

import (
	"bufio"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/artifact"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/wire"
)

const (
	runArtifacts  = legacyRoot + "pipelines/workflows/{run}/artifacts"
	containerRoot = legacyRoot + "resources/Containers/"
	containerPath = containerRoot + "{id}"
	containerFile = containerPath + "/file"
)

// artifactsV3 are the routes of upload-artifact and download-artifact v1 to v3
// (ART-10). What they keep is an artifact like any other: an archive, which they see
// as a container of files.
func (a *API) artifactsV3() map[string]handler {
	return map[string]handler{
		"POST " + runArtifacts:  a.beginV3,
		"PATCH " + runArtifacts: a.finishV3,
		"GET " + runArtifacts:   a.listV3,
		"PUT " + containerPath:  a.putV3,
		"GET " + containerPath:  a.filesV3,
		"GET " + containerFile:  a.fileV3,
	}
}

// ownRun refuses paths of other runs.
func (c *call) ownRun() error {
	if c.PathValue("run") != strconv.FormatInt(c.job.RunID, 10) {
		return actions.Errorf(actions.Forbidden, "the run is not that of the token")
	}
	return nil
}

func (a *API) beginV3(w http.ResponseWriter, c *call) error {
	var req wire.CreateArtifactV3
	if err := c.readV3(&req); err != nil {
		return err
	}
	if req.Type != wire.ActionsStorage {
		return actions.Errorf(actions.Malformed, "artifacts of type %.60q are not known", req.Type)
	}
	art, err := a.Artifacts.BeginV3(c.Context(), c.job, req.Name, int(min(max(req.RetentionDays, 0), 1<<20)))
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusCreated, a.artifactV3(c, art))
}

func (a *API) finishV3(w http.ResponseWriter, c *call) error {
	var req wire.FinishArtifactV3
	if err := c.readV3(&req); err != nil {
		return err
	}
	art, err := a.Artifacts.FinishV3(c.Context(), c.job, c.URL.Query().Get("artifactName"), int64(req.Size))
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, a.artifactV3(c, art))
}

func (c *call) readV3(v any) error {
	if err := c.ownRun(); err != nil {
		return err
	}
	return httpjson.Decode(c.Request, v, maxShortCall)
}

// listV3 shows the artifacts of the run. Clients take the first of a name, so
// the list has the newest only.
func (a *API) listV3(w http.ResponseWriter, c *call) error {
	if err := c.ownRun(); err != nil {
		return err
	}
	list, err := a.Artifacts.List(c.Context(), c.job.RunID, artifact.Filter{Name: c.URL.Query().Get("artifactName")})
	if err != nil {
		return err
	}
	newest := make(map[string]int64, len(list))
	for _, art := range list {
		newest[art.Name] = max(newest[art.Name], art.ID)
	}
	answer := wire.List[wire.ArtifactV3]{Value: []wire.ArtifactV3{}}
	for _, art := range list {
		if newest[art.Name] == art.ID {
			answer.Value = append(answer.Value, a.artifactV3(c, &art.Artifact))
		}
	}
	answer.Count = len(answer.Value)
	return httpjson.Write(w, http.StatusOK, answer)
}

func (a *API) artifactV3(c *call, art *actions.Artifact) wire.ArtifactV3 {
	base := httpjson.Base(c.Request).HTML
	v := wire.ArtifactV3{
		ContainerID: art.ID, Size: art.Size, Type: wire.ActionsStorage, Name: art.Name,
		FileContainerResourceURL: base + containerRoot + strconv.FormatInt(art.ID, 10),
		URL:                      base + strings.Replace(runArtifacts, "{run}", strconv.FormatInt(art.RunID, 10), 1) + "?artifactName=" + url.QueryEscape(art.Name),
	}
	if art.Status == actions.ArtifactPending {
		v.Size = -1
	}
	return v
}

// cutItemPath divides the itemPath of a request into the artifact's name and the
// path below it. Clients on Windows send backslashes.
func cutItemPath(item string) (name, path string) {
	name, path, _ = strings.Cut(strings.ReplaceAll(item, `\`, "/"), "/")
	return name, path
}

// putV3 takes a piece of a file.
func (a *API) putV3(w http.ResponseWriter, c *call) error {
	id, err := httpjson.PathID(c.Request, "id")
	if err != nil {
		return err
	}
	item := c.URL.Query().Get("itemPath")
	p, size, err := pieceOf(c.Request)
	if err != nil {
		return err
	}
	var name string
	if name, p.Path = cutItemPath(item); name == "" || p.Path == "" {
		return actions.Errorf(actions.Malformed, "itemPath %.100q does not name a file of an artifact", item)
	}
	content, err := checked(c.Request, c.Header.Get("X-Actions-Results-Md5"))
	if err != nil {
		return err
	}
	if err := a.Artifacts.PutV3File(c.Context(), c.job, id, p, content, size); err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusCreated, wire.ContainerItem{
		ContainerID: id, Path: name + "/" + p.Path, ItemType: "file", Status: "created", FileLength: p.Length,
	})
}

var pieceForm = regexp.MustCompile(`^bytes (\d{1,18})-(-?\d{1,18})/(\d{1,18})$`)

// pieceOf reads which bytes of a file a request brings, and how many they are.
// Content-Range is "bytes 0--1/0" for an empty file; without it the request has
// all of the file. What is compressed says how long the file is in a header of its
// own, and its ranges count compressed bytes.
func pieceOf(r *http.Request) (p artifact.Piece, size int64, err error) {
	text := r.Header.Get("Content-Range")
	if text == "" && r.ContentLength >= 0 {
		text = fmt.Sprintf("bytes 0-%d/%d", r.ContentLength-1, r.ContentLength)
	}
	m := pieceForm.FindStringSubmatch(text)
	if m == nil {
		return p, 0, actions.Errorf(actions.Malformed, "Content-Range %.60q is not one, or Content-Length is missing", text)
	}
	var n [3]int64
	for i := range n {
		n[i], _ = strconv.ParseInt(m[i+1], 10, 64) // at most 18 digits
	}
	p.Offset, p.Total, size = n[0], n[2], n[1]+1-n[0]
	if size < 0 || r.ContentLength >= 0 && r.ContentLength != size {
		return p, 0, actions.Errorf(actions.Malformed, "Content-Range %q does not fit the body", text)
	}
	p.Length = p.Total
	if p.Gzip = strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip"); p.Gzip {
		if p.Length, err = strconv.ParseInt(r.Header.Get("X-Tfs-Filelength"), 10, 64); err != nil {
			return p, 0, actions.Errorf(actions.Malformed, "X-Tfs-FileLength does not say how long the file is")
		}
	}
	return p, size, nil
}

// filesV3 lists the files of an artifact whose path the query begins. Clients take
// the list for all that there is.
func (a *API) filesV3(w http.ResponseWriter, c *call) error {
	art, err := a.container(c)
	if err != nil {
		return err
	}
	inside, err := a.Artifacts.Files(c.Context(), art)
	if err != nil {
		return err
	}
	if inside.Truncated {
		return actions.Errorf(actions.Invalid, "artifact %d has too many files for version 3 of the protocol: download it by version 4", art.ID)
	}
	want := strings.ReplaceAll(c.URL.Query().Get("itemPath"), `\`, "/")
	at := httpjson.Base(c.Request).HTML + containerRoot + strconv.FormatInt(art.ID, 10) + "/file?itemPath="
	return a.sendItems(w, c, func(yield func(wire.ContainerItem) bool) {
		for _, f := range inside.Files {
			item := art.Name + "/" + f.Path
			if f.Type != artifact.Regular || f.Renamed {
				continue
			}
			if want != "" && item != want && !strings.HasPrefix(item, strings.TrimSuffix(want, "/")+"/") {
				continue
			}
			if !yield(wire.ContainerItem{
				ContainerID: art.ID, Path: item, ItemType: "file", Status: "created", FileLength: f.Size, ContentLocation: at + url.QueryEscape(item),
			}) {
				return
			}
		}
	})
}

// sendItems answers with a [wire.List] of items, one after the other: hostile names
// make one of 40 MB, which nobody should hold for a client that does not read.
func (a *API) sendItems(w http.ResponseWriter, c *call, items iter.Seq[wire.ContainerItem]) error {
	w.Header().Set("Content-Type", httpjson.ContentType)
	s := &sender{ResponseWriter: w}
	out := bufio.NewWriter(s)
	_, err := out.WriteString(`{"value":[`)
	n := 0
	for item := range items {
		var text []byte
		if text, err = httpjson.Marshal(item); err != nil {
			break
		}
		if n++; n > 1 {
			text = append([]byte(","), text...)
		}
		if _, err = out.Write(text); err != nil {
			break
		}
	}
	if err == nil {
		_, _ = fmt.Fprintf(out, `],"count":%d}`, n) // Flush says so if it fails
		err = out.Flush()
	}
	s.end()
	return a.broken(c.Request, err)
}

// fileV3 serves one file of an artifact, as it was before it was compressed.
func (a *API) fileV3(w http.ResponseWriter, c *call) error {
	art, err := a.container(c)
	if err != nil {
		return err
	}
	below, name := cutItemPath(c.URL.Query().Get("itemPath"))
	if below != art.Name {
		return actions.Errorf(actions.NotFound, "no file of another artifact in artifact %d", art.ID)
	}
	content, file, err := a.Artifacts.OpenFile(c.Context(), art, name)
	if err != nil {
		return err
	}
	defer content.Close()
	return httpjson.SendFile(w, c.Request, httpjson.File{Name: path.Base(name), Size: file.Size, Content: content}, a.Log)
}

// container finds the artifact of the caller's run that the path names.
func (a *API) container(c *call) (*actions.Artifact, error) {
	id, err := httpjson.PathID(c.Request, "id")
	if err != nil {
		return nil, err
	}
	list, err := a.Artifacts.List(c.Context(), c.job.RunID, artifact.Filter{ID: id})
	if err == nil && len(list) != 1 {
		err = actions.Errorf(actions.NotFound, "artifact %d of run %d", id, c.job.RunID)
	}
	if err != nil {
		return nil, err
	}
	return &list[0].Artifact, nil
}
