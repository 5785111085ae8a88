'use strict'
// At the end of the job: git forgets the token.

const fs = require('node:fs')
const path = require('node:path')
const core = require('./lib/core')
const { Credentials } = require('./credentials')
const { Git } = require('./git')

core.run(async () => {
  const directory = core.getState('directory')
  if (!directory) return // main did not come that far
  const credentials = core.getState('credentials')
  if (!fs.existsSync(path.join(directory, '.git', 'config'))) {
    // Git would look for a repository in the directories above, whose configuration is not ours to change.
    Credentials.removeFile(credentials)
    core.info(`There is no repository in '${directory}' any more. The credentials were removed.`)
    return
  }
  const git = new Git(directory)
  try {
    if (core.getState('safe')) git.trustDirectory(process.env.RUNNER_TEMP)
    await Credentials.forget(git, credentials)
  } catch (err) {
    core.warning(`The credentials were not removed: ${err.message}`)
  } finally {
    git.close()
  }
})
