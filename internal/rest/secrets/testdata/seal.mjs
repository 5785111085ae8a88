// Encrypts a value as GitHub's reference shows it: seal.mjs KEY reads the value, and
// prints the box in base64.
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'

const sodium = createRequire(import.meta.url)('libsodium-wrappers')
await sodium.ready
const key = sodium.from_base64(process.argv[2], sodium.base64_variants.ORIGINAL)
const box = sodium.crypto_box_seal(sodium.from_string(readFileSync(0, 'utf8')), key)
process.stdout.write(sodium.to_base64(box, sodium.base64_variants.ORIGINAL))
