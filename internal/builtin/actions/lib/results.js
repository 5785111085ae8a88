'use strict'
// The results service: artifacts (and caches) by Twirp with JSON.

const core = require('./core')
const http = require('./http')

const services = 'twirp/github.actions.results.api.v1.'

function needed(name) {
  const value = process.env[name]
  if (!value) throw new Error(`Unable to get the ${name} env variable: the server of this job offers no results service`)
  return value
}

/** The ids of the run and the job, as the runtime token has them. */
function backendIds() {
  let scopes
  try {
    const claims = Buffer.from(needed('ACTIONS_RUNTIME_TOKEN').split('.')[1], 'base64url').toString('utf8')
    scopes = String(JSON.parse(claims).scp).split(' ')
  } catch (err) {
    throw new Error(`Failed to get backend IDs: The provided JWT token is invalid: ${err.message}`)
  }
  for (const scope of scopes) {
    const [name, run, job, more] = scope.split(':')
    if (name === 'Actions.Results' && run && job && more === undefined) {
      return { workflow_run_backend_id: run, workflow_job_run_backend_id: job }
    }
  }
  throw new Error('Failed to get backend IDs: The provided JWT token is invalid: it has no scope of results')
}

/** Calls a method of a service, such as ArtifactService, and resolves to its answer. */
async function call(service, method, body) {
  const base = needed('ACTIONS_RESULTS_URL')
  const url = new URL(`${services}${service}/${method}`, base.endsWith('/') ? base : `${base}/`)
  const options = {
    headers: { authorization: `Bearer ${needed('ACTIONS_RUNTIME_TOKEN')}`, 'content-type': 'application/json' },
    body: JSON.stringify(body)
  }
  return http.retry(method, async () => {
    const { body: text } = await http.exchange(`Failed to ${method}`, 'POST', url, options, [200])
    try {
      return JSON.parse(text)
    } catch {
      throw new Error(`Failed to ${method}: the answer is not JSON`)
    }
  })
}

/** Calls a method of the artifact service for this run. */
function artifacts(method, body) {
  return call('ArtifactService', method, { ...backendIds(), ...body })
}

/** The artifacts of this run that fit, the newest of each name. */
async function listArtifacts(filter = {}) {
  const { artifacts: found = [] } = await artifacts('ListArtifacts', filter)
  return latest(
    found.map(a => ({
      id: Number(a.database_id),
      name: a.name,
      size: Number(a.size || 0),
      digest: a.digest || undefined,
      ids: {
        workflow_run_backend_id: a.workflow_run_backend_id,
        workflow_job_run_backend_id: a.workflow_job_run_backend_id
      }
    }))
  )
}

/** Of artifacts of the same name only that of the highest number, newest first. */
function latest(list) {
  const names = new Set()
  return [...list].sort((a, b) => b.id - a.id).filter(a => !names.has(a.name) && names.add(a.name))
}

/** Where an artifact of this run can be downloaded. */
async function downloadURL(artifact) {
  const answer = await artifacts('GetSignedArtifactURL', { ...artifact.ids, name: artifact.name })
  core.maskSignature(answer.signed_url)
  return answer.signed_url
}

/** Deletes the artifact of that name, and resolves to whether there was one. */
async function deleteArtifact(name) {
  const [found] = await listArtifacts({ name_filter: name })
  if (!found) return false
  await artifacts('DeleteArtifact', { ...found.ids, name })
  return true
}

module.exports = { call, artifacts, listArtifacts, latest, downloadURL, deleteArtifact }
