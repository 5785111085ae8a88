'use strict'
// Saves a cache: the main script of cache/save, and that of cache for the end of
// a job that went well. Nothing here fails a step.

const fs = require('node:fs')
const core = require('./lib/core')
const archive = require('./archive')
const { checkKeys, isSameKey, save } = require('./caches')
const { findPaths, readMode, readPaths } = require('./settings')

core.run(async () => {
  const key = core.getState('key') || core.getInput('key')
  try {
    if (!key) throw new Error('Key is not specified.')
    if (isSameKey(key, core.getState('matched'))) {
      core.info(`Cache hit occurred on the primary key ${key}, not saving cache.`)
      return
    }
    if (!readMode().write) {
      core.info(`Cache save skipped: the effective cache-mode '${readMode().name}' does not permit writes.`)
      return
    }
    checkKeys([key])
    if (await pack(key, readPaths())) core.info(`Cache saved with key: ${key}`)
  } catch (err) {
    core.warning(`Failed to save: ${err.message}`)
  }
})

/** Resolves to whether the cache is there now. */
async function pack(key, paths) {
  const found = await findPaths(paths)
  if (found.length === 0) {
    throw new Error('Path Validation Error: Path(s) specified in the action for caching do(es) not exist, hence no cache is being saved.')
  }
  const tools = await archive.tools()
  const version = tools.version(paths, core.isTrue('enableCrossOsArchive'))
  return archive.inTemporary(async dir => {
    await tools.pack(dir, found)
    const file = tools.file(dir)
    return save(key, version, () => fs.createReadStream(file, { highWaterMark: 1 << 20 }))
  })
}
