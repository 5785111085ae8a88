//go:build !race

package markdown_test

const raced = false
