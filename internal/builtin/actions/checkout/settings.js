'use strict'
// The inputs of the action, and what they mean in this job.

const fs = require('node:fs')
const path = require('node:path')
const core = require('./lib/core')
const { checkRef, isSHA } = require('./refs')
const { refuseForkCode } = require('./forks')

/** Reads the inputs. What cannot be done is an error here, before anything has happened. */
function readSettings(env) {
  if (core.getInput('ssh-key')) {
    throw new Error('ssh-key is not supported by the built-in checkout action: use a token, or the action of actions/checkout')
  }
  const workspace = env.GITHUB_WORKSPACE
  if (!workspace) throw new Error('GITHUB_WORKSPACE not defined')
  const repository = core.getInput('repository') || env.GITHUB_REPOSITORY || ''
  const submodules = core.getInput('submodules').toUpperCase()
  const settings = {
    ...readRepository(repository),
    ...readRef(repository, env),
    base: serverBase(core.getInput('github-server-url'), env),
    token: core.getInput('token', { required: true }),
    directory: readDirectory(workspace, core.getInput('path') || '.'),
    temp: env.RUNNER_TEMP,
    persist: core.isTrue('persist-credentials'),
    clean: core.isTrue('clean'),
    filter: core.getInput('filter'),
    sparse: core.getMultilineInput('sparse-checkout'),
    cone: core.isTrue('sparse-checkout-cone-mode'),
    depth: readDepth(core.getInput('fetch-depth')),
    tags: core.isTrue('fetch-tags'),
    progress: core.isTrue('show-progress'),
    lfs: core.isTrue('lfs'),
    submodules: submodules === 'TRUE' || submodules === 'RECURSIVE',
    recursive: submodules === 'RECURSIVE',
    safe: core.isTrue('set-safe-directory')
  }
  if (!settings.temp) throw new Error('RUNNER_TEMP not defined')
  if (!core.isTrue('allow-unsafe-pr-checkout')) refuseForkCode(repository, settings, env)
  core.setSecret(settings.token)
  return settings
}

function readRepository(repository) {
  const match = /^([\w.-]+)\/([\w.-]+)$/.exec(repository)
  if (!match || match.slice(1).some(part => /^(-|\.{1,2}$)/.test(part))) {
    throw new Error(`Invalid repository '${repository}'. Expected format {owner}/{repo}.`)
  }
  return { owner: match[1], name: match[2] }
}

/** The ref, which may be empty, and the commit if it is known. */
function readRef(repository, env) {
  const ref = core.getInput('ref')
  if (isSHA(ref)) return { ref: '', commit: ref.toLowerCase() }
  if (ref) return { ref: checkRef(ref), commit: '' }
  if (repository.toUpperCase() !== (env.GITHUB_REPOSITORY || '').toUpperCase()) return { ref: '', commit: '' }
  const own = env.GITHUB_REF || ''
  const commit = env.GITHUB_SHA || ''
  if (commit && !isSHA(commit)) throw new Error(`GITHUB_SHA is no commit: '${commit}'`)
  // The ref of a closed pull request is a bare name, that of its base branch.
  const full = own && commit && !own.startsWith('refs/') ? `refs/heads/${own}` : own
  return { ref: full && checkRef(full), commit: commit.toLowerCase() }
}

/** The directory, which is in the workspace also by way of symbolic links. */
function readDirectory(workspace, relative) {
  const top = path.resolve(workspace)
  const directory = path.resolve(top, relative)
  if (!within(directory, top) || !within(real(directory), real(top))) {
    throw new Error(`Repository path '${directory}' is not under '${top}'`)
  }
  return directory
}

const within = (file, top) => file === top || file.startsWith(top.endsWith(path.sep) ? top : top + path.sep)

/** The path without symbolic links, as far as it exists. */
function real(file) {
  try {
    return fs.realpathSync(file)
  } catch (err) {
    if (err.code !== 'ENOENT' || path.dirname(file) === file) throw err
    return path.join(real(path.dirname(file)), path.basename(file))
  }
}

/** As in the original, what is no number stands for all of the history. */
function readDepth(text) {
  const depth = Math.floor(Number(text || '1'))
  return depth > 0 ? depth : 0
}

/**
 * The address that repositories are below. A job may show a name of the server
 * that only programs read (GITHUB_SERVER_URL); the API has one that connects.
 */
function serverBase(input, env) {
  const api = (env.GITHUB_API_URL || '').replace(/\/+$/, '')
  const text = input || (api.endsWith('/api/v3') ? api.slice(0, -'/api/v3'.length) : env.GITHUB_SERVER_URL || 'https://github.com')
  let url
  try {
    url = new URL(text)
  } catch {
    throw new Error(`Invalid address of a server: '${text}'`)
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Error(`Invalid address of a server: '${text}'`)
  return url.origin + url.pathname.replace(/\/+$/, '')
}

module.exports = { readSettings }
