package actions

// Limits on outputs of jobs, in bytes of UTF-16 (RES-4): two for nearly every character.
// Names count, too.
const (
	MaxJobOutputs = 1 << 20
	maxRunOutputs = 50 << 20 // of all jobs of a run
)

// OutputSize is what an output counts, in bytes of UTF-16.
func OutputSize(name, value string) int { return 2 * (UTF16Len(name) + UTF16Len(value)) }

// OutputsSize is what the outputs of a job count together, in bytes of UTF-16.
func OutputsSize(outputs map[string]string) (n int64) {
	for name, v := range outputs {
		n += int64(OutputSize(name, v))
	}
	return n
}

// SetOutputs gives the job its outputs, unless those of its run would be too large, of
// which the others have the given size; that it says by false.
func (j *Job) SetOutputs(outputs map[string]string, others int64) bool {
	if others+OutputsSize(outputs) > maxRunOutputs {
		return false
	}
	j.Outputs = outputs
	return true
}
