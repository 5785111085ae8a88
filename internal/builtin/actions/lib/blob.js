'use strict'
// Bytes to and from signed URLs: the block protocol of Azure's storage for
// uploads, and downloads that go on where they were cut off.

const crypto = require('node:crypto')
const fs = require('node:fs')
const core = require('./core')
const http = require('./http')

const blockSize = 8 << 20
const atOnce = 4

/** Gathers chunks into blocks of one size, the last one shorter. */
async function* blocksOf(source) {
  let block = Buffer.allocUnsafe(blockSize)
  let filled = 0
  for await (const chunk of source) {
    for (let from = 0; from < chunk.length; ) {
      const n = chunk.copy(block, filled, from)
      from += n
      filled += n
      if (filled === blockSize) {
        yield block
        block = Buffer.allocUnsafe(blockSize)
        filled = 0
      }
    }
  }
  if (filled > 0) yield block.subarray(0, filled)
}

function put(what, url, params, body, headers) {
  const at = params ? `${url}${url.includes('?') ? '&' : '?'}${params}` : url
  return http.retry(what, () => http.exchange(what, 'PUT', at, { headers, body }, [201]))
}

/**
 * Uploads a source of Buffers to a signed URL, a few blocks at once, and
 * resolves to its size and SHA-256. progress is told how many bytes are there.
 */
async function upload(url, source, { contentType = 'application/octet-stream', progress = () => {} } = {}) {
  const hash = crypto.createHash('sha256')
  const names = []
  const uuid = crypto.randomUUID()
  const running = new Set()
  let size = 0
  let sent = 0
  let failure
  const start = block => {
    const name = Buffer.from(`${uuid}${String(names.length).padStart(12, '0')}`).toString('base64')
    names.push(name)
    const params = `comp=block&blockid=${encodeURIComponent(name)}`
    const one = put('Upload of a block', url, params, block, { 'content-type': 'application/octet-stream' })
      .then(() => progress((sent += block.length)))
      .catch(err => (failure ??= err))
      .finally(() => running.delete(one))
    running.add(one)
  }
  let first // a block that may be all there is
  for await (const block of blocksOf(source)) {
    hash.update(block)
    size += block.length
    if (names.length === 0 && !first) {
      first = block
      continue
    }
    if (first) {
      start(first)
      first = undefined
    }
    while (running.size >= atOnce && !failure) await Promise.race(running)
    if (failure) break
    start(block)
  }
  if (names.length === 0) {
    await putWhole(url, first || Buffer.alloc(0), contentType)
    progress(size)
    return { size, sha256: hash.digest('hex') }
  }
  await Promise.all(running)
  if (failure) throw failure
  const list = `<?xml version="1.0" encoding="utf-8"?><BlockList>${names.map(n => `<Latest>${n}</Latest>`).join('')}</BlockList>`
  await put('Commit of the blocks', url, 'comp=blocklist', list, {
    'content-type': 'application/xml',
    'x-ms-blob-content-type': contentType
  })
  return { size, sha256: hash.digest('hex') }
}

/** Uploads what fits into one request. */
function putWhole(url, body, contentType) {
  return put('Upload', url, '', body, {
    'content-type': contentType,
    'x-ms-blob-type': 'BlockBlob',
    'x-ms-blob-content-type': contentType
  })
}

const silence = 30_000 // ms without a byte after which a download is tried again

/**
 * Downloads into a file and resolves to its size, SHA-256 and the header of the
 * answer. urlOf makes a signed URL; it is asked again for each try, for such
 * URLs do not live long.
 */
async function download(urlOf, to) {
  const out = await fs.promises.open(to, 'w')
  try {
    const state = { out, hash: crypto.createHash('sha256'), size: 0, headers: undefined }
    await http.retry('Download', async () => part(await urlOf(), state), { tries: 5 })
    return { size: state.size, sha256: state.hash.digest('hex'), headers: state.headers }
  } finally {
    await out.close()
  }
}

/** Reads what is not there yet. */
async function part(url, state) {
  const headers = {}
  const etag = state.headers?.etag
  if (state.size > 0 && etag && !etag.startsWith('W/')) {
    headers.range = `bytes=${state.size}-`
    headers['if-range'] = etag
  }
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(new Error(`no data for ${silence / 1000} s`)), silence)
  try {
    const res = await http.send('GET', url, { headers, signal: abort.signal })
    await receive(res, state, timer)
  } finally {
    clearTimeout(timer)
  }
}

async function receive(res, state, timer) {
  if (res.statusCode !== 200 && res.statusCode !== 206) {
    const body = await http.text(res)
    throw new http.StatusError('Unexpected HTTP response from blob storage', res.statusCode, http.messageOf(body))
  }
  if (res.statusCode === 200) {
    state.hash = crypto.createHash('sha256')
    state.size = 0
    state.headers = res.headers
  } else if (!new RegExp(`^bytes ${state.size}-`).test(res.headers['content-range'] || '')) {
    state.headers = undefined // next time from the start
    res.destroy()
    throw new Error('the server answered with another range')
  }
  const before = state.size
  for await (const chunk of res) {
    timer.refresh()
    for (let n = 0; n < chunk.length; ) {
      n += (await state.out.write(chunk, n, chunk.length - n, state.size + n)).bytesWritten
    }
    state.hash.update(chunk)
    state.size += chunk.length
  }
  const length = res.headers['content-length']
  if (!res.complete || (length !== undefined && state.size - before !== Number(length))) {
    throw new Error('the connection was cut off')
  }
  await state.out.truncate(state.size)
}

module.exports = { upload, download }
