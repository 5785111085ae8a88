package wire

import "testing"

func TestAPathOfARunnersOwnStandsForTheSharedOne(t *testing.T) {
	for given, want := range map[string]string{
		"/octo/hello": "/_runner-octo.hello/broker/", "octo/hello.git/": "/_runner-octo.hello/broker/", "/guild": "/_runner-guild/broker/",
		"/o/a b<c>é": "/_runner-o.a-b-c--/broker/", "": "/_runner-/broker/",
	} {
		got := OwnBrokerPath(given)
		if got != want {
			t.Errorf("%q: %s, want %s", given, got, want)
		}
		if shared := SharedPath(got); shared != BrokerPath {
			t.Errorf("%s stands for %s", got, shared)
		}
	}
	for path, want := range map[string]string{
		"/_runner-x/run/acquirejob": "/_runner/run/acquirejob", "/_runner/broker/message": "/_runner/broker/message",
		"/_runner-x": "/_runner-x", "/_runnerx/broker/": "/_runnerx/broker/", "/octo/_runner-x/y": "/octo/_runner-x/y", "": "",
	} {
		if got := SharedPath(path); got != want {
			t.Errorf("%s stands for %s, want %s", path, got, want)
		}
	}
}
