package container

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Limits are what each container of a job may use, by the operator's word. Zero is no limit.
type Limits struct {
	Memory    int64   // bytes; none of it is swapped out
	CPUs      float64 // how many processors' time
	Processes int     // each thread counted
}

// arguments are those that set the limits. They come after the options of a job, and win: a
// job may have less, by its options, and not more.
func (l Limits) arguments(options []option) ([]string, error) {
	var args []string
	given := func(name string) (value string) {
		for _, o := range options {
			if o.name == name {
				value = o.value
			}
		}
		return value
	}
	if l.Memory > 0 {
		bytes := strconv.FormatInt(lesser(l.Memory, size(given("--memory"))), 10)
		args = append(args, "--memory="+bytes, "--memory-swap="+bytes)
	}
	if l.CPUs > 0 {
		for _, o := range options {
			if o.name == "--cpu-quota" || o.name == "--cpu-period" {
				return nil, Error(fmt.Sprintf("The option '%s' of a container is not supported where the runner limits what jobs use: --cpus is.", o.argument()))
			}
		}
		own, _ := strconv.ParseFloat(given("--cpus"), 64) // 0 if it is no number, which the engine says
		args = append(args, "--cpus="+strconv.FormatFloat(lesser(l.CPUs, own), 'f', -1, 64))
	}
	if l.Processes > 0 {
		own, _ := strconv.Atoi(given("--pids-limit")) // likewise
		args = append(args, "--pids-limit="+strconv.Itoa(lesser(l.Processes, own)))
	}
	return args, nil
}

// lesser is a limit, or what is wanted if that is less; 0 and less is nothing wanted.
func lesser[N int | int64 | float64](limit, wanted N) N {
	if wanted > 0 && wanted < limit {
		return wanted
	}
	return limit
}

// size is an amount of memory as engines take it: 512m, 1.5g; 0 if it is none.
func size(text string) int64 {
	text = strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(strings.TrimSpace(text)), "b"), "i")
	unit := int64(1)
	if len(text) > 0 {
		if at := strings.IndexByte("kmgtp", text[len(text)-1]); at >= 0 {
			unit, text = int64(1)<<(10*(at+1)), text[:len(text)-1]
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	if n *= float64(unit); err != nil || !(n > 0 && n < math.MaxInt64) {
		return 0
	}
	return int64(n)
}
