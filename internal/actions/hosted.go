package actions

import "strings"

// hostedSystems are the images of GitHub's own runners, by how their labels begin, and
// the system that each is billed as.
var hostedSystems = [...]struct{ label, system string }{
	{"ubuntu-", "UBUNTU"}, {"macos-", "MACOS"}, {"windows-", "WINDOWS"},
}

// HostedSystem is the system that GitHub would bill a job with these labels as: UBUNTU,
// MACOS or WINDOWS. It is empty for jobs of self-hosted runners, which are not billed.
func HostedSystem(labels []string) string {
	for _, l := range labels {
		for _, s := range hostedSystems {
			if len(l) > len(s.label) && strings.EqualFold(l[:len(s.label)], s.label) {
				return s.system
			}
		}
	}
	return ""
}
