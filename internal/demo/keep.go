package demo

import (
	"net/url"
	"os"
	"path/filepath"
)

// invite says what to do with a server that stays up.
func (d *demo) invite() {
	s, t := d.stage, d.t
	token := s.path(user + "-token")
	t.printf("\n%s until Ctrl-C. The directory stays after that:\n  %s\n", t.paint(bold, "The server stays up"), s.dir)

	t.printf("\n%s\n", t.paint(bold, "The page"))
	t.printf("  %s\n", t.paint(cyan, s.url+"/"+repo+"/actions"))
	t.printf("  To cancel and re-run, sign in with the token in %s\n", token)

	if err := s.configureGH(); err == nil && s.socket != "" {
		t.printf("\n%s\n", t.paint(bold, "gh, in another terminal"))
		t.printf("  export GH_CONFIG_DIR=%s GH_HOST=%s GH_REPO=%s\n", quote(s.path("gh")), s.host(), s.host()+"/"+repo)
		t.printf("  export GH_ENTERPRISE_TOKEN=\"$(cat %s)\"\n", quote(token))
		t.printf("  gh run list\n  gh workflow run ci.yml\n  gh run watch\n  gh run view --log\n")
	}

	t.printf("\n%s\n", t.paint(bold, "Another push"))
	t.printf("  cd %s\n  git commit --allow-empty -m 'Once more'\n  git push\n", quote(s.path("hello")))
	t.printf("\nThe log of the server is %s\n", s.log.Name())
}

// host is where the server is, without scheme.
func (s *stage) host() string {
	u, err := url.Parse(s.url)
	if err != nil {
		return ""
	}
	return u.Host
}

// configureGH writes a configuration for gh that reaches the server by its
// socket: gh speaks HTTPS to all hosts but to a socket.
func (s *stage) configureGH() error {
	if err := os.MkdirAll(s.path("gh"), 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.path("gh"), "config.yml"), []byte("http_unix_socket: "+s.socket+"\n"), 0o600)
}
