package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
)

// A job with the permission gets a token by the command that GitHub's reference has, and by
// the Actions toolkit. Others verify it. A job without it is not told how.
func TestAJobProvesToOthersWhoItIs(t *testing.T) {
	t.Parallel()
	needToolkit(t)
	s := startServer(t)
	s.addToolkit("oidc")
	r := s.newRepository("hello")
	const text = `on: push
jobs:
  with:
    runs-on: ubuntu-latest
    permissions: {id-token: write}
    steps:
      - run: |
          curl -sS -H "Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=api://AzureADTokenExchange"
          echo; echo "asked with $ACTIONS_ID_TOKEN_REQUEST_TOKEN"
      - uses: tools/oidc@v1
  without:
    runs-on: ubuntu-latest
    steps: [{run: echo "asked at '$ACTIONS_ID_TOKEN_REQUEST_URL' with '$ACTIONS_ID_TOKEN_REQUEST_TOKEN'"}]
`
	one := r.pushWorkflow(text)
	r.await(one, "success")
	var jobs struct{ Jobs []job }
	r.do("GET", fmt.Sprintf("%s/actions/runs/%d/jobs", r.api, one.ID), nil, &jobs)
	logs := map[string][]string{}
	for i := range jobs.Jobs {
		j := &jobs.Jobs[i]
		logs[j.Name] = r.log(j)
	}
	has := func(job, line string) {
		t.Helper()
		if !slices.Contains(logs[job], line) {
			t.Errorf("the log of %s lacks %q: %q", job, line, logs[job])
		}
	}
	has("without", "asked at '' with ''")
	has("with", "asked with ***")

	var answer struct{ Value string }
	for _, line := range logs["with"] {
		if strings.HasPrefix(line, `{"value":`) {
			if err := json.Unmarshal([]byte(line), &answer); err != nil {
				t.Fatal(err)
			}
		}
	}
	provider, err := oidc.NewProvider(t.Context(), s.url+"/_services/token")
	if err != nil {
		t.Fatal(err)
	}
	token, err := provider.Verifier(&oidc.Config{ClientID: "api://AzureADTokenExchange"}).Verify(t.Context(), answer.Value)
	if err != nil {
		t.Fatalf("%v: %q", err, logs["with"])
	}
	var claims struct {
		Repository string
		RunID      string `json:"run_id"`
	}
	if err := token.Claims(&claims); err != nil || claims.Repository != r.name || claims.RunID != fmt.Sprint(one.ID) || !strings.HasPrefix(token.Subject, "repo:admin@") || !strings.HasSuffix(token.Subject, ":ref:refs/heads/main") {
		t.Errorf("%+v of %s, %v", claims, token.Subject, err)
	}
	has("with", "the token is ***, for sts.amazonaws.com, of "+token.Subject) // the toolkit masks it
	has("with", "by default it is for "+s.url+"/admin")
}
