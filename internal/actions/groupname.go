package actions

import "strings"

// CheckGroupName says whether a runs-on can name a runner group so: by its name, or
// with org/, organization/, ent/ or enterprise/ before it, for whose group it is.
func CheckGroupName(group string) error {
	owner, name := cutOwner(group)
	switch {
	case owner == "" && strings.Contains(group, "/"), strings.Contains(name, "/"):
		return Errorf(Invalid, "Invalid runs-on group name '%s'. Please use 'organization/' or 'enterprise/' prefix to target a single runner group.", group)
	case owner != "" && name == "":
		return Errorf(Invalid, "Invalid runs-on group name '%s'.", group)
	}
	return nil
}

// cutOwner cuts what says whose a runner group is off its name.
func cutOwner(group string) (owner, name string) {
	owner, name, _ = strings.Cut(group, "/")
	switch owner {
	case "org", "organization", "ent", "enterprise":
		return owner, name
	}
	return "", group
}
