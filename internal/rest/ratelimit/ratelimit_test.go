package ratelimit_test

import (
	"net/http"
	"testing"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestRateLimitIsNeverUsedUp(t *testing.T) {
	s := resttest.New(t)
	a := s.Want(s.Get("/rate_limit"), http.StatusOK)
	if _, ok := a.JSON(t)["rate"]; !ok {
		t.Error("no rate in 2022-11-28")
	}
	if a.Header.Get("X-RateLimit-Remaining") != a.Header.Get("X-RateLimit-Limit") {
		t.Errorf("remaining %s of %s", a.Header.Get("X-RateLimit-Remaining"), a.Header.Get("X-RateLimit-Limit"))
	}
	a = s.Want(s.Get("/rate_limit", "X-GitHub-Api-Version: 2026-03-10"), http.StatusOK)
	if _, ok := a.JSON(t)["rate"]; ok {
		t.Error("rate in 2026-03-10")
	}
	limits, _, err := s.GoGitHub(s.AliceToken).RateLimit.Get(t.Context())
	if err != nil || limits.GetCore().Remaining == 0 {
		t.Errorf("go-github reads %v, %v", limits, err)
	}
}
