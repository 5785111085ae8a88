// Runs in a page of a site that is not the server's: calls the API by @octokit/rest, and
// gives what it was told to the site of the page. What to call is in the query of the page.
import { Octokit } from '@octokit/rest'

const { api, token, owner, repo, job } = Object.fromEntries(new URLSearchParams(location.search))
const quiet = { debug() {}, info() {}, warn() {}, error() {} }
const octokitOf = auth => new Octokit({ baseUrl: api, auth, log: quiet })

// A browser tells a page of no status and no header where the server does not let it.
const failure = call => call.then(
  () => ({}),
  ({ status, message, response }) => ({ status, message, limit: response?.headers['x-ratelimit-limit'] ?? '' })
)

async function look () {
  const { actions } = octokitOf(token).rest
  const paginate = octokitOf(token).paginate
  const first = await actions.listWorkflowRunsForRepo({ owner, repo, per_page: 2 })
  await actions.createRepoVariable({ owner, repo, name: 'FROM_A_PAGE', value: 'yes' })
  return {
    headers: first.headers,
    first: first.data.workflow_runs.map(run => run.id),
    all: (await paginate(actions.listWorkflowRunsForRepo, { owner, repo, per_page: 2 })).map(run => run.id),
    log: (await actions.downloadJobLogsForWorkflowRun({ owner, repo, job_id: job })).data,
    unchanged: await failure(actions.listWorkflowRunsForRepo({ owner, repo, per_page: 2, headers: { 'if-none-match': first.headers.etag } })),
    missing: await failure(actions.listWorkflowRunsForRepo({ owner, repo: 'missing' })),
    wrong: await failure(octokitOf('wrong').rest.users.getAuthenticated()),
    anonymous: await failure(octokitOf(undefined).rest.meta.get())
  }
}

const told = await look().catch(error => ({ error: String(error.stack ?? error) }))
await fetch('/told', { method: 'POST', body: JSON.stringify(told) })
