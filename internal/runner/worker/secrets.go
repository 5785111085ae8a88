package worker

import (
	"encoding/base64"
	"strings"

	"github.com/understudy-ci/understudy/internal/mask"
	"github.com/understudy-ci/understudy/internal/wire"
)

// HideSecrets adds all that the job message calls secret to the masker.
func HideSecrets(to *mask.Masker, m *wire.JobMessage) {
	for _, v := range m.Variables {
		if v.IsSecret {
			to.Add(v.Value)
		}
	}
	for _, e := range m.Resources.Endpoints {
		to.Add(e.Token())
	}
	for _, hint := range m.Mask {
		if !strings.EqualFold(hint.Type, wire.MaskRegexp) {
			continue
		}
		if err := to.AddRegexp(hint.Value); err != nil {
			to.Add(hint.Value)
		}
	}
	token := m.Variable(wire.VarToken)
	to.Add(base64.StdEncoding.EncodeToString([]byte("x-access-token:" + token)))
}
