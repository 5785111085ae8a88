package e2e_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// hold listens in this process, as systemd does for a socket unit, and has the server
// get the socket.
func (s *server) hold(network, address string) {
	s.t.Helper()
	l, err := (&net.ListenConfig{}).Listen(s.t.Context(), network, address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { l.Close() })
	f, err := l.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { f.Close() })
	s.sockets = append(s.sockets, f)
}

func TestNobodyIsRefusedWhileTheSocketOutlivesTheServer(t *testing.T) {
	t.Parallel()
	s := newServer(t, "--runners", "1")
	s.hold("tcp", strings.TrimPrefix(s.url, "http://"))
	s.start()
	r := s.newRepository("hello")
	h := r.hold("ubuntu-latest")

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var answered, refused, cut atomic.Int64
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		for ctx.Err() == nil {
			req, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/healthz", nil) // the URL is good
			resp, err := c.Do(req)
			switch {
			case err == nil:
				_ = resp.Body.Close()
				answered.Add(1)
			case errors.Is(err, syscall.ECONNREFUSED):
				refused.Add(1)
			case ctx.Err() == nil:
				cut.Add(1) // the server had begun to read it
			}
		}
	}()
	for range 3 {
		r.commit()
		s.kill()
		time.Sleep(300 * time.Millisecond) // clients wait meanwhile
		before := answered.Load()
		s.launch()
		pushed := make(chan struct{})
		go func() { // it may be the first that the new server hears
			defer close(pushed)
			if out, err := r.git("push", "--quiet", "origin", "HEAD:refs/heads/more").CombinedOutput(); err != nil {
				t.Errorf("push: %v: %s", err, out)
			}
		}()
		s.ready()
		<-pushed
		until(t, "nobody is answered", func() bool { return answered.Load() > before+10 })
	}
	stop()
	<-ended
	if n := refused.Load(); n > 0 {
		t.Errorf("%d clients were refused", n)
	}
	t.Logf("%d answered, %d cut off by kills", answered.Load(), cut.Load())
	h.finish("bundled-1")
}

func TestSocketsOfAParentTakeThePlaceOfListen(t *testing.T) {
	t.Parallel()
	s := newServer(t, "--runners", "0")
	path := filepath.Join(t.TempDir(), "understudy.sock")
	s.hold("tcp", "127.0.0.1:0")
	s.hold("unix", path)
	tcp, err := net.FileListener(s.sockets[0])
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	free := s.url
	s.start()
	out := string(read(t, s.outFile))
	s.url = "http://" + tcp.Addr().String()
	for _, want := range []string{s.url, "unix:" + path} {
		if !strings.Contains(out, "listening on "+want+"\n") {
			t.Errorf("%q does not say that it listens on %s", out, want)
		}
	}
	if strings.Contains(out, free) {
		t.Errorf("it listens where nobody has a socket: %q", out)
	}
	if code := s.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the parent's socket is gone: %v", err)
	}
}

func TestAPassedFileThatIsNoListeningSocketIsRefused(t *testing.T) {
	t.Parallel()
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	udp, err := c.(*net.UDPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	for want, f := range map[string]*os.File{"it is no socket": file, "it does not listen": udp} {
		s := newServer(t)
		s.sockets = []*os.File{f}
		s.launch()
		if code, text := s.wait(t), string(read(t, s.logFile)); code != 1 || !strings.Contains(text, "LISTEN_FD_3: "+want) {
			t.Errorf("exit code %d: %s", code, text)
		}
	}
}
