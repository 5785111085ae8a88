package container

import (
	"fmt"
	"slices"
	"strings"
)

// An option is one of `options`, with its value.
type option struct {
	name  string // as the engine has it, with its dashes: --cpus
	value string
	bare  bool // no value was given: a switch
}

// argument is the option as one argument, so that a value is never taken for another option.
func (o option) argument() string {
	if o.bare {
		return o.name
	}
	return o.name + "=" + o.value
}

// A rule says what is done with an option.
type rule struct {
	flag  bool   // it is a switch
	needs string // what the policy must allow; "" for nothing
	check func(value string) (needs string)
	never string // why it is refused in any case
}

const ownWay = "it would be at odds with what the runner does itself"

// rules are the options that are known, of `docker create`.
func rules() map[string]rule {
	m := map[string]rule{}
	for name := range strings.FieldsSeq("--cpus --cpu-shares --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpuset-cpus --cpuset-mems --memory --memory-swap " +
		"--memory-reservation --memory-swappiness --kernel-memory --shm-size --ulimit --pids-limit --hostname --domainname --user --workdir --entrypoint " +
		"--health-cmd --health-interval --health-retries --health-timeout --health-start-period --health-start-interval " +
		"--dns --dns-option --dns-opt --dns-search --add-host --expose --publish --mac-address --ip --ip6 --network-alias --net-alias --stop-signal --stop-timeout " +
		"--tmpfs --cap-drop --platform --pull --name --storage-opt --link-local-ip --blkio-weight --oom-score-adj") {
		m[name] = rule{}
	}
	for name := range strings.FieldsSeq("--read-only --init --no-healthcheck --tty --interactive --publish-all --oom-kill-disable --quiet --disable-content-trust") {
		m[name] = rule{flag: true}
	}
	m["--oom-score-adj"] = rule{check: func(v string) string {
		if strings.HasPrefix(v, "-") {
			return Security
		}
		return ""
	}}
	m["--oom-kill-disable"] = rule{flag: true, needs: Security}
	m["--privileged"] = rule{flag: true, needs: Privileged}
	m["--cap-add"] = rule{needs: Capabilities}
	for name := range strings.FieldsSeq("--device --device-cgroup-rule --device-read-bps --device-read-iops --device-write-bps --device-write-iops --gpus --blkio-weight-device --cdi-device") {
		m[name] = rule{needs: Devices}
	}
	own := func(values ...string) func(string) string {
		return func(v string) string {
			if slices.Contains(values, v) {
				return ""
			}
			return Namespaces
		}
	}
	m["--pid"], m["--uts"], m["--userns"] = rule{needs: Namespaces}, rule{needs: Namespaces}, rule{needs: Namespaces}
	m["--ipc"], m["--cgroupns"] = rule{check: own("private", "none", "shareable")}, rule{check: own("private")}
	m["--group-add"] = rule{check: func(v string) string {
		if v == "keep-groups" { // of the runner, for podman
			return Namespaces
		}
		return ""
	}}
	m["--cgroup-parent"], m["--cgroup"] = rule{needs: Namespaces}, rule{needs: Namespaces}
	m["--network"] = rule{check: own("none"), never: "every container of a job is in the network of the job"}
	m["--net"] = m["--network"]
	m["--security-opt"] = rule{check: func(v string) string {
		switch strings.ReplaceAll(v, "=", ":") {
		case "no-new-privileges", "no-new-privileges:true":
			return ""
		}
		return Security
	}}
	m["--runtime"], m["--isolation"] = rule{needs: Security}, rule{needs: Security}
	m["--sysctl"] = rule{check: func(v string) string {
		for _, ok := range []string{"net.", "kernel.msg", "kernel.sem", "kernel.shm", "fs.mqueue."} {
			if strings.HasPrefix(v, ok) {
				return ""
			}
		}
		return Security
	}}
	m["--mount"], m["--volumes-from"], m["--volume-driver"] = rule{needs: Mounts}, rule{needs: Mounts}, rule{needs: Mounts}
	m["--volume"] = rule{} // as those of the key volumes
	m["--env"], m["--label"] = rule{}, rule{}
	for name := range strings.FieldsSeq("--annotation --env-file --label-file --cidfile --pidfile --log-driver --log-opt --restart --link --use-api-socket") {
		m[name] = rule{needs: AnyOption}
	}
	for name := range strings.FieldsSeq("--rm --detach --sig-proxy --detach-keys --attach --help") {
		m[name] = rule{flag: name != "--attach" && name != "--detach-keys", never: ownWay}
	}
	return m
}

