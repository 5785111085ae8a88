package container

import (
	"fmt"
	"slices"
	"strings"
)

// A Policy says what jobs may have beyond what every container gets. The empty one is
// for jobs whose authors are not trusted with the machine.
type Policy struct {
	allowed []string
}

// What a policy may allow.
const (
	Privileged   = "privileged"      // --privileged
	Capabilities = "capabilities"    // --cap-add, and MKNOD, which containers do not have otherwise
	Devices      = "devices"         // --device and what is like it, --gpus
	Namespaces   = "host-namespaces" // --pid, --ipc, --uts, --userns, --cgroupns and --network of the host or of other containers
	Mounts       = "mounts"          // any directory of the machine, and volumes of the engine that outlive the job
	Socket       = "engine-socket"   // the engine's own socket, where GitHub's runner has it
	Security     = "security-opt"    // --security-opt that loosens, --runtime
	AnyOption    = "options"         // every option that is not known
	Everything   = "all"
)

func relaxations() []string {
	return []string{Privileged, Capabilities, Devices, Namespaces, Mounts, Socket, Security, AnyOption, Everything}
}

// ParsePolicy reads the values of --container-policy.
func ParsePolicy(values []string) (Policy, error) {
	var p Policy
	for _, v := range values {
		switch {
		case v == "" || v == "default":
		case !slices.Contains(relaxations(), v):
			return p, fmt.Errorf("--container-policy %q is none of default, %s", v, strings.Join(relaxations(), ", "))
		default:
			p.allowed = append(p.allowed, v)
		}
	}
	return p, nil
}

// Allows says whether jobs may have something.
func (p Policy) Allows(what string) bool {
	return slices.Contains(p.allowed, what) || slices.Contains(p.allowed, Everything)
}

// refuse is the error of something that jobs may not have.
func refuse(option, needs string) error {
	return Error(fmt.Sprintf("The option '%s' is not allowed on this runner. Its operator may allow it: --container-policy %s.", option, needs))
}
