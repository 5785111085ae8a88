package wire_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/understudy-ci/understudy/internal/wire"
)

// sameJSON reports the difference between two JSON texts as values.
func sameJSON(t *testing.T, got, want []byte) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("got: %v\n%s", err, got)
	}
	if err := json.Unmarshal(want, &w); err != nil {
		t.Fatalf("want: %v\n%s", err, want)
	}
	if d := cmp.Diff(w, g); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func roundTrip[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%T: %v", v, err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%T: %v", v, err)
	}
	sameJSON(t, b, []byte(text))
	return v
}

func TestRequestsAndAnswersKeepTheirShape(t *testing.T) {
	roundTrip[wire.RegistrationRequest](t, `{"url":"http://host/owner/repo","runner_event":"register"}`)
	roundTrip[wire.RegistrationResponse](t, `{"url":"https://host/_services/broker/owner/","token_schema":"OAuthAccessToken","token":"x.y.z","use_v2_flow":true}`)
	roundTrip[wire.RunnerGroups](t, `{"total_count":1,"runner_groups":[{"id":1,"name":"Default","default":true,"is_hosted":false}]}`)
	roundTrip[wire.RegisterRequest](t, `{"url":"http://host/owner/repo","group_id":1,"name":"box1","version":"2.336.0",
		"updates_disabled":false,"ephemeral":false,"labels":[{"id":0,"name":"self-hosted","type":"system"},{"id":0,"name":"gpu","type":"user"}],
		"public_key":"<RSAKeyValue/>","runner_id":7,"replace":true}`)
	roundTrip[wire.RegisterResponse](t, `{"id":7,"name":"box1","authorization":{"authorization_url":"https://host/_services/token/",
		"server_url":"https://host/_services/broker/owner/","client_id":"2d0f"}}`)
	roundTrip[wire.Session](t, `{"sessionId":"s","ownerName":"box1 (PID: 4711)","agent":{"id":7,"name":"box1"},"useFipsEncryption":false}`)
	roundTrip[wire.RunnerJobRequest](t, `{"id":"1","runner_request_id":"r","should_acknowledge":true,"run_service_url":"https://h/","billing_owner_id":"b"}`)
	roundTrip[wire.JobCancellation](t, `{"jobId":"j","timeout":"00:05:00"}`)
	roundTrip[wire.RunServiceError](t, `{"source":"actions-run-service","statusCode":409,"errorMessage":"taken"}`)
	roundTrip[wire.CompleteJobRequest](t, `{"planId":"p","jobId":"j","conclusion":"succeeded","outputs":{"o1":{"value":"42"}},
		"stepResults":[{"external_id":"e","number":2,"name":"Run x","action_name":"actions/checkout","ref":"v5","type":"node24","status":"completed",
		"conclusion":"succeeded","started_at":"2026-11-20T12:43:29.678Z","completed_at":"2026-11-20T12:43:30.000Z"}],
		"annotations":[{"level":"failure","message":"m","path":"a.go","startLine":3,"endLine":3,"stepNumber":4}]}`)
	roundTrip[wire.ResolveActionsResponse](t, `{"actions":{"octo/hello@v1":{"name":"octo/hello","resolved_name":"octo/hello","resolved_sha":"0123",
		"version":"v1","tar_url":"https://t","zip_url":"https://z","authentication":{"token":"x"}}}}`)
	roundTrip[wire.SummaryURLResponse](t, `{"summary_url":"u","soft_size_limit":"1048576","blob_storage_type":"BLOB_STORAGE_TYPE_UNSPECIFIED"}`)
	roundTrip[wire.StepsUpdateRequest](t, `{"steps":[{"external_id":"e","number":2,"name":"Run ./test.sh","status":3,"started_at":"2026-11-20T12:43:29.678Z",
		"completed_at":null,"conclusion":0}],"change_order":5,"workflow_job_run_backend_id":"j","workflow_run_backend_id":"p"}`)
	roundTrip[wire.FeedLines](t, `{"count":2,"value":["first line","second line"],"stepId":"s","startLine":17}`)
}

