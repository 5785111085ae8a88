package wire

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// Names of the files that configure a runner, in its root.
const (
	SettingsFile    = ".runner"
	CredentialsFile = ".credentials"
	KeyFile         = ".credentials_rsaparams"
)

// RunnerSettings is the file .runner. Every value is a string: one client
// accepts nothing else, and the official runner does not mind.
type RunnerSettings struct {
	AgentID       IntString  `json:"AgentId"`
	AgentName     string     `json:"AgentName"`
	PoolID        IntString  `json:"PoolId"`
	PoolName      string     `json:"PoolName"`
	DisableUpdate BoolString `json:"DisableUpdate"`
	Ephemeral     BoolString `json:"Ephemeral"`
	ServerURL     string     `json:"ServerUrl"`
	ServerURLV2   string     `json:"ServerUrlV2"`
	UseV2Flow     BoolString `json:"UseV2Flow"`
	UseAdminFlow  BoolString `json:"UseRunnerAdminFlow,omitzero"`
	GitHubURL     string     `json:"GitHubUrl"`
	WorkFolder    string     `json:"WorkFolder"`
}

// Credentials is the file .credentials.
type Credentials struct {
	Scheme string          `json:"Scheme"` // OAuth
	Data   CredentialsData `json:"Data"`
}

// CredentialsData names the OAuth client of one runner.
type CredentialsData struct {
	ClientID         string     `json:"ClientId"`
	AuthorizationURL string     `json:"AuthorizationUrl"`
	RequireFIPS      BoolString `json:"RequireFipsCryptography"` // PS256 rather than RS256
}

// A RunnerConfig is a configured runner: the three files of its root.
type RunnerConfig struct {
	Settings    RunnerSettings
	Credentials Credentials
	Key         RSAParameters
}

// Files is c as file name → content.
func (c *RunnerConfig) Files() (map[string][]byte, error) {
	files := make(map[string][]byte, 3)
	for name, v := range c.parts() {
		b, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		files[name] = b
	}
	return files, nil
}

// ParseRunnerFiles reads what [RunnerConfig.Files] or another server wrote.
func ParseRunnerFiles(files map[string][]byte) (*RunnerConfig, error) {
	c := &RunnerConfig{}
	for name, v := range c.parts() {
		b, ok := files[name]
		if !ok {
			return nil, fmt.Errorf("%s is missing", name)
		}
		if err := json.Unmarshal(trimBOM(b), v); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return c, nil
}

func (c *RunnerConfig) parts() map[string]any {
	return map[string]any{SettingsFile: &c.Settings, CredentialsFile: &c.Credentials, KeyFile: &c.Key}
}

// EncodeJIT is c as the text of --jitconfig.
func (c *RunnerConfig) EncodeJIT() (string, error) {
	files, err := c.Files()
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(files) // []byte becomes base64
	if err != nil {
		return "", fmt.Errorf("jit configuration: %w", err)
	}
	return base64.StdEncoding.EncodeToString(b), nil
}

// DecodeJIT reads the text of --jitconfig. Files other than the known three
// are refused: a name in it is a path that a runner would write.
func DecodeJIT(text string) (*RunnerConfig, error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("jit configuration is not base64")
	}
	var files map[string][]byte
	if err := json.Unmarshal(b, &files); err != nil {
		return nil, fmt.Errorf("jit configuration: %w", err)
	}
	c, err := ParseRunnerFiles(files)
	if err != nil {
		return nil, fmt.Errorf("jit configuration: %w", err)
	}
	if len(files) != 3 {
		return nil, fmt.Errorf("jit configuration has %d files, not 3", len(files))
	}
	return c, nil
}

func trimBOM(b []byte) []byte {
	const bom = "\xef\xbb\xbf"
	if len(b) >= len(bom) && string(b[:len(bom)]) == bom {
		return b[len(bom):]
	}
	return b
}
