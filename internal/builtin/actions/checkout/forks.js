'use strict'
// Runs of pull_request_target and workflow_run have the rights of the base
// repository. Code of a fork does not belong there.

const fs = require('node:fs')

const pullRef = /^refs\/pull\/\d+\/(head|merge)$/

/** Throws if the settings ask for the code of a pull request that comes from a fork. */
function refuseForkCode(repository, { ref, commit }, env) {
  const pull = untrusted(env.GITHUB_EVENT_NAME, readEvent(env.GITHUB_EVENT_PATH))
  if (!pull) return
  const fork = pull.name && repository.toLowerCase() === pull.name.toLowerCase()
  if (!fork && !pullRef.test(ref) && !pull.commits.includes(commit)) return
  throw new Error(
    `Refusing to check out fork pull request code from a '${env.GITHUB_EVENT_NAME}' workflow. The run has the token, ` +
      'the secrets and the caches of the base repository, which that code could take. ' +
      "If it is never executed, set 'allow-unsafe-pr-checkout: true' on the actions/checkout step."
  )
}

/** What the event says about a pull request from a fork, or nothing. */
function untrusted(name, event) {
  const run = event.workflow_run || {}
  const pull = event.pull_request || {}
  if (name === 'pull_request_target') {
    return fromFork(event, pull.head?.repo, [pull.head?.sha, pull.merge_commit_sha])
  }
  if (name !== 'workflow_run' || !String(run.event).startsWith('pull_request')) return undefined
  // The head SHA of a run of pull_request_target is that of the base branch.
  const head = run.event === 'pull_request_target' ? undefined : run.head_sha
  return fromFork(event, run.head_repository, [run.head_commit?.id, head])
}

function fromFork(event, head, commits) {
  if (!event.repository?.id || !head?.id || head.id === event.repository.id) return undefined
  return { name: head.full_name, commits: commits.filter(Boolean).map(c => String(c).toLowerCase()) }
}

function readEvent(file) {
  return file && fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : {}
}

module.exports = { refuseForkCode }
