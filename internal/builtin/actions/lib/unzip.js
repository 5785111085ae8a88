'use strict'
// Unpacks zip files that may be hostile: by the list at their end, nothing
// outside of the directory, no links, and no more bytes than were announced.

const fs = require('node:fs')
const path = require('node:path')
const zlib = require('node:zlib')
const { setImmediate: immediate } = require('node:timers/promises')
const { promisify } = require('node:util')
const { pipeline } = require('node:stream/promises')
const { crc32 } = require('./crc32')
const { inParallel } = require('./parallel')

const inflateRaw = promisify(zlib.inflateRaw)

const max16 = 0xffff
const max32 = 0xffffffff
const tinySize = 1 << 16
const turn = 64 // tiny files after which others have theirs
const smallSize = 1 << 19
const filesAtOnce = 16
const maxList = 1 << 30 // bytes of the list of entries

const damaged = why => new Error(`The zip file is damaged: ${why}`)

/** Reads size bytes at an offset, all or nothing. */
async function read(file, at, size) {
  if (!Number.isSafeInteger(at) || at < 0 || at + size > file.size) throw damaged('it points outside of itself')
  const out = Buffer.allocUnsafe(size)
  for (let n = 0; n < size; ) {
    const { bytesRead } = await file.handle.read(out, n, size - n, at + n)
    if (bytesRead === 0) throw damaged('it is cut off')
    n += bytesRead
  }
  return out
}

const number64 = (b, at) => {
  const n = b.readBigUInt64LE(at)
  if (n > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged('a number is too large')
  return Number(n)
}

/** Finds the list of entries by the record at the end. */
async function findList(file) {
  const size = Math.min(file.size, 22 + max16)
  const tail = await read(file, file.size - size, size)
  let at = tail.length - 22
  while (at >= 0 && !(tail.readUInt32LE(at) === 0x06054b50 && at + 22 + tail.readUInt16LE(at + 20) === tail.length)) at--
  if (at < 0) throw damaged('it has no end')
  const found = { count: tail.readUInt16LE(at + 10), size: tail.readUInt32LE(at + 12), offset: tail.readUInt32LE(at + 16) }
  found.end = file.size - tail.length + at
  if (found.count === max16 || found.size === max32 || found.offset === max32) await findList64(file, found)
  if (found.size > maxList) throw damaged('its list is too long')
  return found
}

async function findList64(file, found) {
  if (found.end < 20) return
  const locator = await read(file, found.end - 20, 20)
  if (locator.readUInt32LE(0) !== 0x07064b50) return
  const at = number64(locator, 8)
  const end = await read(file, at, 56)
  if (end.readUInt32LE(0) !== 0x06064b50) throw damaged('it has no end')
  Object.assign(found, { count: number64(end, 32), size: number64(end, 40), offset: number64(end, 48) })
}

/** Replaces the numbers that did not fit by those in the extra field. */
function widen(e, extra) {
  for (let at = 0; at + 4 <= extra.length; ) {
    const id = extra.readUInt16LE(at)
    const end = at + 4 + extra.readUInt16LE(at + 2)
    at += 4
    if (id === 1) {
      for (const field of ['size', 'packed', 'offset']) {
        if (e[field] !== max32) continue
        if (at + 8 > Math.min(end, extra.length)) throw damaged('a size is missing')
        e[field] = number64(extra, at)
        at += 8
      }
      return
    }
    at = end
  }
}

/** Reads the list of entries. */
async function entries(file) {
  const found = await findList(file)
  const list = await read(file, found.offset, found.size)
  const all = []
  let at = 0
  let packed = 0
  while (all.length < found.count) {
    if (at + 46 > list.length || list.readUInt32LE(at) !== 0x02014b50) throw damaged('its list is not one')
    const name = at + 46
    const extra = name + list.readUInt16LE(at + 28)
    const end = extra + list.readUInt16LE(at + 30) + list.readUInt16LE(at + 32)
    if (end > list.length) throw damaged('its list is cut off')
    const e = {
      flags: list.readUInt16LE(at + 8), method: list.readUInt16LE(at + 10), crc: list.readUInt32LE(at + 16),
      packed: list.readUInt32LE(at + 20), size: list.readUInt32LE(at + 24), offset: list.readUInt32LE(at + 42),
      mode: list.readUInt16LE(at + 4) >> 8 === 3 ? list.readUInt16LE(at + 40) : 0, // of POSIX
      name: list.toString('utf8', name, extra)
    }
    widen(e, list.subarray(extra, extra + list.readUInt16LE(at + 30)))
    // Entries that share their bytes unpack to far more than the file has.
    if ((packed += e.packed) > file.size) throw damaged('its entries overlap')
    all.push(e)
    at = end
  }
  return all
}

/** The path of an entry, in segments. It cannot lead outside. */
function segmentsOf(name) {
  const text = process.platform === 'win32' ? name.replace(/\\/g, '/') : name
  const segments = text.split('/').filter(s => s && s !== '.')
  const bad =
    !text || text.includes('\0') || text.startsWith('/') || segments.includes('..') ||
    (process.platform === 'win32' && segments.some(s => s.includes(':')))
  if (bad) throw new Error(`The zip file is not safe: it has an entry with the name ${JSON.stringify(name.slice(0, 200))}`)
  return segments
}

const isLink = e => (e.mode & 0o170000) === 0o120000

/** Makes directories below root, and refuses links that lead out of it. */
class Directories {
  constructor(root) {
    this.root = root
    this.below = root.endsWith(path.sep) ? root : root + path.sep
    this.made = new Map([[root, Promise.resolve(root)]])
  }

  /** Resolves to the path of a directory that is there then. */
  make(segments) {
    const dir = path.join(this.root, ...segments)
    let made = this.made.get(dir)
    if (!made) {
      made = this.make(segments.slice(0, -1)).then(() => this.one(dir))
      this.made.set(dir, made)
    }
    return made
  }

  async one(dir) {
    try {
      await fs.promises.mkdir(dir)
    } catch (err) {
      if (err.code !== 'EEXIST') throw err
      const real = await fs.promises.realpath(dir)
      if (real !== this.root && !real.startsWith(this.below)) {
        throw new Error(`${dir} is a link that leads out of ${this.root}`)
      }
    }
    return dir
  }
}

/** Where the bytes of an entry begin, by its own header. */
function dataAt(file, e, header) {
  if (header.readUInt32LE(0) !== 0x04034b50) throw damaged(`${e.name} is not where it should be`)
  const at = e.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28)
  if (at + e.packed > file.size) throw damaged(`${e.name} is cut off`)
  return at
}

