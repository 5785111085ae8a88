// Files to upload, and what is in them.
import crypto from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'

export const input = name => process.env[`INPUT_${name.toUpperCase()}`] ?? ''

/** A new directory. */
export const temporary = name => fs.mkdtempSync(path.join(process.env.RUNNER_TEMP, `${name}-`))

/** Writes small files of many sizes, empty ones too, and returns their paths. */
export function makeFiles(dir, count) {
  const files = []
  for (let i = 0; i < count; i++) {
    const file = path.join(dir, `directory ${i % 7}`, i % 3 ? 'sub' : '.', `file-${i} größe.txt`)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, `file ${i}\n`.repeat((i * i) % 1000))
    files.push(file)
  }
  return files
}

/** Writes a file of so many megabytes that does not compress. */
export function makeBig(file, megabytes) {
  const out = fs.openSync(file, 'w')
  for (let i = 0; i < megabytes; i++) fs.writeSync(out, crypto.randomBytes(1 << 20))
  fs.closeSync(out)
}

/** The SHA-256 of every file in a directory. */
export function sums(dir) {
  const found = {}
  for (const entry of fs.readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = path.join(entry.parentPath ?? entry.path, entry.name)
    found[path.relative(dir, file)] = sum(file)
  }
  return found
}

export function sum(file) {
  const hash = crypto.createHash('sha256')
  const block = Buffer.allocUnsafe(4 << 20)
  const from = fs.openSync(file, 'r')
  for (let n; (n = fs.readSync(from, block)) > 0; ) hash.update(block.subarray(0, n))
  fs.closeSync(from)
  return hash.digest('hex')
}