// short are the options that have a letter.
func short(letter byte) (name string, ok bool) {
	name, ok = map[byte]string{
		'a': "--attach", 'c': "--cpu-shares", 'd': "--detach", 'e': "--env", 'h': "--hostname", 'i': "--interactive", 'l': "--label", 'm': "--memory",
		'p': "--publish", 'P': "--publish-all", 'q': "--quiet", 't': "--tty", 'u': "--user", 'v': "--volume", 'w': "--workdir",
	}[letter]
	return name, ok
}

// parseOptions reads `options` as the engine would, and refuses what the policy does.
func parseOptions(text string, p Policy) ([]option, error) {
	words, err := splitWords(text)
	if err != nil {
		return nil, err
	}
	known := rules()
	var list []option
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		var found []option
		switch {
		case strings.HasPrefix(word, "--") && len(word) > 2:
			name, value, given := strings.Cut(word, "=")
			found = []option{{name: name, value: value, bare: !given}}
		case strings.HasPrefix(word, "-") && len(word) > 1 && word != "--":
			if found, err = shortOptions(word, known); err != nil {
				return nil, err
			}
		default:
			return nil, Error(fmt.Sprintf("'%s' in the options of a container is no option.", word))
		}
		last := &found[len(found)-1]
		if r, ok := known[last.name]; last.bare && (ok && !r.flag || !ok && len(words) > 0 && !strings.HasPrefix(words[0], "-")) {
			if len(words) == 0 {
				return nil, Error(fmt.Sprintf("The option '%s' of a container needs a value.", last.name))
			}
			last.value, last.bare, words = words[0], false, words[1:]
		}
		for _, o := range found {
			if err := o.permitted(known, p); err != nil {
				return nil, err
			}
		}
		list = append(list, found...)
	}
	return list, nil
}

// shortOptions reads a word of letters: -it, -p8080:80, -m=1g.
func shortOptions(word string, known map[string]rule) ([]option, error) {
	var found []option
	for i := 1; i < len(word); i++ {
		name, ok := short(word[i])
		if !ok {
			return nil, refuse("-"+word[i:i+1], AnyOption)
		}
		rest := word[i+1:]
		switch {
		case strings.HasPrefix(rest, "="):
			return append(found, option{name: name, value: rest[1:]}), nil
		case known[name].flag:
			found = append(found, option{name: name, bare: true})
		case rest != "":
			return append(found, option{name: name, value: rest}), nil
		default:
			return append(found, option{name: name, bare: true}), nil
		}
	}
	return found, nil
}

// permitted says why a job may not have the option.
func (o option) permitted(known map[string]rule, p Policy) error {
	r, ok := known[o.name]
	off := r.flag && !o.bare && (o.value == "false" || o.value == "0" || o.value == "f" || o.value == "F" || o.value == "FALSE" || o.value == "False")
	switch {
	case !ok && !p.Allows(AnyOption):
		return refuse(o.name, AnyOption)
	case !ok || off:
		return nil
	case r.needs != "" && !p.Allows(r.needs):
		return refuse(o.argument(), r.needs)
	case r.check != nil:
		if needs := r.check(o.value); needs != "" && !p.Allows(needs) {
			return refuse(o.argument(), needs)
		}
	}
	if r.never != "" && (r.check == nil || !p.Allows(Namespaces)) {
		return Error(fmt.Sprintf("The option '%s' of a container is not supported: %s.", o.argument(), r.never))
	}
	if o.name == "--env" && !strings.Contains(o.value, "=") {
		return Error(fmt.Sprintf("The option '%s' of a container needs a value: NAME=VALUE.", o.argument()))
	}
	if o.name == "--label" && strings.HasPrefix(o.value, labelPrefix) {
		return Error(fmt.Sprintf("The option '%s' of a container is not supported: %s.", o.argument(), ownWay))
	}
	return nil
}

// splitWords cuts a text at blanks. Quotes of both kinds keep blanks, and a backslash keeps the
// character after it, but in single quotes.
func splitWords(s string) ([]string, error) {
	var (
		words []string
		word  strings.Builder
		begun bool
		quote byte
	)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == 0:
			return nil, Error("The options of a container have a NUL in them.")
		case c == '\\' && quote != '\'' && i+1 < len(s) && (quote == 0 || s[i+1] == '"' || s[i+1] == '\\'):
			i++
			word.WriteByte(s[i])
			begun = true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, begun = c, true
		case quote == 0 && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			if begun {
				words = append(words, word.String())
				word.Reset()
				begun = false
			}
		default:
			word.WriteByte(c)
			begun = true
		}
	}
	if quote != 0 {
		return nil, Error("The options of a container have a quote that does not end.")
	}
	if begun {
		words = append(words, word.String())
	}
	return words, nil
}
