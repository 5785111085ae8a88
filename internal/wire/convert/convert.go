// Package convert turns parts of workflow files and values of contexts into the
// shapes of the runner protocol, and back.
//
// The server writes a job message with [TokenToWire] and [ContextToWire]; the
// bundled runner reads it with [TokenFromWire] and [ContextFromWire]. What one
// direction writes, the other reads as the same thing, through JSON too: only
// the layout that people gave an expression is lost, and positions of what has
// none. Both directions stand here, so that a new kind of value is added to both.
package convert
