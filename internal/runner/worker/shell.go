package worker

import "strings"

// A shell is the program that runs a script, and how to call it (RUN-1).
type shell struct {
	name   string // as the workflow gives it: "bash"
	path   string // absolute
	format string // arguments; {0} stands for the script file
}

// shellFor interprets the value of a shell key; "" selects the default.
func shellFor(option string, look func(program string) (string, bool)) (shell, error) {
	if option == "" {
		path, ok := look("bash")
		if !ok {
			if path, ok = look("sh"); !ok {
				return shell{}, problemf("sh: command not found")
			}
		}
		return shell{name: "sh", path: path, format: shellArguments("sh")}, nil
	}
	name, format, _ := strings.Cut(option, " ")
	path, ok := look(name)
	if !ok {
		return shell{}, problemf("%s: command not found", name)
	}
	if format = strings.TrimLeft(format, " "); format == "" {
		format = shellArguments(name)
	}
	return shell{name: name, path: path, format: format}, nil
}

func shellArguments(name string) string {
	switch strings.ToLower(name) {
	case "bash":
		return "--noprofile --norc -e -o pipefail {0}"
	case "sh":
		return "-e {0}"
	case "python":
		return "{0}"
	case "pwsh", "powershell":
		return `-command ". '{0}'"`
	case "cmd":
		return `/D /E:ON /V:OFF /S /C "CALL "{0}""`
	}
	return ""
}

// extension is the end of the script file's name.
func (s shell) extension() string {
	switch strings.ToLower(s.name) {
	case "bash", "sh":
		return ".sh"
	case "python":
		return ".py"
	case "pwsh", "powershell":
		return ".ps1"
	case "cmd":
		return ".cmd"
	}
	return ""
}

// script is what the script file holds for a run key of the given text.
func (s shell) script(text string) string {
	switch s.name {
	case "pwsh", "powershell":
		return "$ErrorActionPreference = 'stop'\n" + text + "\n" +
			`if ((Test-Path -LiteralPath variable:\LASTEXITCODE)) { exit $LASTEXITCODE }`
	case "cmd":
		return "@echo off\n" + text
	}
	return text
}

// arguments are the shell's arguments for a script file. The format is first
// cut into words, so the file's path stays one word whatever it contains.
func (s shell) arguments(file string) ([]string, error) {
	if !strings.Contains(s.format, "{0}") {
		return nil, problemf("Invalid shell option. Shell must be a valid built-in (bash, sh, cmd, powershell, pwsh) or a format string containing '{0}'")
	}
	words := splitWords(s.format)
	for i, word := range words {
		var err error
		if words[i], err = fillIn(word, file); err != nil {
			return nil, err
		}
	}
	return words, nil
}

// fillIn replaces {0}; {{ and }} stand for single braces.
func fillIn(word, file string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(word); i++ {
		rest := word[i:]
		switch {
		case strings.HasPrefix(rest, "{0}"):
			b.WriteString(file)
			i += 2
		case strings.HasPrefix(rest, "{{"), strings.HasPrefix(rest, "}}"):
			b.WriteByte(word[i])
			i++
		case word[i] == '{', word[i] == '}':
			return "", problemf("Input string was not in a correct format.")
		default:
			b.WriteByte(word[i])
		}
	}
	return b.String(), nil
}

// splitWords cuts a command line at blanks; double quotes keep blanks, and a
// backslash keeps a double quote.
func splitWords(s string) []string {
	var (
		words  []string
		word   strings.Builder
		begun  bool // a word, perhaps an empty one in quotes
		quoted bool
	)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s) && s[i+1] == '"':
			i++
			word.WriteByte('"')
			begun = true
		case c == '"':
			quoted = !quoted
			begun = true
		case (c == ' ' || c == '\t') && !quoted:
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
	if begun {
		words = append(words, word.String())
	}
	return words
}
