// Package toolkit lifts the host check of the Actions toolkit.
package toolkit
