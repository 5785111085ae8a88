package wire_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/wire"
)

// runnerFiles are those of a runner of this server.
func runnerFiles(f *testing.F) (*rsa.PrivateKey, *wire.RunnerConfig) {
	f.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		f.Fatal(err)
	}
	params, err := wire.NewRSAParameters(key)
	if err != nil {
		f.Fatal(err)
	}
	return key, &wire.RunnerConfig{
		Settings: wire.RunnerSettings{
			AgentID: 7, AgentName: "box", PoolID: 1, PoolName: "Default", ServerURL: "http://127.0.0.1:3000/", ServerURLV2: "http://127.0.0.1:3000/_runner/",
			UseV2Flow: true, GitHubURL: "http://127.0.0.1:3000/o/r", WorkFolder: "_work",
		},
		Credentials: wire.Credentials{Scheme: "OAuth", Data: wire.CredentialsData{ClientID: "c", AuthorizationURL: "http://127.0.0.1:3000/_runner/token"}},
		Key:         params,
	}
}

// A key that is taken has the size of one and an odd exponent, and is written as it
// was read.
func FuzzPublicKeysAreReadOnce(f *testing.F) {
	key, _ := runnerFiles(f)
	text := wire.PublicKeyXML(&key.PublicKey)
	for _, s := range []string{
		text, "\n<?xml version=\"1.0\"?>" + text, strings.Replace(text, "AQAB", "Ag==", 1), strings.Replace(text, "AQAB", "AQ==", 1), strings.Replace(text, "AQAB", "/////////w==", 1),
		"<RSAKeyValue><Modulus>AQAB</Modulus><Exponent>AQAB</Exponent></RSAKeyValue>", "<RSAKeyValue>", "<!DOCTYPE x [<!ENTITY a 'b'>]><RSAKeyValue>&a;</RSAKeyValue>",
		strings.Replace(text, "<Modulus>", "<Modulus>AAAA", 1), text[:len(text)/2], "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, err := wire.ParsePublicKeyXML(text)
		if err != nil {
			return
		}
		if bits := key.N.BitLen(); bits < 2048 || bits > 8192 || key.E < 3 || key.E%2 == 0 {
			t.Errorf("a key of %d bits with the exponent %d", bits, key.E)
		}
		again, err := wire.ParsePublicKeyXML(wire.PublicKeyXML(key))
		if err != nil || !again.Equal(key) {
			t.Errorf("%q is not read back: %v", text, err)
		}
	})
}

// Who is given a configuration in one text gets the three files of a runner and no
// other, and they say again what was read.
func FuzzTheFilesOfARunnerReadBack(f *testing.F) {
	_, config := runnerFiles(f)
	files, err := config.Files()
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{wire.SettingsFile, "../evil"} {
		f.Add(name, files[wire.SettingsFile], files[wire.CredentialsFile], files[wire.KeyFile])
		f.Add(name, []byte("\xef\xbb\xbf{\"AgentId\":\"7\",\"agentName\":\"x\"}"), []byte(`{"Data":null}`), []byte(`{"d":"AQ==","exponent":null}`))
		f.Add(name, []byte(`{"AgentId":9223372036854775807,"Ephemeral":true}`), []byte("{}"), []byte("[]"))
		f.Add(name, []byte(nil), []byte("null"), []byte(`{"p":1}`))
	}
	f.Fuzz(func(t *testing.T, name string, settings, credentials, key []byte) {
		files := map[string][]byte{name: settings, wire.CredentialsFile: credentials, wire.KeyFile: key}
		packed, err := json.Marshal(files)
		if err != nil {
			t.Fatal(err)
		}
		c, err := wire.DecodeJIT(base64.StdEncoding.EncodeToString(packed))
		if err != nil {
			return
		}
		if name != wire.SettingsFile {
			t.Errorf("a file %q was taken", name)
		}
		text, err := c.EncodeJIT()
		if err != nil {
			t.Fatalf("cannot be written: %v", err)
		}
		again, err := wire.DecodeJIT(text)
		if d := cmp.Diff(c, again, cmp.Comparer(bytes.Equal)); err != nil || d != "" {
			t.Errorf("%v\n%s", err, d)
		}
	})
}

// A private key is one that signs, or none; nobody computes with numbers that are no
// key's.
func FuzzPrivateKeysAreCheckedFirst(f *testing.F) {
	_, config := runnerFiles(f)
	k := config.Key
	f.Add(k.Modulus, k.Exponent, k.D, k.P, k.Q)
	f.Add(k.Modulus, k.Exponent, k.D, k.Q, k.P)
	f.Add(k.Modulus, []byte{2}, k.D, k.P, k.Q)
	f.Add(k.Modulus, k.Exponent, k.D[1:], k.P, k.Q)
	f.Add([]byte{1}, k.Exponent, []byte{1}, []byte{1}, []byte{1})
	f.Add(k.Modulus, k.Exponent, k.D, append(bytes.Clone(k.P), make([]byte, 1<<16)...), k.Q)
	f.Add([]byte(nil), []byte(nil), []byte(nil), []byte(nil), []byte(nil))
	f.Fuzz(func(t *testing.T, n, e, d, p, q []byte) {
		params := wire.RSAParameters{Modulus: n, Exponent: e, D: d, P: p, Q: q}
		key, err := params.PrivateKey()
		if err != nil {
			return
		}
		if err := key.Validate(); err != nil || key.N.BitLen() > 8192 {
			t.Errorf("a key of %d bits: %v", key.N.BitLen(), err)
		}
	})
}

// The time is taken off a line of a log, and nothing else.
func FuzzOfALineOnlyItsTimeGoes(f *testing.F) {
	for _, s := range []string{
		"2026-11-20T12:43:29.6859909Z text", "2026-11-20T12:43:29Z text", "2026-11-20T12:43:29.6859909Z", "2026-11-20T12:43:29.68599091234Z x", " ", "", "no time here at all",
		"2026-11-20T12:43:29.6859909Z 2026-11-20T12:43:29.6859909Z twice", "\x1b[1m2026-11-20T12:43:29Z x",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		got := wire.CutLogTime(line)
		if !bytes.HasSuffix(line, got) {
			t.Fatalf("%q became %q", line, got)
		}
		if cut := line[:len(line)-len(got)]; len(cut) > len(wire.LogTime)+1 || len(bytes.Trim(cut, "0123456789-T:.Z ")) > 0 {
			t.Errorf("%q was cut off", cut)
		}
	})
}
