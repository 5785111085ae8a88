package results

import (
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/steps"
	"github.com/understudy-ci/understudy/internal/wire"
)

const receiverService = "results.services.receiver.Receiver"

// receiver is the service that gives upload URLs for what a job prints (LOG-1).
func (a *API) receiver() service {
	return service{
		wire.GetStepLogsURL:       a.stepLogsURL,
		wire.CreateStepLogs:       a.stepLogsMetadata,
		wire.GetJobLogsURL:        a.jobLogsURL,
		wire.CreateJobLogs:        a.jobLogsMetadata,
		wire.GetStepSummaryURL:    a.stepSummaryURL,
		wire.CreateStepSummary:    a.stepSummaryMetadata,
		wire.GetJobDiagnosticsURL: a.diagnosticsURL,
	}
}

// stepLogsURL gives a URL to upload the next piece of a step's log to. A runner may
// have printed something before the first step: it calls that step by the job's
// own id, and sends the same lines again with the job's log.
func (a *API) stepLogsURL(c *call) (any, error) {
	var req wire.BlobURLRequest
	if err := c.decode(&req, &req.ResultsIDs); err != nil {
		return nil, err
	}
	step, err := steps.GUID(req.StepID)
	if err != nil {
		return nil, err
	}
	if step == c.job.GUID {
		step = logs.Preamble
	}
	return a.logsURL(c, step)
}

// jobLogsURL gives a URL to upload the next piece of the job's log to.
func (a *API) jobLogsURL(c *call) (any, error) {
	var req wire.BlobURLRequest
	if err := c.decode(&req, &req.ResultsIDs); err != nil {
		return nil, err
	}
	return a.logsURL(c, c.job.GUID)
}

// logsURL gives a URL to upload the next piece of a log to. GitHub's runner loses
// the beginning of logs of more than one piece unless it takes the storage for
// Azure's, and uses the library of that (LOG-3).
func (a *API) logsURL(c *call, step string) (any, error) {
	url, err := a.uploadURL(c, target{purpose: logPurpose, job: c.job.ID, step: step, part: a.Logs.NewPart()})
	return wire.LogsURLResponse{
		LogsURL: url, BlobStorageType: wire.BlobStorageAzure, SoftSizeLimit: wire.IntString(a.Logs.Limits().Part),
	}, err
}

// stepSummaryURL gives a URL to upload a step's summary to.
func (a *API) stepSummaryURL(c *call) (any, error) {
	var req wire.BlobURLRequest
	if err := c.decode(&req, &req.ResultsIDs); err != nil {
		return nil, err
	}
	step, err := steps.GUID(req.StepID)
	if err != nil {
		return nil, err
	}
	url, err := a.uploadURL(c, target{purpose: summaryPurpose, job: c.job.ID, step: step})
	return wire.SummaryURLResponse{
		SummaryURL: url, BlobStorageType: wire.BlobStorageUnspecified, SoftSizeLimit: wire.IntString(a.Logs.Limits().MostSummary()),
	}, err
}

// diagnosticsURL gives a URL to upload the runner's own logs of a job to, a zip file.
func (a *API) diagnosticsURL(c *call) (any, error) {
	var req wire.BlobURLRequest
	if err := c.decode(&req, &req.ResultsIDs); err != nil {
		return nil, err
	}
	url, err := a.uploadURL(c, target{purpose: diagnosticsPurpose, job: c.job.ID, step: c.job.GUID})
	return wire.DiagnosticsURLResponse{DiagLogsURL: url, BlobStorageType: wire.BlobStorageUnspecified}, err
}

// The metadata that follow an upload say nothing that its part did not.

func (a *API) stepLogsMetadata(c *call) (any, error) {
	var req wire.LogsMetadata
	return done(c, &req, &req.ResultsIDs, &req.StepID)
}

func (a *API) jobLogsMetadata(c *call) (any, error) {
	var req wire.LogsMetadata
	return done(c, &req, &req.ResultsIDs, nil)
}

func (a *API) stepSummaryMetadata(c *call) (any, error) {
	var req wire.SummaryMetadata
	return done(c, &req, &req.ResultsIDs, &req.StepID)
}

func done(c *call, req any, ids *wire.ResultsIDs, step *string) (any, error) {
	if err := c.decode(req, ids); err != nil {
		return nil, err
	}
	if step != nil {
		if _, err := steps.GUID(*step); err != nil {
			return nil, err
		}
	}
	return wire.OKResponse{OK: true}, nil
}