func TestNamesOfTheIndependentRunnerAreRead(t *testing.T) { // WIRE-1
	var c wire.CompleteJobRequest
	text := `{"PlanID":"p","JobID":"j","Conclusion":"succeeded","Outputs":{"o":{"Value":"1","IsSecret":true}},"Annotations":[{"Level":"FAILURE","StartLine":"3"}]}`
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	want := wire.CompleteJobRequest{
		PlanID: "p", JobID: "j", Conclusion: "succeeded", Outputs: map[string]wire.Variable{"o": {Value: "1", IsSecret: true}},
		Annotations: []wire.Annotation{{Level: "FAILURE", StartLine: 3}},
	}
	if d := cmp.Diff(want, c); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	var f wire.FeedLines
	if err := json.Unmarshal([]byte(`{"Count":1,"Value":["a"],"StepID":"s","StartLine":null}`), &f); err != nil || f.StepID != "s" {
		t.Errorf("feed: %+v, %v", f, err)
	}
}

func TestTimesAreReadInEveryFormAndWrittenWithMilliseconds(t *testing.T) {
	for in, want := range map[string]string{
		`"2026-11-20T12:43:29.6859909Z"`:  `"2026-11-20T12:43:29.685Z"`,
		`"2026-11-20T13:43:29+01:00"`:     `"2026-11-20T12:43:29.000Z"`,
		`"2026-11-20T12:43:29"`:           `"2026-11-20T12:43:29.000Z"`,
		`"0001-01-01T00:00:00"`:           `null`,
		`null`:                            `null`,
		`""`:                              `null`,
		`"2026-11-20T12:43:29.12345678Z"`: `"2026-11-20T12:43:29.123Z"`,
	} {
		var v wire.Time
		if err := json.Unmarshal([]byte(in), &v); err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got, _ := json.Marshal(v); string(got) != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
	var v wire.Time
	if err := json.Unmarshal([]byte(`"yesterday"`), &v); err == nil {
		t.Error("yesterday is a time")
	}
}

func TestDurationsReadAndWriteDaysAndFractions(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"00:05:00":         5 * time.Minute,
		"1.02:03:04":       26*time.Hour + 3*time.Minute + 4*time.Second,
		"00:00:01.5000000": 1500 * time.Millisecond,
	} {
		var d wire.Duration
		if err := json.Unmarshal([]byte(`"`+text+`"`), &d); err != nil || time.Duration(d) != want {
			t.Errorf("%s: got %s, %v", text, time.Duration(d), err)
		}
		if b, err := json.Marshal(d); err != nil || string(b) != `"`+text+`"` {
			t.Errorf("%s: written as %s, %v", text, b, err)
		}
	}
	for _, text := range []string{"5", "a:b:c", "00:00:61", "-1:00:00", "99999999:00:00"} {
		var d wire.Duration
		if err := json.Unmarshal([]byte(`"`+text+`"`), &d); err == nil {
			t.Errorf("%s is a duration: %s", text, time.Duration(d))
		}
	}
}

func TestIntegersMayBeStrings(t *testing.T) {
	var v struct {
		A, B wire.Int
		C, D wire.IntString
		E, F wire.BoolString
	}
	if err := json.Unmarshal([]byte(`{"a":1,"b":"2","c":3,"d":"4","e":true,"f":"True"}`), &v); err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	sameJSON(t, got, []byte(`{"A":1,"B":2,"C":"3","D":"4","E":"true","F":"true"}`))
	if err := json.Unmarshal([]byte(`{"a":1.5}`), &v); err == nil {
		t.Error("1.5 is an integer")
	}
}

func TestJITTextIsReadBackAndKeepsTheKey(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p, err := wire.NewRSAParameters(key)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Modulus) != 256 || len(p.D) != 256 || len(p.DP) != 128 || len(p.DQ) != 128 || len(p.InverseQ) != 128 || len(p.P) != 128 || len(p.Q) != 128 {
		t.Error("a member is not padded to its full length")
	}
	c := &wire.RunnerConfig{
		Settings:    wire.RunnerSettings{AgentID: 7, AgentName: "box1", PoolID: 1, Ephemeral: true, UseV2Flow: true, ServerURLV2: "https://h/x/"},
		Credentials: wire.Credentials{Scheme: "OAuth", Data: wire.CredentialsData{ClientID: "c", RequireFIPS: true}},
		Key:         p,
	}
	text, err := c.EncodeJIT()
	if err != nil {
		t.Fatal(err)
	}
	back, err := wire.DecodeJIT(text)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(c, back); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	got, err := back.Key.PrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	if !got.Equal(key) {
		t.Error("another key came back")
	}
	pub, err := wire.ParsePublicKeyXML(wire.PublicKeyXML(&key.PublicKey))
	if err != nil || !pub.Equal(&key.PublicKey) {
		t.Errorf("public key: %v", err)
	}
}