function check(e, size, crc) {
  if (size !== e.size || crc !== e.crc) throw damaged(`${e.name} is not what was packed`)
}

/** Unpacks a file that is quicker written at once than handed to another thread. */
function tiny(file, e, to) {
  const header = readNow(file, e.offset, 30)
  let data = readNow(file, dataAt(file, e, header), e.packed)
  if (e.method === 8) {
    try {
      data = zlib.inflateRawSync(data, { maxOutputLength: Math.max(e.size, 1) })
    } catch (err) {
      throw damaged(`${e.name}: ${err.message}`)
    }
  }
  check(e, data.length, crc32(data))
  fs.rmSync(to, { force: true })
  fs.writeFileSync(to, data, { flag: 'wx' })
}

/** Reads size bytes at an offset without giving others a turn. */
function readNow(file, at, size) {
  if (!Number.isSafeInteger(at) || at < 0 || at + size > file.size) throw damaged('it points outside of itself')
  const out = Buffer.allocUnsafe(size)
  for (let n = 0; n < size; ) {
    const more = fs.readSync(file.handle.fd, out, n, size - n, at + n)
    if (more === 0) throw damaged('it is cut off')
    n += more
  }
  return out
}

async function small(file, e, to) {
  let data = await read(file, dataAt(file, e, await read(file, e.offset, 30)), e.packed)
  if (e.method === 8) {
    try {
      data = await inflateRaw(data, { maxOutputLength: Math.max(e.size, 1) })
    } catch (err) {
      throw damaged(`${e.name}: ${err.message}`)
    }
  }
  check(e, data.length, crc32(data))
  await fs.promises.writeFile(to, data, { flag: 'wx' })
}

async function large(file, e, to) {
  const start = dataAt(file, e, await read(file, e.offset, 30))
  const input = fs.createReadStream(file.name, { start, end: start + e.packed - 1, highWaterMark: 1 << 18 })
  let size = 0
  let crc = 0
  const count = async function* (source) {
    for await (const chunk of source) {
      if ((size += chunk.length) > e.size) throw damaged(`${e.name} is larger than announced`)
      crc = crc32(chunk, crc)
      yield chunk
    }
  }
  const unpack = e.method === 8 ? [zlib.createInflateRaw({ chunkSize: 1 << 18 })] : []
  await pipeline(input, ...unpack, count, fs.createWriteStream(to, { flags: 'wx', highWaterMark: 1 << 20 }))
  check(e, size, crc)
}

async function unpackEntry(file, e, dirs) {
  const segments = segmentsOf(e.name)
  if (segments.length === 0) return
  if (e.name.endsWith('/')) {
    await dirs.make(segments)
    return
  }
  if (e.flags & 1) throw new Error(`${e.name} is encrypted`)
  if (e.method !== 0 && e.method !== 8) throw new Error(`${e.name} is packed in a way (${e.method}) that is not supported`)
  if (e.method === 0 && e.packed !== e.size) throw damaged(`${e.name} has two sizes`)
  const to = path.join(await dirs.make(segments.slice(0, -1)), segments.at(-1))
  if (e.packed <= tinySize && e.size <= 4 * tinySize) {
    if (++file.tiny % turn === 0) await immediate()
    tiny(file, e, to)
    return
  }
  await fs.promises.rm(to, { force: true }) // and not what a link there points to
  await (e.packed <= smallSize && e.size <= 4 * smallSize ? small : large)(file, e, to)
}

/**
 * Unpacks a zip file into a directory, which is made if it is not there. It
 * resolves to the number of entries, and to the names of links, which are left out.
 */
async function unzip(name, directory) {
  await fs.promises.mkdir(directory, { recursive: true })
  const dirs = new Directories(await fs.promises.realpath(directory))
  const handle = await fs.promises.open(name, 'r')
  try {
    const file = { name, handle, size: (await handle.stat()).size, tiny: 0 }
    const all = await entries(file)
    const links = all.filter(isLink).map(e => e.name)
    const wanted = new Map() // of entries with the same name the last one
    for (const e of all) {
      if (!isLink(e)) wanted.set(segmentsOf(e.name).join('/'), e)
    }
    await inParallel([...wanted.values()], e => unpackEntry(file, e, dirs), filesAtOnce)
    return { files: wanted.size, links }
  } finally {
    await handle.close()
  }
}

module.exports = { unzip }
