'use strict'
// Writes zip files as a stream: names in UTF-8, sizes over 4 GiB and any number
// of files, and never more in memory than some small files and the names.

const fs = require('node:fs')
const zlib = require('node:zlib')
const { promisify } = require('node:util')
const { crc32 } = require('./crc32')

const deflateRaw = promisify(zlib.deflateRaw)

const tinySize = 1 << 16 // what is read and packed at once: quicker than to hand it to another thread
const smallSize = 1 << 19 // what is packed in one piece
const filesAtOnce = 16
const max16 = 0xffff
const max32 = 0xffffffff
const stored = 0
const deflated = 8
const unicode = 1 << 11
const sizesFollow = 1 << 3
const version = 20
const version64 = 45
const unix = 3 << 8
const mode = (0o100644 << 16) >>> 0

/** The time of a file as DOS writes it, in UTC. */
function dosTime(date) {
  const year = Math.min(Math.max(date.getUTCFullYear(), 1980), 2107)
  if (year !== date.getUTCFullYear()) return ((1 << 5) | 1) << 16
  const day = ((year - 1980) << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate()
  const time = (date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1)
  return ((day << 16) | time) >>> 0
}

/** A record of numbers: [bytes, value] for each, and texts. */
function record(...parts) {
  const size = parts.reduce((n, p) => n + (Buffer.isBuffer(p) ? p.length : p[0]), 0)
  const out = Buffer.alloc(size)
  let at = 0
  for (const p of parts) {
    if (Buffer.isBuffer(p)) {
      at += p.copy(out, at)
    } else if (p[0] === 8) {
      at = out.writeBigUInt64LE(BigInt(p[1]), at)
    } else {
      at = p[0] === 2 ? out.writeUInt16LE(p[1], at) : out.writeUInt32LE(p[1], at)
    }
  }
  return out
}

function localHeader(e) {
  const extra = e.big ? record([2, 1], [2, 16], [8, 0], [8, 0]) : Buffer.alloc(0)
  const size = n => [4, e.big ? max32 : n]
  return record(
    [4, 0x04034b50], [2, e.big ? version64 : version], [2, e.flags], [2, e.method], [4, e.time],
    [4, e.flags & sizesFollow ? 0 : e.crc], size(e.flags & sizesFollow ? 0 : e.packed), size(e.flags & sizesFollow ? 0 : e.size),
    [2, e.name.length], [2, extra.length], e.name, extra
  )
}

function descriptor(e) {
  const bytes = e.big ? 8 : 4
  return record([4, 0x08074b50], [4, e.crc], [bytes, e.packed], [bytes, e.size])
}

function centralHeader(e) {
  const far = [e.size, e.packed, e.offset].filter(n => n >= max32)
  const extra = far.length > 0 ? record([2, 1], [2, far.length * 8], ...far.map(n => [8, n])) : Buffer.alloc(0)
  const need = e.big || far.length > 0 ? version64 : version
  return record(
    [4, 0x02014b50], [2, unix | need], [2, need], [2, e.flags], [2, e.method], [4, e.time], [4, e.crc],
    [4, Math.min(e.packed, max32)], [4, Math.min(e.size, max32)], [2, e.name.length], [2, extra.length],
    [2, 0], [2, 0], [2, 0], [4, mode], [4, Math.min(e.offset, max32)], e.name, extra
  )
}

/** The end of the file: how many entries there are, and where their list is. */
function endOf(count, offset, size) {
  const parts = []
  if (count >= max16 || offset >= max32 || size >= max32) {
    parts.push(
      record(
        [4, 0x06064b50], [8, 44], [2, unix | version64], [2, version64], [4, 0], [4, 0],
        [8, count], [8, count], [8, size], [8, offset]
      ),
      record([4, 0x07064b50], [4, 0], [8, offset + size], [4, 1])
    )
  }
  parts.push(
    record(
      [4, 0x06054b50], [2, 0], [2, 0], [2, Math.min(count, max16)], [2, Math.min(count, max16)],
      [4, Math.min(size, max32)], [4, Math.min(offset, max32)], [2, 0]
    )
  )
  return Buffer.concat(parts)
}

/** Fills in what an entry needs before its header is written. */
function entryOf(name, stats) {
  const bytes = Buffer.from(name, 'utf8')
  if (bytes.length > max16) throw new Error(`The path of a file is longer than ${max16} bytes: ${name.slice(0, 100)}…`)
  return {
    name: bytes, time: dosTime(stats.mtime), flags: unicode, method: deflated,
    crc: 0, size: 0, packed: 0, offset: 0, big: stats.size >= 0xf0000000
  }
}

/** Resolves to the bytes of an entry whose file is small. */
async function smallEntry(e, file, size, level) {
  const data = size <= tinySize ? fs.readFileSync(file) : await fs.promises.readFile(file)
  e.crc = crc32(data)
  e.size = data.length
  let body = data
  if (level > 0 && data.length > 0) {
    body = data.length <= tinySize ? zlib.deflateRawSync(data, { level }) : await deflateRaw(data, { level })
  }
  if (body.length >= data.length) {
    body = data
    e.method = stored
  }
  e.packed = body.length
  return Buffer.concat([localHeader(e), body])
}

/** Yields the bytes of an entry whose file is packed as it is read. */
async function* largeEntry(e, file, size, level) {
  e.flags |= sizesFollow
  yield localHeader(e)
  const input = fs.createReadStream(file, { end: size - 1, highWaterMark: 1 << 18 })
  const pack = zlib.createDeflateRaw({ level, chunkSize: 1 << 18 })
  input.on('data', chunk => {
    e.crc = crc32(chunk, e.crc)
    e.size += chunk.length
  })
  input.on('error', err => pack.destroy(err))
  input.pipe(pack)
  try {
    for await (const chunk of pack) {
      e.packed += chunk.length
      yield chunk
    }
  } finally {
    input.destroy()
    pack.destroy()
  }
  yield descriptor(e)
}

/** Prepares a file: its entry, and its bytes if it is small. */
async function prepare({ from, to }, level) {
  const stats = fs.statSync(from)
  const e = entryOf(to, stats)
  if (stats.size > smallSize) return { e, chunks: largeEntry(e, from, stats.size, level) }
  return { e, chunks: [await smallEntry(e, from, stats.size, level)] }
}

/** Yields what fn makes of the items, in order, with some of them ahead. */
async function* ahead(items, fn, atOnce) {
  const queue = []
  for (const item of items) {
    const next = fn(item)
    next.catch(() => {}) // it is looked at when its turn comes
    queue.push(next)
    if (queue.length === atOnce) yield await queue.shift()
  }
  for (const next of queue) yield await next
}

/**
 * Yields the bytes of a zip file of files: [{ from, to }], from being a path here
 * and to the name there, at a compression level from 0 to 9.
 */
async function* zip(files, level = 6) {
  const list = []
  let at = 0
  for await (const { e, chunks } of ahead(files, file => prepare(file, level), filesAtOnce)) {
    e.offset = at
    for await (const chunk of chunks) {
      at += chunk.length
      yield chunk
    }
    list.push(centralHeader(e))
  }
  const offset = at
  for (const header of list) {
    at += header.length
    yield header
  }
  yield endOf(list.length, offset, at - offset)
}

module.exports = { zip }