func TestJITTextCannotNameOtherFiles(t *testing.T) {
	files := map[string][]byte{".runner": []byte("{}"), ".credentials": []byte("{}"), ".credentials_rsaparams": []byte("{}"), "../run.sh": []byte("rm")}
	b, err := json.Marshal(files)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wire.DecodeJIT(base64.StdEncoding.EncodeToString(b)); err == nil {
		t.Error("a fourth file is accepted")
	}
}

func TestBadPublicKeysAreRefused(t *testing.T) {
	for _, text := range []string{
		"", "<RSAKeyValue/>", "not xml", strings.Repeat("x", 1<<20),
		"<RSAKeyValue><Modulus>AQAB</Modulus><Exponent>AQAB</Exponent></RSAKeyValue>",
		"<RSAKeyValue><Modulus>" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, 256)) + "</Modulus><Exponent>Ag==</Exponent></RSAKeyValue>",
	} {
		if _, err := wire.ParsePublicKeyXML(text); err == nil {
			t.Errorf("%.60q is a key", text)
		}
	}
}

func TestTokensAreCompactWithoutPositionAndObjectsWithOne(t *testing.T) { // MSG-2
	tok := wire.Mapping(
		wire.Pair("a", wire.String(`x "y" é`)),
		wire.Pair("b", &wire.Token{Type: wire.SequenceToken, Seq: []*wire.Token{wire.Boolean(true), wire.Number(1.5), wire.Null()}}),
		wire.TokenPair{Key: &wire.Token{Type: wire.InsertToken}, Value: &wire.Token{Type: wire.ExpressionToken, Expr: "github.sha"}},
		wire.Pair("c", &wire.Token{Type: wire.StringToken, Lit: "z", File: 1, Line: 2, Col: 3}),
	)
	got, err := json.Marshal(tok)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"type":2,"map":[{"key":"a","value":"x \"y\" é"},{"key":"b","value":{"type":1,"seq":[true,1.5,null]}},` +
		`{"key":{"type":4,"directive":"insert"},"value":{"type":3,"expr":"github.sha"}},` +
		`{"key":"c","value":{"type":0,"file":1,"line":2,"col":3,"lit":"z"}}]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var back *wire.Token
	if err := json.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(tok, back); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestTokensAreReadWithNamesInAnyCaseAndOrder(t *testing.T) {
	var tok wire.Token
	text := `{"Map":[{"Value":{"Lit":"v"},"Key":"k","extra":[{"deep":[]}]}],"unknown":{"x":[1,2]},"Type":2}`
	if err := json.Unmarshal([]byte(text), &tok); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(*wire.Mapping(wire.Pair("k", wire.String("v"))), tok); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestHostileNestingIsRefused(t *testing.T) {
	deep := strings.Repeat(`{"type":1,"seq":[`, 5000) + strings.Repeat(`]}`, 5000)
	var tok wire.Token
	if err := json.Unmarshal([]byte(deep), &tok); err == nil {
		t.Error("a deep token is read")
	}
	deep = `{"x":` + strings.Repeat(`{"t":1,"a":[`, 5000) + strings.Repeat(`]}`, 5000) + `}`
	var c wire.ContextData
	if err := json.Unmarshal([]byte(deep), &c); err == nil {
		t.Error("deep context data is read")
	}
	for _, text := range []string{`{"type":9}`, `[]`, `{"type":2,"map":[1]}`, `{"type":1,"seq":{}}`, `{"type":"x"}`} {
		if err := json.Unmarshal([]byte(text), &tok); err == nil {
			t.Errorf("%s is a token", text)
		}
	}
}

func TestContextDataKeepsOrderAndCase(t *testing.T) { // MSG-3
	text := `{"github":{"t":2,"d":[{"k":"b","v":"x"},{"k":"a","v":{"t":1,"a":[1,true,null,{"t":5,"d":[{"k":"K","v":"v"}]}]}}]},"matrix":null,"needs":{"t":2}}`
	var c wire.ContextData
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != text {
		t.Errorf("got  %s\nwant %s", got, text)
	}
	gh, _ := c["github"].(*wire.ContextDict)
	if v, ok := gh.Get("B"); !ok || v != "x" {
		t.Errorf("B: %v, %v", v, ok)
	}
	if v, _ := c["needs"].(*wire.ContextDict).Get("x"); v != nil {
		t.Errorf("needs.x: %v", v)
	}
}

func TestLargeDictionariesFindNamesInAnyCase(t *testing.T) {
	d := &wire.ContextDict{}
	for i := range 5000 {
		d.Set("Key"+strings.Repeat("x", i%7)+string(rune('a'+i%26))+time.Duration(i).String(), float64(i))
	}
	d.Set("LAST", "old")
	d.Set("last", "new")
	if v, _ := d.Get("Last"); v != "new" {
		t.Errorf("last: %v", v)
	}
	if n := len(d.Pairs); n != 5001 {
		t.Errorf("%d pairs", n)
	}
}

func TestAContextValueIsWrittenAsPlainJSON(t *testing.T) {
	inner := &wire.ContextDict{Pairs: []wire.ContextPair{{Key: "N", Value: -1.5}}}
	v := &wire.ContextDict{Pairs: []wire.ContextPair{
		{Key: "z", Value: 1.0},
		{Key: "a", Value: &wire.ContextArray{Items: []any{true, nil, "é\n", inner}}},
		{Key: "e", Value: &wire.ContextDict{}},
		{Key: "l", Value: &wire.ContextArray{}},
	}}
	got, err := wire.ContextToJSON(v)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"z":1,"a":[true,null,"é\n",{"N":-1.5}],"e":{},"l":[]}`; string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestJobMessageOfTheReferenceIsReadAndWrittenUnchanged(t *testing.T) {
	m := roundTrip[wire.JobMessage](t, exampleJob)
	if got := m.Connection().Token(); got != "<JWT>" {
		t.Errorf("token %q", got)
	}
	if got := m.Variable("SYSTEM.GitHub.Job"); got != "build" {
		t.Errorf("variable %q", got)
	}
	want := wire.Step{
		Type: "action", ID: "a0000000-0000-0000-0000-000000000002", Name: "__run", ContextName: "__run",
		DisplayNameToken: wire.String("Second"), Condition: "success()", ContinueOnError: wire.Boolean(false), TimeoutInMinutes: wire.Number(5),
		Reference: wire.Reference{Type: "script"}, Environment: wire.Mapping(wire.Pair("X", &wire.Token{Type: wire.ExpressionToken, Expr: "github.sha"})),
		Inputs: wire.Mapping(wire.Pair("script", &wire.Token{Type: wire.ExpressionToken, Expr: "format('echo {0} $X', github.ref)"}), wire.Pair("shell", wire.String("sh"))),
	}
	if d := cmp.Diff(want, m.Steps[1], cmpopts.EquateEmpty()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// The runner reads a number without a fraction as an integer of 64 bits.
func TestNumbersThatIntegersDoNotHoldHaveAnExponent(t *testing.T) {
	for n, want := range map[float64]string{
		0: "0", 1: "1", -7: "-7", 0.5: "0.5", 1e18: "1000000000000000000", 1e19: "1e+19", -1e19: "-1e+19",
		1 << 63: "9.223372036854776e+18", 1e300: "1e+300",
	} {
		token, err := json.Marshal(wire.Number(n))
		if err != nil || string(token) != want {
			t.Errorf("token %v: %s, %v; want %s", n, token, err, want)
		}
		data, err := json.Marshal(wire.ContextData{"n": n})
		if err != nil || string(data) != `{"n":`+want+`}` {
			t.Errorf("context %v: %s, %v; want %s", n, data, err, want)
		}
	}
}
