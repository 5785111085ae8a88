package results_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/md5" // as the toolkit does
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/wire"
)

// callV3 sends a request as @actions/artifact 1.x does.
func (s *site) callV3(j *actions.Job, method, to string, header map[string]string, body []byte, out any) int {
	s.T.Helper()
	headers := []string{"Accept: application/json;api-version=6.0-preview"}
	for k, v := range header {
		headers = append(headers, k+": "+v)
	}
	a := s.Do(method, to, s.token(j), bytes.NewReader(body), headers...)
	switch to := out.(type) {
	case nil:
	case *string:
		*to = string(a.Text)
	default:
		if err := json.Unmarshal(a.Text, out); err != nil {
			s.T.Errorf("%s %s: %d %s", method, to, a.StatusCode, a.Text)
		}
	}
	var problem struct{ Message string }
	if a.StatusCode >= 400 && (json.Unmarshal(a.Text, &problem) != nil || problem.Message == "") {
		s.T.Errorf("%s %s: %d without a message: %s", method, to, a.StatusCode, a.Text)
	}
	if a.Header.Get("X-Content-Type-Options") != "nosniff" {
		s.T.Errorf("headers %v", a.Header)
	}
	return a.StatusCode
}

func (s *site) runV3() string {
	return fmt.Sprintf("%s/_apis/pipelines/workflows/%d/artifacts?api-version=6.0-preview", s.URL, s.Run.ID)
}

func (s *site) beginV3(j *actions.Job, name string) wire.ArtifactV3 {
	s.T.Helper()
	body, err := json.Marshal(wire.CreateArtifactV3{Type: wire.ActionsStorage, Name: name, RetentionDays: 5})
	if err != nil {
		s.T.Fatal(err)
	}
	var a wire.ArtifactV3
	if status := s.callV3(j, http.MethodPost, s.runV3(), nil, body, &a); status != http.StatusCreated || a.Size != -1 || a.Name != name || a.Type != wire.ActionsStorage {
		s.T.Fatalf("create: %d %+v", status, a)
	}
	return a
}

// putV3 uploads a file in pieces of the given size, compressed or not.
func (s *site) putV3(j *actions.Job, a wire.ArtifactV3, item, content string, piece int, compressed bool) {
	s.T.Helper()
	header := map[string]string{"Content-Type": "application/octet-stream"}
	sent := []byte(content)
	if compressed {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(sent) // a buffer takes all
		_ = z.Close()
		sent = b.Bytes()
		header["Content-Encoding"], header["X-Tfs-Filelength"] = "gzip", fmt.Sprint(len(content))
	}
	for at := 0; at < max(len(sent), 1); at += piece {
		part := sent[at:min(at+piece, len(sent))]
		sum := md5.Sum(part) // see above
		header["Content-Range"] = fmt.Sprintf("bytes %d-%d/%d", at, at+len(part)-1, len(sent))
		header["X-Actions-Results-Md5"] = base64.StdEncoding.EncodeToString(sum[:])
		to := a.FileContainerResourceURL + "?itemPath=" + url.QueryEscape(item)
		if status := s.callV3(j, http.MethodPut, to, header, part, nil); status != http.StatusCreated {
			s.T.Errorf("%s: %d", item, status)
		}
	}
}

func (s *site) finishV3(j *actions.Job, name string, size int) (status int, a wire.ArtifactV3) {
	s.T.Helper()
	status = s.callV3(j, http.MethodPatch, s.runV3()+"&artifactName="+url.QueryEscape(name), nil, fmt.Appendf(nil, `{"Size":%d}`, size), &a)
	return status, a
}

// downloadV3 lists and fetches the files of an artifact, by their paths.
func (s *site) downloadV3(j *actions.Job, name string) map[string]string {
	s.T.Helper()
	var list wire.List[wire.ArtifactV3]
	if status := s.callV3(j, http.MethodGet, s.runV3(), nil, nil, &list); status != http.StatusOK || list.Count != len(list.Value) {
		s.T.Fatalf("list: %d %+v", status, list)
	}
	files := make(map[string]string)
	for _, a := range list.Value {
		if a.Name != name {
			continue
		}
		var items wire.List[wire.ContainerItem]
		if status := s.callV3(j, http.MethodGet, a.FileContainerResourceURL+"?itemPath="+url.QueryEscape(name), nil, nil, &items); status != http.StatusOK {
			s.T.Fatalf("files: %d", status)
		}
		for _, item := range items.Value {
			var content string
			status := s.callV3(j, http.MethodGet, item.ContentLocation, map[string]string{"Accept": "application/octet-stream;api-version=6.0-preview", "Accept-Encoding": "gzip"}, nil, &content)
			if status != http.StatusOK || int64(len(content)) != item.FileLength || item.ItemType != "file" {
				s.T.Errorf("%+v: %d, %d bytes", item, status, len(content))
			}
			files[item.Path] = content
		}
	}
	return files
}

