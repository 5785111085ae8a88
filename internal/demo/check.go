package demo

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// sampleJobs are the jobs that the sample's workflow makes.
var sampleJobs = []string{"build (en)", "build (de)", "build (fr)", "test", "report"}

// checkRun says what of a completed run is not as it should be.
func checkRun(f *frame) error {
	var names, bad []string
	for _, j := range f.jobs {
		names = append(names, j.Name)
		if j.Conclusion != success {
			bad = append(bad, j.Name+" "+j.Conclusion)
		}
	}
	for _, name := range sampleJobs {
		if !slices.Contains(names, name) {
			bad = append(bad, name+" missing")
		}
	}
	if f.run.Conclusion != success || len(bad) > 0 {
		return fmt.Errorf("the run concluded %s: %s", f.run.Conclusion, strings.Join(bad, ", "))
	}
	return nil
}

// checkLogs says what is missing in the archive of the logs: a log for each job
// and for each of its steps, and what the build printed. Nor may it hold a token.
func checkLogs(book logbook, f *frame) error {
	var errs []error
	for _, j := range f.jobs {
		if _, ok := book.job(j.Name); !ok {
			errs = append(errs, fmt.Errorf("the archive of logs has none of job %s", j.Name))
		}
		for _, s := range j.Steps {
			if _, ok := book.step(&j, &s); !ok && s.Conclusion == success {
				errs = append(errs, fmt.Errorf("the archive of logs has none of step %d of job %s, %s", s.Number, j.Name, s.Name))
			}
		}
	}
	for _, language := range []string{"en", "de", "fr"} {
		if text, _ := book.job("build (" + language + ")"); !strings.Contains(text, "built dist/hello-"+language) {
			errs = append(errs, fmt.Errorf("the log of job build (%s) does not say what was built", language))
		}
	}
	for entry, text := range book {
		if strings.Contains(text, "ghs_") {
			errs = append(errs, fmt.Errorf("the log %s shows the job's token", entry))
		}
	}
	return errors.Join(errs...)
}

var (
	programRow  = regexp.MustCompile(`(?m)^hello-(en|de|fr) +[0-9a-f]{40}$`)
	testsPassed = regexp.MustCompile(`[1-9][0-9]* tests passed`)
)

// checkSummary says whether the page shows what the report job wrote, with the
// outputs of both jobs before it.
func checkSummary(text string) error {
	switch {
	case text == "":
		return errors.New("the page of the run shows no summary")
	case len(programRow.FindAllString(text, -1)) != 3 || !testsPassed.MatchString(text):
		return fmt.Errorf("the summary lacks outputs of the jobs before:\n%s", text)
	}
	return nil
}
