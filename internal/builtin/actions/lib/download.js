'use strict'
// Gets an artifact: download, compare the digest, unpack.

const crypto = require('node:crypto')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const blob = require('./blob')
const core = require('./core')
const { inParallel } = require('./parallel')
const { unzip } = require('./unzip')

const zipTypes = new Set(['application/zip', 'application/x-zip-compressed', 'application/zip-compressed'])

function isZip(headers, url) {
  const type = (headers['content-type'] || '').split(';', 1)[0].trim().toLowerCase()
  return zipTypes.has(type) || new URL(url).pathname.toLowerCase().endsWith('.zip')
}

/** The name of the file that a server sent, without any directory. */
function fileName(headers) {
  const disposition = headers['content-disposition'] || ''
  const raw =
    /filename\*\s*=\s*UTF-8''([^;\r\n]*)/i.exec(disposition) || /(?<!\*)filename\s*=\s*"?([^;\r\n"]*)"?/i.exec(disposition)
  let name = raw ? raw[1].trim() : ''
  try {
    name = decodeURIComponent(name)
  } catch {
    // It is what it is.
  }
  name = path.basename(name.replace(/\\/g, '/'))
  return !name || name === '.' || name === '..' || name.includes('\0') ? 'artifact' : name
}

/** Says that what arrived is not what was uploaded, as loudly as is asked for. */
function mismatch(how, name, expected, got) {
  const message = `Artifact '${name}' digest validation failed: expected ${expected}, but got ${got}. Please verify the integrity of the artifact.`
  if (how === 'error') throw new Error(message)
  if (how === 'warn') core.warning(message)
  if (how === 'info') core.info(message)
}

/**
 * Downloads an artifact to a temporary file and resolves to a function that puts
 * its files into a directory. What does not have the digest is not unpacked.
 */
async function fetchArtifact(artifact, urlOf, { keep = false, onMismatch = 'error' } = {}) {
  const temp = path.join(process.env.RUNNER_TEMP || os.tmpdir(), `artifact-${crypto.randomUUID()}`)
  let url
  try {
    const got = await blob.download(async () => (url = await urlOf()), temp)
    core.info(`SHA256 digest of downloaded artifact is ${got.sha256}`)
    const digest = `sha256:${got.sha256}`
    if (artifact.digest && artifact.digest !== digest) mismatch(onMismatch, artifact.name, artifact.digest, digest)
    return async directory => {
      try {
        await deliver(temp, got.headers, url, directory, keep)
        core.info('Artifact download completed successfully.')
      } finally {
        await fs.promises.rm(temp, { force: true })
      }
    }
  } catch (err) {
    await fs.promises.rm(temp, { force: true })
    throw err
  }
}

async function deliver(temp, headers, url, directory, keep) {
  if (!keep && isZip(headers, url)) {
    const { links } = await unzip(temp, directory)
    for (const name of links) core.warning(`${name} is a link and was left out`)
    return
  }
  await fs.promises.mkdir(directory, { recursive: true })
  const to = path.join(directory, fileName(headers))
  core.info(`Downloading raw file (non-zip) to: ${to}`)
  await fs.promises.rm(to, { force: true })
  try {
    await fs.promises.rename(temp, to)
  } catch (err) {
    if (err.code !== 'EXDEV') throw err
    await fs.promises.copyFile(temp, to, fs.constants.COPYFILE_EXCL)
  }
}

/** Downloads artifacts, some at once, and puts each into its directory, one after the other. */
async function fetchAll(artifacts, urlOf, directoryOf, options) {
  let last = Promise.resolve()
  await inParallel(artifacts, async artifact => {
    const put = await fetchArtifact(artifact, () => urlOf(artifact), options)
    last = last.then(() => put(directoryOf(artifact)))
    await last
  })
}

/** The directory of an artifact's files below root; its name cannot lead out. */
function directoryOf(root, artifact) {
  if (path.basename(artifact.name) !== artifact.name || ['', '.', '..'].includes(artifact.name)) {
    throw new Error(`The artifact name is not valid: ${artifact.name}`)
  }
  return path.join(root, artifact.name)
}

module.exports = { directoryOf, fetchAll }
