package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// A fileServer does nothing but copy bodies to files and a file to bodies: what
// a machine can do over HTTP at best.
type fileServer struct {
	b    *bench
	base string
	dir  string
	srv  *http.Server
}

// serveFiles starts a file server.
func (b *bench) serveFiles(ctx context.Context) (*fileServer, error) {
	dir, err := os.MkdirTemp(b.dir, "files-")
	if err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &fileServer{b: b, base: "http://" + l.Addr().String(), dir: dir}
	f.srv = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			http.ServeFile(w, r, f.whole())
			return
		}
		if err := copyTo(filepath.Join(dir, filepath.Base(r.URL.Path)), r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusCreated)
	})}
	go f.srv.Serve(l) //nolint:errcheck // it ends by stop
	return f, nil
}

// whole is the path of the file that is downloaded.
func (f *fileServer) whole() string { return filepath.Join(f.dir, "whole") }

func copyTo(path string, r io.Reader) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, r)
	return errors.Join(err, out.Close())
}

func (f *fileServer) stop() {
	_ = f.srv.Close()
	_ = os.RemoveAll(f.dir) // and if that fails, the end of the run does it
}

// upload puts the content in blocks, as uploadBig does.
func (f *fileServer) upload(ctx context.Context, content []byte) (time.Duration, error) {
	conns, closeAll, err := dialMany(ctx, f.base, bigConns)
	if err != nil {
		return 0, err
	}
	defer closeAll()
	began := f.b.Now()
	err = inTurns(conns, len(content)/bigBlock, func(c *conn, i int) error {
		_, err := c.expect(http.MethodPut, fmt.Sprint("/block-", i), "", content[i*bigBlock:(i+1)*bigBlock])
		return err
	})
	took := f.b.since(began)
	if err == nil {
		err = os.WriteFile(f.whole(), content, 0o600) // to be downloaded
	}
	return took, err
}

// download gets the whole file.
func (f *fileServer) download(ctx context.Context, size int64) (time.Duration, error) {
	c, err := dial(ctx, f.base)
	if err != nil {
		return 0, err
	}
	defer c.close()
	began := f.b.Now()
	n, err := c.drain("/whole")
	if err == nil && n != size {
		err = fmt.Errorf("%d bytes came", n)
	}
	return f.b.since(began), err
}
