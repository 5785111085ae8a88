'use strict'
// Checks out a repository. What post.js must undo is in the state of the step.

const core = require('./lib/core')
const { readSettings } = require('./settings')
const { checkOut } = require('./source')

core.run(async () => {
  const settings = readSettings(process.env)
  const commit = await checkOut(settings)
  core.setOutput('ref', settings.ref)
  core.setOutput('commit', commit)
})
