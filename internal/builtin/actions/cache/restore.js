'use strict'
// Restores a cache: the main script of cache and cache/restore.

const core = require('./lib/core')
const archive = require('./archive')
const { checkKeys, find, isSameKey } = require('./caches')
const { readMode, readPaths } = require('./settings')

core.run(async () => {
  const key = core.getInput('key', { required: true })
  const restoreKeys = core.getMultilineInput('restore-keys')
  const paths = readPaths()
  checkKeys([key, ...restoreKeys])
  core.saveState('key', key)
  core.setOutput('cache-primary-key', key)
  if (core.isTrue('save-always')) {
    core.warning('save-always has no effect: use the actions cache/restore and cache/save, with if: always()')
  }
  const lookup = core.isTrue('lookup-only')
  const matched = await restore(paths, key, restoreKeys, lookup)
  if (!matched) {
    if (core.isTrue('fail-on-cache-miss')) {
      throw new Error(`Failed to restore cache entry. Exiting as fail-on-cache-miss is set. Input key: ${key}`)
    }
    core.info(`Cache not found for input keys: ${[key, ...restoreKeys].join(', ')}`)
    return
  }
  core.saveState('matched', matched)
  core.setOutput('cache-hit', String(isSameKey(key, matched)))
  core.setOutput('cache-matched-key', matched)
  core.info(lookup ? `Cache found and can be restored from key: ${matched}` : `Cache restored from key: ${matched}`)
})

/** Resolves to the key of the cache that is there now, or nothing. A job can do without a cache: failures only warn. */
async function restore(paths, key, restoreKeys, lookup) {
  if (!readMode().read) {
    core.info(`Cache restore skipped: the effective cache-mode '${readMode().name}' does not permit reads.`)
    return undefined
  }
  try {
    const tools = await archive.tools()
    const version = tools.version(paths, core.isTrue('enableCrossOsArchive'))
    const found = await find(key, restoreKeys, version)
    if (!found) return undefined
    core.info(found.key === key ? `Cache hit for: ${key}` : `Cache hit for restore-key: ${found.key}`)
    if (lookup) {
      core.info('Lookup only - skipping download')
      return found.key
    }
    await archive.inTemporary(async dir => {
      const file = tools.file(dir)
      const { size } = await found.download(file)
      core.info(`Cache Size: ~${Math.round(size / (1 << 20))} MB (${size} B)`)
      await tools.unpack(file)
    })
    core.info('Cache restored successfully')
    return found.key
  } catch (err) {
    core.warning(`Failed to restore: ${err.message}`)
    return undefined
  }
}
