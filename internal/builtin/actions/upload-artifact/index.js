'use strict'

const core = require('./lib/core')
const { findFiles } = require('./lib/search')
const { report, settings, uploadArtifact } = require('./lib/upload')

const says = { warn: core.warning, error: core.setFailed, ignore: core.info }

async function main() {
  const name = core.getInput('name')
  const path = core.getInput('path', { required: true })
  const missing = core.getInput('if-no-files-found') || 'warn'
  if (!Object.hasOwn(says, missing)) {
    throw new Error(`Unrecognized if-no-files-found input. Provided: ${missing}. Available options: ${Object.keys(says).join(',')}`)
  }
  const options = {
    ...settings(),
    overwrite: core.getBooleanInput('overwrite', false),
    archive: core.getBooleanInput('archive', true)
  }
  const found = await findFiles(path, { hidden: core.getBooleanInput('include-hidden-files', false) })
  const n = found.files.length
  if (n === 0) {
    says[missing](`No files were found with the provided path: ${path}. No artifacts will be uploaded.`)
    return
  }
  core.info(`With the provided path, there will be ${n} file${n === 1 ? '' : 's'} uploaded`)
  core.debug(`Root artifact directory is ${found.root}`)
  if (!options.archive && n > 1) {
    throw new Error(`When 'archive' is set to false, only a single file can be uploaded. Found ${n} files to upload.`)
  }
  report(await uploadArtifact(name, found, options))
}

core.run(main)
