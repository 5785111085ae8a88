// The newest packages.
import { DefaultArtifactClient } from '@actions/artifact'
import * as cache from '@actions/cache'
import { run } from './scenarios.mjs'

await run({ artifact: new DefaultArtifactClient(), cache })
