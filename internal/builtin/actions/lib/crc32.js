'use strict'
// CRC-32 as zip files use it. Node.js has its own since 20.15.

const zlib = require('node:zlib')

let tables

/** Eight tables, so that eight bytes are taken at once. */
function makeTables() {
  const all = Array.from({ length: 8 }, () => new Int32Array(256))
  for (let n = 0; n < 256; n++) {
    let c = n
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1
    all[0][n] = c
  }
  for (let n = 0; n < 256; n++) {
    for (let k = 1; k < 8; k++) all[k][n] = (all[k - 1][n] >>> 8) ^ all[0][all[k - 1][n] & 0xff]
  }
  return all
}

/** The checksum of data, after that of what came before. */
function byTables(data, value = 0) {
  tables ??= makeTables()
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables
  let c = ~value
  let i = 0
  for (const end = data.length - 7; i < end; i += 8) {
    c ^= data[i] | (data[i + 1] << 8) | (data[i + 2] << 16) | (data[i + 3] << 24)
    c =
      t7[c & 0xff] ^ t6[(c >>> 8) & 0xff] ^ t5[(c >>> 16) & 0xff] ^ t4[c >>> 24] ^
      t3[data[i + 4]] ^ t2[data[i + 5]] ^ t1[data[i + 6]] ^ t0[data[i + 7]]
  }
  for (; i < data.length; i++) c = (c >>> 8) ^ t0[(c ^ data[i]) & 0xff]
  return ~c >>> 0
}

module.exports = { crc32: zlib.crc32 || byTables, byTables }
