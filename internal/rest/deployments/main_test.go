package deployments_test

import (
	"os"
	"testing"

	"github.com/understudy-ci/understudy/internal/openapitest"
)

func TestMain(m *testing.M) { os.Exit(openapitest.Main(m)) }
