'use strict'

const os = require('node:os')
const path = require('node:path')
const core = require('./lib/core')
const rest = require('./lib/rest')
const results = require('./lib/results')
const { directoryOf, fetchAll } = require('./lib/download')
const { nameMatcher } = require('./lib/glob')

const reactions = ['ignore', 'info', 'warn', 'error']

/** Where to look for artifacts: in this run, or in another by REST. */
function sourceOf() {
  const token = core.getInput('github-token')
  if (!token) return { list: results.listArtifacts, byName: n => results.listArtifacts({ name_filter: n }), urlOf: results.downloadURL }
  const id = core.getNumberInput('run-id', { min: 1 })
  const run = new rest.Run({ token, repository: core.getInput('repository'), id })
  return { list: () => run.list(), byName: name => run.list({ name }), urlOf: a => run.downloadURL(a) }
}

async function oneByName(source, name) {
  core.info('Downloading single artifact')
  const [found] = await source.byName(name)
  if (!found) throw new Error(`Artifact not found for name: ${name}`)
  return [found]
}

async function byIds(source, text) {
  core.info('Downloading artifacts by ID')
  const ids = text
    .split(',')
    .map(s => s.trim())
    .filter(s => s)
    .map(s => {
      if (!/^\d+$/.test(s)) throw new Error(`Invalid artifact ID: '${s}'. Must be a number.`)
      return Number(s)
    })
  if (ids.length === 0) throw new Error("No valid artifact IDs provided in 'artifact-ids' input")
  const found = (await source.list()).filter(a => ids.includes(a.id))
  if (found.length === 0) throw new Error('None of the provided artifact IDs were found')
  const missing = ids.filter(id => !found.some(a => a.id === id))
  if (missing.length > 0) core.warning(`Could not find the following artifact IDs: ${missing.join(', ')}`)
  return found
}

async function byPattern(source, pattern, merge) {
  const all = await source.list()
  core.debug(`Found ${all.length} artifacts in run`)
  if (pattern) {
    core.info(`Filtering artifacts by pattern '${pattern}'`)
    const matches = nameMatcher(pattern)
    return all.filter(a => matches(a.name))
  }
  core.info('No input name, artifact-ids or pattern filtered specified, downloading all artifacts')
  if (!merge) core.info('An extra directory with the artifact name will be created for each download')
  return all
}

/** Before version 5 only an artifact that was named had no directory of its own. */
const before5 = /^v?[1-4](\.|$)/.test(process.env.GITHUB_ACTION_REF || '')

async function main() {
  const name = core.getInput('name')
  const ids = core.getInput('artifact-ids')
  const merge = core.getBooleanInput('merge-multiple', false)
  const onMismatch = core.getInput('digest-mismatch') || 'error'
  const keep = core.getBooleanInput('skip-decompress', false)
  if (name && ids) throw new Error("Inputs 'name' and 'artifact-ids' cannot be used together. Please specify only one.")
  if (!reactions.includes(onMismatch)) {
    throw new Error(`Invalid value for 'digest-mismatch': '${onMismatch}'. Valid options are: ${reactions.join(', ')}`)
  }
  const given = core.getInput('path') || process.env.GITHUB_WORKSPACE || process.cwd()
  const root = path.resolve(given.startsWith('~') ? given.replace('~', os.homedir()) : given)
  const source = sourceOf()
  let artifacts
  if (name) artifacts = await oneByName(source, name)
  else if (ids) artifacts = await byIds(source, ids)
  else artifacts = await byPattern(source, core.getInput('pattern'), merge)
  if (artifacts.length > 0) core.info('Preparing to download the following artifacts:')
  for (const a of artifacts) {
    core.info(`- ${a.name} (ID: ${a.id}, Size: ${a.size}, Expected Digest: ${a.digest})`)
  }
  const together = name || merge || (artifacts.length === 1 && !before5)
  await fetchAll(artifacts, source.urlOf, a => (together ? root : directoryOf(root, a)), { keep, onMismatch })
  core.info(`Total of ${artifacts.length} artifact(s) downloaded`)
  core.setOutput('download-path', root)
  core.info('Download artifact has finished successfully')
}

core.run(async () => {
  try {
    await main()
  } catch (err) {
    err.message = `Unable to download artifact(s): ${err.message}`
    throw err
  }
})
