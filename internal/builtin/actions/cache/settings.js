'use strict'
// What the inputs and the environment say.

const path = require('node:path')
const core = require('./lib/core')
const { Globber } = require('./lib/glob')

const workspace = () => process.env.GITHUB_WORKSPACE || process.cwd()

/** The patterns as they are given: a cache is found by them, not by what they match. */
function readPaths() {
  return core.getMultilineInput('path', { required: true }).map(line => line.replace(/^!\s+/, '!'))
}

/** The files and directories that the patterns match, relative to the workspace. */
async function findPaths(patterns) {
  const found = []
  for await (const file of new Globber(patterns.join('\n'), { cwd: workspace(), whole: true }).files()) {
    found.push(path.relative(workspace(), file).split(path.sep).join('/') || '.')
  }
  return found
}

/** What the job may do with caches. The server holds it to that anyway. */
function readMode() {
  const name = (process.env.ACTIONS_CACHE_MODE || '').trim().toLowerCase()
  const known = ['none', 'read', 'write', 'write-only'].includes(name)
  return { name, read: !known || name === 'read' || name === 'write', write: !known || name.startsWith('write') }
}

module.exports = { workspace, readPaths, findPaths, readMode }
