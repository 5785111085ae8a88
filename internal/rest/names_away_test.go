package rest

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func TestANumberThatCannotBeLookedUpIsAnErrorOfTheServer(t *testing.T) {
	st := storetest.Open(t)
	a, err := New(Config{Store: st, Log: slog.New(slog.DiscardHandler), Now: time.Now}, nil)
	if err != nil {
		t.Fatal(err)
	}
	gone, leave := context.WithCancel(t.Context()) // of who asks
	leave()
	for _, path := range []string{"/repositories/1", "/organizations/1/repos", "/user/1"} {
		w := httptest.NewRecorder()
		a.ServeHTTP(w, httptest.NewRequestWithContext(gone, http.MethodGet, path, http.NoBody))
		if w.Code < http.StatusInternalServerError {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
