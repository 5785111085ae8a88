//go:build !race

package object_test

const raced = false
