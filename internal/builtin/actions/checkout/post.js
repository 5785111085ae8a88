'use strict'
// At the end of the job: git forgets the token.

const core = require('./lib/core')
const { Credentials } = require('./credentials')
const { Git } = require('./git')

core.run(async () => {
  const directory = core.getState('directory')
  if (!directory) return // main did not come that far
  const git = new Git(directory)
  try {
    if (core.getState('safe')) git.trustDirectory(process.env.RUNNER_TEMP)
    await Credentials.forget(git, core.getState('credentials'))
  } catch (err) {
    core.warning(`The credentials were not removed: ${err.message}`)
  } finally {
    git.close()
  }
})
