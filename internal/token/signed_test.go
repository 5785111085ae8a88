package token

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
)

var testNow = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func testKeys(t testing.TB) *Keys {
	t.Helper()
	k, err := LoadKeys(t.TempDir(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func testJob() Job {
	return Job{
		PlanGUID: "9f0b1c52-5d50-4b6f-8a0e-0d4a3a3e2f11", GUID: "f2a7b6d1-5a11-4d0d-b0c7-3a1a45cf3a77",
		RepoID: 1, RunID: 2, ID: 3, OrchestrationID: "plan.build.0",
		Caches:   []actions.CacheScope{{Scope: "refs/heads/main", Permission: 3}},
		Acquired: testNow.Add(-time.Microsecond), Expires: testNow.Add(time.Hour),
	}
}

func wantUnauthorized(t *testing.T, what string, err error) {
	t.Helper()
	if actions.KindOf(err) != actions.Unauthorized {
		t.Errorf("%s: got %v, want Unauthorized", what, err)
	}
}

func TestSignedTokensComeBackAsTheyWere(t *testing.T) {
	k := testKeys(t)
	job := testJob()
	text, err := k.SignJob(job, testNow)
	if err != nil {
		t.Fatal(err)
	}
	gotJob, err := k.Job(text, testNow.Add(59*time.Minute))
	job.Issued = testNow
	if diff := cmp.Diff(job, gotJob); err != nil || diff != "" {
		t.Errorf("%v, job (-want +got):\n%s", err, diff)
	}

	job.ForSteps = true
	if text, err = k.SignJob(job, testNow); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is known
		gotJob, err = k.Job(text, testNow)
		if diff := cmp.Diff(job, gotJob); err != nil || diff != "" {
			t.Errorf("%v, job, for its steps (-want +got):\n%s", err, diff)
		}
	}

	runner := Runner{ID: 7, ClientID: "9f0b1c52-5d50-4b6f-8a0e-0d4a3a3e2f11", Expires: testNow.Add(time.Hour)}
	if text, err = k.SignRunner(runner, testNow); err != nil {
		t.Fatal(err)
	}
	gotRunner, err := k.Runner(text, testNow)
	runner.Issued = testNow
	if diff := cmp.Diff(runner, gotRunner); err != nil || diff != "" {
		t.Errorf("%v, runner (-want +got):\n%s", err, diff)
	}

	admin := Admin{Registration: []byte{7}, Remove: true, Expires: testNow.Add(time.Hour)}
	if text, err = k.SignAdmin(admin, testNow); err != nil {
		t.Fatal(err)
	}
	gotAdmin, err := k.Admin(text, testNow)
	if diff := cmp.Diff(admin, gotAdmin); err != nil || diff != "" {
		t.Errorf("%v, admin (-want +got):\n%s", err, diff)
	}
}

// AUTH-2: what clients read out of the job's token.
func TestJobTokenHasTheClaimsThatClientsRead(t *testing.T) {
	text, err := testKeys(t).SignJob(testJob(), testNow)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts, want 3", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(payload, &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"scp":     "Actions.Results:9f0b1c52-5d50-4b6f-8a0e-0d4a3a3e2f11:f2a7b6d1-5a11-4d0d-b0c7-3a1a45cf3a77",
		"ac":      `[{"Scope":"refs/heads/main","Permission":3}]`,
		"orch_id": "plan.build.0",
		"exp":     float64(testNow.Add(time.Hour).Unix()),
		"nbf":     float64(testNow.Add(-5 * time.Minute).Unix()),
	} {
		if diff := cmp.Diff(want, got[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestJobTokenWithoutCachesHasAnEmptyList(t *testing.T) {
	k, j := testKeys(t), testJob()
	j.Caches = nil
	text, err := k.SignJob(j, testNow)
	if err != nil {
		t.Fatal(err)
	}
	var c jobClaims
	if _, _, err := jwt.NewParser().ParseUnverified(text, &c); err != nil || c.Caches != "[]" {
		t.Errorf("ac is %q (%v), want []", c.Caches, err)
	}
}

func TestIdsThatBreakTheScopeAreRefused(t *testing.T) {
	for _, guid := range []string{"", "a:b", "a b"} {
		j := testJob()
		j.GUID = guid
		if _, err := testKeys(t).SignJob(j, testNow); err == nil {
			t.Errorf("%q was signed", guid)
		}
	}
}

func TestForgedAndExpiredTokensAreUnauthorized(t *testing.T) {
	k := testKeys(t)
	claims := func() *jobClaims {
		return &jobClaims{
			RegisteredClaims: registered(jobAudience, testNow, testNow.Add(time.Hour)),
			Scopes:           "Actions.Results:a:b", Caches: "[]",
		}
	}
	signed := func(m jwt.SigningMethod, c *jobClaims, key any) string {
		text, err := jwt.NewWithClaims(m, c).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if _, err := k.Job(signed(jwt.SigningMethodHS256, claims(), k.jwt), testNow); err != nil {
		t.Fatalf("the honest one: %v", err)
	}
	noExp, noAudience, noScope := claims(), claims(), claims()
	noExp.ExpiresAt, noAudience.Audience, noScope.Scopes = nil, nil, "Actions.Results:a"
	good := signed(jwt.SigningMethodHS256, claims(), k.jwt)
	for name, text := range map[string]string{
		"empty":            "",
		"not a JWT":        "a.b.c",
		"alg none":         signed(jwt.SigningMethodNone, claims(), jwt.UnsafeAllowNoneSignatureType),
		"HS512":            signed(jwt.SigningMethodHS512, claims(), k.jwt),
		"other key":        signed(jwt.SigningMethodHS256, claims(), k.url),
		"no expiry":        signed(jwt.SigningMethodHS256, noExp, k.jwt),
		"no audience":      signed(jwt.SigningMethodHS256, noAudience, k.jwt),
		"no job in scope":  signed(jwt.SigningMethodHS256, noScope, k.jwt),
		"altered":          good[:len(good)/2] + "A" + good[len(good)/2+1:],
		"without its end":  good[:len(good)-1],
		"longer than read": good + strings.Repeat("A", maxToken),
	} {
		_, err := k.Job(text, testNow)
		wantUnauthorized(t, name, err)
	}
	_, err := k.Job(good, testNow.Add(time.Hour))
	wantUnauthorized(t, "expired", err)
}

func TestOneSortOfTokenIsNotTakenForAnother(t *testing.T) {
	k, expires := testKeys(t), testNow.Add(time.Hour)
	job, err1 := k.SignJob(testJob(), testNow)
	runner, err2 := k.SignRunner(Runner{ID: 7, ClientID: "c", Expires: expires}, testNow)
	admin, err3 := k.SignAdmin(Admin{Registration: []byte{7}, Expires: expires}, testNow)
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	for _, text := range []string{runner, admin} {
		_, err := k.Job(text, testNow)
		wantUnauthorized(t, "as a job's", err)
	}
	for _, text := range []string{job, admin} {
		_, err := k.Runner(text, testNow)
		wantUnauthorized(t, "as a runner's", err)
	}
	for _, text := range []string{job, runner} {
		_, err := k.Admin(text, testNow)
		wantUnauthorized(t, "as an admin's", err)
	}
}

func TestKeysStayTheSameAndPrivate(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	keys := make([]*Keys, 8)
	for i := range keys {
		wg.Go(func() {
			k, err := LoadKeys(dir, rand.Reader)
			if err != nil {
				t.Error(err)
				return
			}
			keys[i] = k
		})
	}
	wg.Wait()
	for _, k := range keys[1:] {
		if !bytes.Equal(k.jwt, keys[0].jwt) || !bytes.Equal(k.url, keys[0].url) {
			t.Error("programs that start together have different keys")
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v, want the key file only", entries, err)
	}
	info, err := entries[0].Info()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v (%v), want 0600", info.Mode(), err)
	}
}

func TestDamagedKeyFileIsRefusedAndNotReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, keyFile)
	if err := os.WriteFile(path, []byte("c0ffee"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := LoadKeys(dir, rand.Reader)
	if err == nil || strings.Contains(err.Error(), "c0ffee") {
		t.Errorf("got %v, want an error without the content", err)
	}
}
