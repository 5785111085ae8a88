'use strict'
// The cache service: looking for caches, and adding them.

const core = require('./lib/core')
const { download, upload } = require('./lib/blob')
const { StatusError } = require('./lib/http')
const { call } = require('./lib/results')

/** Throws unless these can be keys of one lookup. */
function checkKeys(keys) {
  if (keys.length > 10) throw new Error('Key Validation Error: Keys are limited to a maximum of 10.')
  for (const key of keys) {
    if (key.length > 512) throw new Error(`Key Validation Error: ${key} cannot be larger than 512 characters.`)
    if (key.includes(',')) throw new Error(`Key Validation Error: ${key} cannot contain commas.`)
  }
}

/** Keys know no case. */
function isSameKey(key, found) {
  return Boolean(found) && found.localeCompare(key, undefined, { sensitivity: 'accent' }) === 0
}

/** Resolves to the key of the cache that fits best and a function that downloads it to a file; or to nothing. */
async function find(key, restoreKeys, version) {
  const ask = () => call('CacheService', 'GetCacheEntryDownloadURL', { key, restore_keys: restoreKeys, version })
  let answer = await ask()
  if (!answer.ok) return undefined
  const matched = answer.matched_key
  // Each try has a URL of its own, as they do not live long. All of them are of the same cache.
  const urlOf = async () => {
    const now = answer || (await ask())
    answer = undefined
    if (!now.ok || now.matched_key !== matched) throw new Error('the cache is gone')
    core.maskSignature(now.signed_download_url)
    return now.signed_download_url
  }
  return { key: matched, download: file => download(urlOf, file) }
}

/** Uploads the archive that open reads. Resolves to false, and says so, if there is a cache already. */
async function save(key, version, open) {
  let reserved
  try {
    reserved = await call('CacheService', 'CreateCacheEntry', { key, version })
  } catch (err) {
    if (!(err instanceof StatusError) || err.status !== 409) throw err
    core.info(`Failed to save: Unable to reserve cache with key ${key}, another job may be creating this cache. More details: ${err.body}`)
    return false
  }
  if (!reserved.ok) throw new Error(`Unable to reserve cache with key ${key}. More details: ${reserved.message}`)
  core.maskSignature(reserved.signed_upload_url)
  const { size } = await upload(reserved.signed_upload_url, open())
  core.info(`Sent ${size} bytes`)
  const done = await call('CacheService', 'FinalizeCacheEntryUpload', { key, version, size_bytes: String(size) })
  if (!done.ok) throw new Error(done.message || `Unable to finalize cache with key ${key}`)
  return true
}

module.exports = { checkKeys, isSameKey, find, save }
