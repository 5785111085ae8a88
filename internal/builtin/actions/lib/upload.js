'use strict'
// Makes an artifact: create, upload, finalize.

const fs = require('node:fs')
const path = require('node:path')
const blob = require('./blob')
const core = require('./core')
const results = require('./results')
const { checkName, entriesOf, isDirectory } = require('./search')
const { zip } = require('./zip')

const day = 24 * 60 * 60 * 1000
const zipType = 'application/zip'

// What files are that are uploaded as they are, by the end of their names.
const types = {
  '.css': 'text/css', '.csv': 'text/csv', '.gif': 'image/gif', '.gz': 'application/gzip', '.htm': 'text/html',
  '.html': 'text/html', '.jpeg': 'image/jpeg', '.jpg': 'image/jpeg', '.js': 'application/javascript',
  '.json': 'application/json', '.md': 'text/markdown', '.mp4': 'video/mp4', '.pdf': 'application/pdf',
  '.png': 'image/png', '.svg': 'image/svg+xml', '.tar': 'application/x-tar', '.tgz': 'application/gzip',
  '.txt': 'text/plain', '.log': 'text/plain', '.webp': 'image/webp', '.wasm': 'application/wasm',
  '.xml': 'application/xml', '.yaml': 'application/yaml', '.yml': 'application/yaml', '.zip': zipType
}

/** When an artifact expires that is to be kept for some days; not given, the server decides. */
function expiry(days) {
  if (!days) return undefined
  const most = Number.parseInt(process.env.GITHUB_RETENTION_DAYS, 10)
  if (most > 0 && days > most) {
    core.warning(
      'Retention days cannot be greater than the maximum allowed retention set within the repository. ' +
        `Using ${most} instead.`
    )
    days = most
  }
  return new Date(Date.now() + days * day).toISOString()
}

/** Tells now and then how much is there. */
function reporter() {
  let next = Date.now() + 10_000
  return bytes => {
    if (Date.now() < next) return
    next = Date.now() + 10_000
    core.info(`Uploaded bytes ${bytes}`)
  }
}

/**
 * Uploads what a search found as an artifact, and resolves to its name, number,
 * size and digest. archive false uploads the one file as it is.
 */
async function uploadArtifact(name, found, { days, level, archive = true, overwrite = false } = {}) {
  if (!archive) name = path.basename(found.files[0])
  checkName(name)
  core.info('Artifact name is valid!')
  if (!isDirectory(found.root)) throw new Error(`The provided rootDirectory ${found.root} is not a valid directory`)
  core.info('Root directory input is valid!')
  const entries = archive ? entriesOf(found) : undefined
  const type = archive ? zipType : types[path.extname(name).toLowerCase()] || 'application/octet-stream'
  if (overwrite) await forget(name)
  const expires = expiry(days)
  const created = await results.artifacts('CreateArtifact', {
    name, version: 7, mime_type: type, ...(expires && { expires_at: expires })
  })
  if (!created.ok) throw new Error('CreateArtifact: response from backend was not ok')
  core.maskSignature(created.signed_upload_url)
  core.info('Beginning upload of artifact content to blob storage')
  const source = archive ? zip(entries, level) : fs.createReadStream(found.files[0], { highWaterMark: 1 << 20 })
  const sent = await blob.upload(created.signed_upload_url, source, { contentType: type, progress: reporter() })
  core.info('Finished uploading artifact content to blob storage!')
  core.info(`SHA256 digest of uploaded artifact is ${sent.sha256}`)
  core.info('Finalizing artifact upload')
  const done = await results.artifacts('FinalizeArtifact', { name, size: String(sent.size), hash: `sha256:${sent.sha256}` })
  if (!done.ok) throw new Error('FinalizeArtifact: response from backend was not ok')
  core.info(`Artifact ${name} successfully finalized. Artifact ID ${done.artifact_id}`)
  return { name, id: String(done.artifact_id), size: sent.size, digest: sent.sha256 }
}

/** Deletes the artifact of that name if it is there; the upload will tell if it still is. */
async function forget(name) {
  try {
    if (!(await results.deleteArtifact(name))) core.debug(`Skipping deletion of '${name}', it does not exist`)
  } catch (err) {
    core.debug(`Unable to delete artifact: ${err.message}`)
  }
}

/** Writes the outputs of an upload. */
function report(artifact) {
  const env = process.env
  const url = `${env.GITHUB_SERVER_URL}/${env.GITHUB_REPOSITORY}/actions/runs/${env.GITHUB_RUN_ID}/artifacts/${artifact.id}`
  core.setOutput('artifact-id', artifact.id)
  core.setOutput('artifact-url', url)
  core.setOutput('artifact-digest', artifact.digest)
  core.info(
    `Artifact ${artifact.name} has been successfully uploaded! Final size is ${artifact.size} bytes. Artifact ID is ${artifact.id}`
  )
  core.info(`Artifact download URL: ${url}`)
}

/** The settings that both actions read. */
function settings() {
  return {
    days: core.getNumberInput('retention-days', { fallback: 0, max: 36500 }),
    level: core.getNumberInput('compression-level', { fallback: 6, max: 9 })
  }
}

module.exports = { uploadArtifact, report, settings }
