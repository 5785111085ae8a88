package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// fromStdin stands for a credential that is read from standard input.
	fromStdin = "-"
	// maxCredential is how many bytes one may have: a pipe holds them.
	maxCredential = 32 << 10
)

// conceal starts this program anew in the same process, with the credential of a
// flag on standard input and nowhere else: everything that runs as the same user,
// such as a job, can read the arguments and the environment that a process was
// started with. It returns only if that fails.
func conceal(flag, credential string) error {
	if len(credential) > maxCredential {
		return fmt.Errorf("%s is longer than %d KiB", flag, maxCredential>>10)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	if _, err := write.WriteString(credential + "\n"); err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	if err := unix.Dup2(int(read.Fd()), 0); err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	return fmt.Errorf("%s: %w", flag, syscall.Exec(self, withoutCredentials(os.Args, flag), withoutVariables(os.Environ())))
}

// credentialFlags are those whose value must not stay visible.
func credentialFlags() []string { return []string{"--token", "--jitconfig"} }

// withoutCredentials are the arguments, with flag given as [fromStdin].
func withoutCredentials(args []string, flag string) []string {
	var kept []string
	for i := 0; i < len(args); i++ {
		name, _, joined := strings.Cut(args[i], "=")
		switch {
		case !slices.Contains(credentialFlags(), name):
			kept = append(kept, args[i])
		case !joined:
			i++ // its value
		}
	}
	return append(kept, flag, fromStdin)
}

// withoutVariables is the environment without what gives credentials.
func withoutVariables(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		flag := "--" + strings.ToLower(strings.TrimPrefix(name, "UNDERSTUDY_"))
		return strings.HasPrefix(name, "UNDERSTUDY_") && slices.Contains(credentialFlags(), flag)
	})
}