// ART-10: files in pieces, compressed or not; the same artifact is there for version 4
// and for REST.
func TestVersion3FilesGoUpAndDown(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		up, down := s.Job("build"), s.Job("test")
		a := s.beginV3(up, "dist")
		text := strings.Repeat("a line of text\n", 1000)
		want := map[string]string{"dist/a.txt": text, "dist/sub/b c.txt": text + "b", "dist/empty": "", "dist/ü😀.txt": "x", "dist/win/c.txt": "c"}
		size := 0
		for item, content := range want {
			if item == "dist/win/c.txt" {
				item = `dist\win\c.txt`
			}
			s.putV3(up, a, item, content, 4096, item == "dist/sub/b c.txt")
			size += len(content)
		}
		if got := s.downloadV3(down, "dist"); len(got) != 0 {
			t.Errorf("half an artifact is shown: %v", got)
		}
		if status, done := s.finishV3(up, "dist", size); status != http.StatusOK || done.Size <= 0 {
			t.Fatalf("finish: %d %+v", status, done)
		}
		if d := cmp.Diff(want, s.downloadV3(down, "dist")); d != "" {
			t.Error(d)
		}
		list, err := s.client(down).List(t.Context(), "dist", 0)
		if err != nil || len(list) != 1 || list[0].Digest == "" {
			t.Errorf("version 4 sees %v, %v", list, err)
		}
		if _, err := s.client(down).Download(t.Context(), "dist"); err != nil {
			t.Errorf("version 4: %v", err)
		}
	})
}

// ART-10: a second upload under the same name adds or replaces files.
func TestVersion3ArtifactsGrow(t *testing.T) {
	s := newServer(t)
	for _, files := range []map[string]string{{"dist/a": "1", "dist/b": "1"}, {"dist/b": "2", "dist/c": "2"}} {
		j := s.Job("build")
		a := s.beginV3(j, "dist")
		for item, content := range files {
			s.putV3(j, a, item, content, 10, false)
		}
		if status, _ := s.finishV3(j, "dist", 2); status != http.StatusOK {
			t.Fatalf("finish: %d", status)
		}
	}
	want := map[string]string{"dist/a": "1", "dist/b": "2", "dist/c": "2"}
	if d := cmp.Diff(want, s.downloadV3(s.Job("test"), "dist")); d != "" {
		t.Error(d)
	}
}

// Threat: upload to an artifact of another job or run with one's own runtime token.
func TestVersion3KnowsWhoseRunItIs(t *testing.T) {
	s := newServer(t)
	j, other := s.Job("build"), s.Job("test")
	a := s.beginV3(j, "dist")
	s.putV3(j, a, "dist/a", "x", 10, false)
	if status, _ := s.finishV3(other, "dist", 1); status != http.StatusNotFound {
		t.Errorf("finish by another job: %d", status)
	}
	put := map[string]string{"Content-Range": "bytes 0-0/1"}
	if status := s.callV3(other, http.MethodPut, a.FileContainerResourceURL+"?itemPath=dist/a", put, []byte("y"), nil); status != http.StatusNotFound {
		t.Errorf("file by another job: %d", status)
	}
	if status, _ := s.finishV3(j, "dist", 1); status != http.StatusOK {
		t.Fatalf("finish: %d", status)
	}
	var list wire.List[wire.ArtifactV3]
	s.callV3(j, http.MethodGet, s.runV3(), nil, nil, &list)
	container := list.Value[0].FileContainerResourceURL
	foreign := s.foreign()
	outsider := foreign.Job("build")
	for _, c := range []struct{ method, to string }{
		{http.MethodGet, s.runV3()},
		{http.MethodPost, s.runV3()},
		{http.MethodPatch, s.runV3() + "&artifactName=dist"},
		{http.MethodGet, container + "?itemPath=dist"},
		{http.MethodGet, container + "/file?itemPath=dist/a"},
		{http.MethodPut, container + "?itemPath=dist/a"},
	} {
		if status := foreign.callV3(outsider, c.method, c.to, nil, []byte("{}"), nil); status != http.StatusForbidden && status != http.StatusNotFound {
			t.Errorf("%s %s by another repository: %d", c.method, c.to, status)
		}
	}
	s.Complete(j, s.Now())
	if status := s.callV3(j, http.MethodGet, s.runV3(), nil, nil, nil); status != http.StatusConflict {
		t.Errorf("after the job's end: %d", status)
	}
	if a := s.Do(http.MethodGet, s.runV3(), "", nil); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %d", a.StatusCode)
	}
}

