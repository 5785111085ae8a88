// Package convert turns parts of workflow files and values of contexts into the
// shapes of the runner protocol, and back.
//
// The server writes a job message with [TokenToWire] and [ContextToWire]; the
// bundled runner reads it with [TokenFromWire] and [ContextFromWire]. What one
// direction writes, the other reads as the same value, also after a way through
// JSON; only the white space that people put into ${{ }} is lost. Both directions
// are in this package, so that a new kind of value is added to both.
package convert
