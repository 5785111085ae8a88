package wire

// FeedLines is one message of the live console: lines of a step as they
// appear, without time stamps. A line may hold line breaks.
type FeedLines struct {
	Count     int      `json:"count"`
	Value     []string `json:"value"`
	StepID    string   `json:"stepId"`
	StartLine Int      `json:"startLine,omitempty"` // of the first line within the step, from 1
}
