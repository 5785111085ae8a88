'use strict'
// Working trees of earlier jobs: what can be used again, and the removal of what
// cannot.

const fs = require('node:fs')
const path = require('node:path')
const core = require('./lib/core')
const { GitError } = require('./git')
const { heads, conflict, written } = require('./refs')

/** Makes the directory one that the repository can be fetched into. Resolves to whether it has one already. */
async function prepare(git, url, settings) {
  const { directory } = settings
  if (fs.existsSync(directory) && !fs.statSync(directory).isDirectory()) fs.rmSync(directory)
  fs.mkdirSync(directory, { recursive: true })
  if (fs.readdirSync(directory).length === 0) return false
  if (await reusable(git, url, settings)) return true
  core.info(`Deleting the contents of '${directory}'`)
  for (const name of fs.readdirSync(directory)) {
    fs.rmSync(path.join(directory, name), { recursive: true, force: true, maxRetries: 3 })
  }
  return false
}

async function reusable(git, url, settings) {
  if (!fs.existsSync(path.join(settings.directory, '.git', 'config'))) return false
  try {
    if ((await git.ask('config', '--local', '--get', 'remote.origin.url')) !== url) return false
    removeLocks(path.join(settings.directory, '.git'))
    await core.group('Removing previously created refs, to avoid conflicts', () => removeRefs(git, settings.ref))
    await git.ask('submodule', 'status')
    if (settings.clean) await core.group('Cleaning the repository', () => clean(git))
    return true
  } catch (err) {
    if (!(err instanceof GitError)) throw err
    core.warning(`Unable to prepare the existing repository. The repository will be recreated instead. ${err.message}`)
    return false
  }
}

/** Removes locks of a git that was killed. No other git works here now. */
function removeLocks(dir) {
  for (const name of ['index.lock', 'shallow.lock', 'config.lock', 'HEAD.lock']) fs.rmSync(path.join(dir, name), { force: true })
}

/** Removes all branches, and the refs that those to be fetched cannot exist beside. */
async function removeRefs(git, ref) {
  if (await git.says('symbolic-ref', '--quiet', 'HEAD')) await git.run(['checkout', '--detach'])
  for (const name of await git.refs(heads)) await git.ask('update-ref', '-d', name)
  const wanted = written(ref)
  for (const name of await git.refs('refs/remotes/', 'refs/tags/')) {
    if (wanted.some(other => conflict(name, other))) await git.ask('update-ref', '-d', name)
  }
}

async function clean(git) {
  await git.run(['clean', '-ffdx'])
  await git.run(['reset', '--hard', 'HEAD'])
}

module.exports = { prepare }
