package wire

// Paths of the services for runners, below the base by which a runner comes in.
const (
	TokenPath  = "/_runner/token/"
	BrokerPath = "/_runner/broker/"
	RunPath    = "/_runner/run/"
)
