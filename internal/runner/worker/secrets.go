package worker

import (
	"encoding/base64"
	"strings"

	"github.com/understudy-ci/understudy/internal/mask"
	"github.com/understudy-ci/understudy/internal/wire"
)

// HideSecrets adds all that the job message calls secret to the masker.
func HideSecrets(to *mask.Masker, m *wire.JobMessage) {
	token := m.Variable(wire.VarToken)
	values := []string{base64.StdEncoding.EncodeToString([]byte("x-access-token:" + token))}
	for _, v := range m.Variables {
		if v.IsSecret {
			values = append(values, v.Value)
		}
	}
	for _, e := range m.Resources.Endpoints {
		values = append(values, e.Token())
	}
	for _, hint := range m.Mask {
		if !strings.EqualFold(hint.Type, wire.MaskRegexp) {
			continue
		}
		if err := to.AddRegexp(hint.Value); err != nil {
			values = append(values, hint.Value)
		}
	}
	to.AddAll(values)
}
