// The packages of the major versions before.
import artifact from 'artifact-2'
import * as cache from 'cache-4'
import { run } from './scenarios.mjs'

await run({ artifact: artifact.default ?? artifact, cache })
