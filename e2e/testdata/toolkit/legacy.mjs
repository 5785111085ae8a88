// The package that upload-artifact and download-artifact had up to v3.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import artifact from 'artifact-1'
import { input, makeBig, makeFiles, sums, temporary } from './files.mjs'

const client = artifact.create()
const from = temporary('legacy')
const files = makeFiles(from, 40)
makeBig(path.join(from, 'big'), 20)
files.push(path.join(from, 'big'))
const name = input('prefix')
const sent = await client.uploadArtifact(name, files, from, { continueOnError: false })
assert.deepEqual(sent.failedItems, [])

// A second upload under the same name adds files.
fs.writeFileSync(path.join(from, 'more'), 'more')
await client.uploadArtifact(name, [path.join(from, 'more')], from)

const to = temporary('legacy-down')
await client.downloadArtifact(name, to, { createArtifactFolder: false })
assert.deepEqual(sums(to), sums(from))
console.log('the legacy artifact is whole')