// Threat: zip slip, symlink, absolute path, NUL or 4 GB name in uploaded archives.
func TestVersion3RequestsThatCannotBeServed(t *testing.T) {
	s := newServer(t)
	j := s.Job("build")
	a := s.beginV3(j, "dist")
	for _, c := range []struct {
		name, item, header string
		status             int
	}{
		{"no item", "", "", 400},
		{"no file", "dist", "", 400},
		{"no file in it", "dist/", "", 400},
		{"climbing", "dist/../../x", "", 400},
		{"climbing on Windows", `dist\..\..\x`, "", 400},
		{"absolute", "dist//etc/passwd", "", 400},
		{"NUL", "dist/a\x00b", "", 400},
		{"long", "dist/" + strings.Repeat("x", 5000), "", 400},
		{"range of more", "dist/a", "Content-Range=bytes 0-5/6", 400},
		{"range behind the end", "dist/a", "Content-Range=bytes 6-6/6", 400},
		{"range without a total", "dist/a", "Content-Range=bytes 0-0/*", 400},
		{"huge range", "dist/a", "Content-Range=bytes 9223372036854775807-9223372036854775807/9223372036854775807", 400},
		{"other range", "dist/a", "Content-Range=pages 0-0/1", 400},
		{"wrong MD5", "dist/a", "X-Actions-Results-Md5=1B2M2Y8AsgTpgAmY7PhCfg==", 400},
		{"gzip of no length", "dist/a", "Content-Encoding=gzip", 400},
		{"good", "dist/a", "Content-Range=bytes 0-0/1", 201},
		{"good without a range", "dist/b", "", 201},
	} {
		header := map[string]string{}
		if k, v, ok := strings.Cut(c.header, "="); ok {
			header[k] = v
		}
		if status := s.callV3(j, http.MethodPut, a.FileContainerResourceURL+"?itemPath="+url.QueryEscape(c.item), header, []byte("x"), nil); status != c.status {
			t.Errorf("%s: %d, want %d", c.name, status, c.status)
		}
	}
	for name, body := range map[string]string{
		"no name": `{"Type":"actions_storage"}`, "bad name": `{"Type":"actions_storage","Name":"a/b"}`, "other type": `{"Type":"x","Name":"a"}`, "no JSON": `x`,
	} {
		if status := s.callV3(j, http.MethodPost, s.runV3(), nil, []byte(body), nil); status != http.StatusBadRequest {
			t.Errorf("%s: %d", name, status)
		}
	}
	if status, _ := s.finishV3(j, "unknown", 0); status != http.StatusNotFound {
		t.Errorf("finish of nothing: %d", status)
	}
	if status, _ := s.finishV3(j, "dist", 99); status != http.StatusBadRequest {
		t.Errorf("finish with another size: %d", status)
	}
	for _, path := range []string{"/_apis/resources/Containers/0?itemPath=x", "/_apis/resources/Containers/4711?itemPath=x", "/_apis/resources/Containers/x?itemPath=x"} {
		if status := s.callV3(j, http.MethodGet, s.URL+path, nil, nil, nil); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// Threat: zip bomb shown in preview. Clients take what is listed for all that there
// is, so a part of it would be a download that lacks files.
func TestVersion3ListsAllFilesOrNone(t *testing.T) {
	s := newServer(t)
	j := s.Job("build")
	var body bytes.Buffer
	z := zip.NewWriter(&body)
	for i := range 10_001 {
		if _, err := z.CreateHeader(&zip.FileHeader{Name: strconv.Itoa(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	id, err := s.client(j).Upload(t.Context(), "many", body.Bytes(), body.Len())
	if err != nil {
		t.Fatal(err)
	}
	if status := s.callV3(j, http.MethodGet, fmt.Sprintf("%s/_apis/resources/Containers/%d?itemPath=many", s.URL, id), nil, nil, nil); status != http.StatusBadRequest {
		t.Errorf("more files than are listed: %d", status)
	}
}
