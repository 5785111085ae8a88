// Lists all artifacts as programs with Octokit do, and prints their names.
import { Octokit } from '@octokit/rest'

const { API, TOKEN, OWNER, REPO, RUN } = process.env
const octokit = new Octokit({ baseUrl: API, auth: TOKEN })
const lists = {
  repository: await octokit.paginate(octokit.rest.actions.listArtifactsForRepo, { owner: OWNER, repo: REPO, per_page: 30 }),
  run: await octokit.paginate(octokit.rest.actions.listWorkflowRunArtifacts, { owner: OWNER, repo: REPO, run_id: Number(RUN), per_page: 100 })
}
console.log(JSON.stringify(Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, list.map(a => a.name)]))))
