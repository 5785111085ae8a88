package runner

import (
	"os"
	"runtime"
	"strings"
)

// osLabel is this operating system as labels and runner.os spell it.
func osLabel() string {
	switch runtime.GOOS {
	case "darwin":
		return "macOS"
	case "windows":
		return "Windows"
	default:
		return "Linux"
	}
}

// archLabel is this architecture as labels and runner.arch spell it.
func archLabel() string {
	switch runtime.GOARCH {
	case "amd64":
		return "X64"
	case "386":
		return "X86"
	case "arm64":
		return "ARM64"
	default:
		return strings.ToUpper(runtime.GOARCH)
	}
}

// hostname is what this machine is called, where that is only shown.
func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}
