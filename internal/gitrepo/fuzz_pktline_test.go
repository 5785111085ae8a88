package gitrepo

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/understudy-ci/understudy/internal/actions"
)

// addPackets adds what git and its clients send to a corpus.
func addPackets(f *testing.F, add func(text []byte)) {
	f.Helper()
	sha := strings.Repeat("1", 40)
	inner := string(pktLine([]byte("unpack ok\n"))) + string(pktLine([]byte("ng refs/heads/main pre-receive hook declined\n"))) + "0000"
	for _, text := range []string{
		"", "0000", "0001", "0002", "0003", "0004", "fff0", "fff1", "-001", "+004", "00_4", "0005\n", "0006a",
		wanting(sha, strings.ToUpper(sha)).String(),
		string(pktLine([]byte("want "+sha+" multi_ack side-band-64k agent=git/2.39.5\n"))) + "0000" + string(pktLine([]byte("done\n"))),
		string(pktLine([]byte("want "+sha[:39]+"x\n"))) + "0000",
		string(pktLine([]byte("have "+sha+"\n"))) + "0000",
		string(pktLine([]byte(sha+" "+sha+" refs/heads/main\x00report-status side-band-64k"))) + "0000PACK",
		inner,
		string(pktLine([]byte("\x01"+inner[:20]))) + string(pktLine([]byte("\x02remote: hello\r"))) + string(pktLine([]byte("\x01"+inner[20:]))) + "0000",
		string(pktLine([]byte("packfile\n"))) + string(pktLine([]byte("\x01PACK"))) + "0000",
	} {
		add([]byte(text))
	}
}

// However packets are read, they are the bytes that came, none longer than git's are.
func FuzzPacketsAreTheBytesThatCame(f *testing.F) {
	addPackets(f, func(text []byte) { f.Add(text) })
	f.Fuzz(func(t *testing.T, text []byte) {
		copied, peeked := bufio.NewReader(iotest.OneByteReader(bytes.NewReader(text))), bufio.NewReaderSize(bytes.NewReader(text), maxPacket)
		var all []byte
		for {
			p, err := readPacket(copied)
			q, err2 := peekPacket(peeked)
			if (err == nil) != (err2 == nil) || errors.Is(err, io.EOF) != errors.Is(err2, io.EOF) {
				t.Fatalf("read: %v, peeked: %v", err, err2)
			}
			if err != nil {
				break
			}
			if !bytes.Equal(p, q) || len(p) < 4 || len(p) > maxPacket || len(p.payload()) != len(p)-4 {
				t.Fatalf("read %q, peeked %q", p, q)
			}
			all = append(all, p...)
			if _, err := peeked.Discard(len(q)); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.HasPrefix(text, all) {
			t.Errorf("%q became %q", text, all)
		}
		payload := text[:min(len(text), maxPacket-4)]
		back, err := readPacket(bufio.NewReader(bytes.NewReader(pktLine(payload))))
		if err != nil || !bytes.Equal(back.payload(), payload) {
			t.Errorf("%q was read back as %q, %v", payload, back, err)
		}
	})
}

// A request is refused as the client's fault, or asks for objects by their names, as
// many as are allowed.
func FuzzARequestWantsWhatItNames(f *testing.F) {
	addPackets(f, func(text []byte) { f.Add(text) })
	const most = 3
	g := &Git{limits: Limits{Wants: most, RequestBytes: 1 << 20}.withDefaults()}
	f.Fuzz(func(t *testing.T, text []byte) {
		request, err := g.ReadFetch(bytes.NewReader(text))
		if err != nil {
			if kind := actions.KindOf(err); kind != actions.Malformed && kind != actions.Invalid {
				t.Errorf("%v is of kind %s", err, kind)
			}
			return
		}
		if len(request.wants) > most {
			t.Errorf("%d objects are wanted", len(request.wants))
		}
		for _, o := range request.wants {
			if !IsSHA(o.String()) || !bytes.Contains(bytes.ToLower(text), []byte("want "+o.String())) {
				t.Errorf("%s is not in the request", o)
			}
		}
		if sent, err := io.ReadAll(request.text.reader()); err != nil || !bytes.Equal(sent, text) {
			t.Errorf("git gets %q, %v", sent, err)
		}
		w := newWants(request.wants)
		for _, o := range w.rest() {
			w.strike(o)
			w.strike(o) // as a client that has it twice
		}
		if w.left != 0 || len(w.rest()) != 0 {
			t.Errorf("%d are left", w.left)
		}
	})
}

// What git answers to a push reaches the client in packets, with our reasons where it
// has none, and nothing that steers a terminal in them.
func FuzzAReportStaysInPackets(f *testing.F) {
	addPackets(f, func(text []byte) {
		f.Add(text, "the file needs the workflow scope\x1b[2J\nremote: forged")
		f.Add(text, strings.Repeat("é", 2000))
	})
	f.Fuzz(func(t *testing.T, answer []byte, reason string) {
		var out bytes.Buffer
		sent := make(chan struct{})
		close(sent)
		r := &report{w: &out, sent: sent}
		if r.read(bytes.NewReader(answer)) != nil {
			return
		}
		if err := r.flush(map[string]string{"refs/heads/main": reason}); err != nil {
			t.Fatal(err)
		}
		if most := (len(answer)/20+1)*2000 + 2*len(answer); out.Len() > most {
			t.Errorf("%d bytes became %d", len(answer), out.Len())
		}
		in := bufio.NewReader(bytes.NewReader(out.Bytes()))
		for {
			p, err := readPacket(in)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatalf("%q: %v", out.Bytes(), err)
			}
			if !bytes.Contains(answer, []byte{0x1b}) && bytes.Contains(p, []byte{0x1b}) {
				t.Errorf("%q has an escape", p)
			}
		}
	})
}

// A note goes before the pack once, and no other byte changes, however git's answer
// is cut.
func FuzzANoteChangesNothingElse(f *testing.F) {
	addPackets(f, func(text []byte) { f.Add(text, 1); f.Add(text, 7) })
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		size = max(size&0xffff, 1)
		const note = "warning: no default branch\n"
		var out bytes.Buffer
		a := &answer{w: &out, note: note}
		for rest := text; len(rest) > 0; {
			n := min(size, len(rest))
			if m, err := a.Write(rest[:n]); m != n || err != nil {
				t.Fatalf("%d of %d, %v", m, n, err)
			}
			rest = rest[n:]
		}
		got := out.Bytes()
		if before, after, ok := bytes.Cut(got, pktLine([]byte("\x02"+note))); ok && !bytes.HasPrefix(text, got) {
			got = append(bytes.Clone(before), after...)
		}
		if !bytes.Equal(append(bytes.Clone(got), a.held...), text) {
			t.Errorf("%q became %q, and %q is held", text, out.Bytes(), a.held)
		}
		if len(a.held) > 1<<16 {
			t.Errorf("%d bytes are held", len(a.held))
		}
	})
}
