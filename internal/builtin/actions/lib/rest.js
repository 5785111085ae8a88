'use strict'
// Artifacts of another run or repository, by the REST API.

const core = require('./core')
const http = require('./http')
const { latest } = require('./results')

const perPage = 100

/** The artifacts of one run, as a token may see them. */
class Run {
  constructor({ token, repository, id }) {
    const [owner, name, more] = repository.split('/')
    if (!owner || !name || more !== undefined) {
      throw new Error(`Invalid repository: '${repository}'. Must be in format owner/repo`)
    }
    const api = (process.env.GITHUB_API_URL || '').replace(/\/+$/, '')
    this.repo = `${api}/repos/${encodeURIComponent(owner)}/${encodeURIComponent(name)}/actions`
    this.id = id
    this.headers = { authorization: `token ${token}`, accept: 'application/vnd.github+json' }
  }

  /** The artifacts that fit, the newest of each name. */
  async list({ name } = {}) {
    const found = []
    for (let page = 1; ; page++) {
      const query = new URLSearchParams({ per_page: perPage, page, ...(name && { name }) })
      const url = `${this.repo}/runs/${this.id}/artifacts?${query}`
      const { body } = await http.retry('List of artifacts', () =>
        http.exchange('Unable to list artifacts', 'GET', url, { headers: this.headers }, [200])
      )
      const { artifacts, total_count: total } = JSON.parse(body)
      found.push(...artifacts)
      if (artifacts.length < perPage || found.length >= total) break
    }
    return latest(
      found
        .filter(a => !a.expired)
        .map(a => ({ id: a.id, name: a.name, size: a.size_in_bytes, digest: a.digest || undefined }))
    )
  }

  /** Where an artifact can be downloaded. */
  async downloadURL(artifact) {
    const what = `Unable to download artifact '${artifact.name}'`
    const url = `${this.repo}/artifacts/${artifact.id}/zip`
    const { res } = await http.exchange(what, 'GET', url, { headers: this.headers }, [302])
    if (!res.headers.location) throw new Error(`${what}: unable to redirect to artifact download url`)
    core.maskSignature(res.headers.location)
    return res.headers.location
  }
}

module.exports = { Run }
