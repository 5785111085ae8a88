'use strict'

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const core = require('./lib/core')
const results = require('./lib/results')
const { directoryOf, fetchAll } = require('./lib/download')
const { nameMatcher } = require('./lib/glob')
const { findFiles } = require('./lib/search')
const { report, settings, uploadArtifact } = require('./lib/upload')

/** The pattern of all that is in a directory, whose name stands for itself. */
const everythingIn = dir => dir.replace(/[[?*]/g, '[$&]')

async function main() {
  const name = core.getInput('name', { required: true })
  const pattern = core.getInput('pattern', { required: true })
  const apart = core.getBooleanInput('separate-directories', false)
  const options = settings()
  const hidden = core.getBooleanInput('include-hidden-files', false)
  const deleteMerged = core.getBooleanInput('delete-merged', false)
  const artifacts = (await results.listArtifacts()).filter(a => nameMatcher(pattern)(a.name))
  if (artifacts.length === 0) throw new Error(`No artifacts were found with the provided pattern: ${pattern}.`)
  core.info('Preparing to download the following artifacts:')
  for (const a of artifacts) core.info(`- ${a.name} (ID: ${a.id}, Size: ${a.size})`)
  const dir = await fs.promises.mkdtemp(path.join(process.env.RUNNER_TEMP || os.tmpdir(), 'merge-artifact-'))
  try {
    await fetchAll(artifacts, results.downloadURL, a => (apart ? directoryOf(dir, a) : dir))
    const found = await findFiles(everythingIn(dir), { hidden })
    if (found.files.length === 0) throw new Error('The artifacts have no files that can be merged')
    report(await uploadArtifact(name, { files: found.files, root: dir }, options))
    core.info(`The ${artifacts.length} artifact(s) have been successfully merged!`)
  } finally {
    await fs.promises.rm(dir, { recursive: true, force: true })
  }
  if (!deleteMerged) return
  for (const a of artifacts) {
    if (a.name !== name) await results.artifacts('DeleteArtifact', { ...a.ids, name: a.name })
  }
  core.info(`The ${artifacts.length} artifact(s) have been deleted`)
}

core.run(main)
