'use strict'
// The checkout itself: one commit of a repository comes into the directory.

const fs = require('node:fs')
const path = require('node:path')
const core = require('./lib/core')
const { Credentials } = require('./credentials')
const { Git, GitError } = require('./git')
const { heads, pulls, tags, allTags, checkRef, localName, refspecs, allRefspecs, target } = require('./refs')
const { prepare } = require('./tree')

/** Checks out what the settings say, sets their ref if they have none, and resolves to the commit. */
async function checkOut(settings) {
  core.info(`Syncing repository: ${settings.owner}/${settings.name}`)
  fs.mkdirSync(path.dirname(settings.directory), { recursive: true })
  const git = new Git(settings.directory)
  let credentials
  try {
    await core.group('Getting Git version info', () => git.checkVersion())
    if (settings.safe) git.trustDirectory(settings.temp)
    await ready(git, settings)
    credentials = new Credentials(settings)
    for (const name of ['directory', 'safe']) core.saveState(name, settings[name] || '')
    core.saveState('credentials', credentials.file)
    credentials.use(git)
    await obtain(git, settings)
    if (settings.persist) await core.group('Setting up auth', () => credentials.persist(git, settings))
    else credentials.remove()
    return await git.commitOf('HEAD')
  } catch (err) {
    if (credentials) credentials.remove()
    throw err
  } finally {
    git.close()
  }
}

/** Makes the directory a repository that knows where it comes from, and no credentials. */
async function ready(git, settings) {
  const url = `${settings.base}/${settings.owner}/${settings.name}`
  if (await prepare(git, url, settings)) {
    await Credentials.forget(git)
    await Credentials.forgetHeaders(git, settings.base)
    return
  }
  await core.group('Initializing the repository', async () => {
    const format = settings.commit.length === 64 ? ['--object-format=sha256'] : []
    await git.run(['init', '--quiet', ...format, settings.directory])
    core.info(`The remote origin is ${url}`)
    git.configure('remote "origin"', [['url', url], ['fetch', `+${heads}*:refs/remotes/origin/*`]])
    git.configure('gc', [['auto', '0']])
  })
}

/** Fetches and checks out. */
async function obtain(git, settings) {
  if (!settings.ref && !settings.commit) {
    settings.ref = await core.group('Determining the default branch', () => defaultBranch(git, settings))
  }
  if (settings.lfs) await installLFS(git)
  await core.group('Fetching the repository', () => fetch(git, settings))
  const wanted = await findTarget(git, settings)
  if (settings.lfs && settings.sparse.length === 0) {
    await core.group('Fetching LFS objects', () => git.retry(['lfs', 'fetch', 'origin', wanted.ref]))
  }
  await setSparse(git, settings)
  await core.group('Checking out the ref', () => {
    const how = wanted.branch ? ['-B', wanted.branch, wanted.ref] : ['--detach', wanted.ref]
    return git.run(['-c', 'advice.detachedHead=false', 'checkout', '--progress', '--force', ...how, '--'])
  })
  if (settings.submodules) await core.group('Fetching submodules', () => updateSubmodules(git, settings))
}

async function defaultBranch(git, settings) {
  const text = (await git.retry(['ls-remote', '--symref', 'origin', 'HEAD'])).stdout
  const match = /^ref: (refs\/heads\/\S+)\tHEAD$/m.exec(text)
  if (!match) throw new Error(`Unable to determine the default branch of ${settings.owner}/${settings.name}`)
  return checkRef(match[1])
}

async function fetch(git, settings) {
  const { ref, commit, depth } = settings
  const options = ['--prune', '--no-recurse-submodules', '--no-tags']
  if (settings.progress) options.push('--progress')
  if (settings.filter) options.push(`--filter=${settings.filter}`)
  else if (settings.sparse.length > 0) options.push('--filter=blob:none')
  const get = (...args) => git.retry(['-c', 'protocol.version=2', '-c', 'maintenance.auto=false', 'fetch', ...options, ...args])
  if (depth > 0) {
    options.push(`--depth=${depth}`)
    const extra = settings.tags ? [allTags] : []
    if (commit && ref.startsWith(tags)) await fetchTag(git, settings, spec => get('origin', spec, ...extra))
    else await fetchSome(ref, () => get('origin', ...refspecs(ref, commit), ...extra))
    return
  }
  const shallow = fs.existsSync(path.join(settings.directory, '.git', 'shallow'))
  await get(...(shallow ? ['--unshallow'] : []), 'origin', ...allRefspecs(ref, commit))
  // The ref has moved since the event, or is not among the branches and tags.
  if (!(await isAt(git, ref, commit))) await get('origin', ...refspecs(ref, commit))
}

/** Fetches. That no branch or tag is like a bare name is no error here: findTarget knows a better one. */
async function fetchSome(ref, get) {
  try {
    await get()
  } catch (err) {
    if (!(err instanceof GitError) || err.code !== 1 || ref.startsWith('refs/')) throw err
  }
}

/** Fetches a tag with what is written on it, or just the commit if the tag is gone or has moved since the event. */
async function fetchTag(git, { ref, commit }, get) {
  try {
    await get(`+${ref}:${ref}`)
  } catch (err) {
    if (!(err instanceof GitError)) throw err
  }
  if (!(await isAt(git, ref, commit))) await get(...refspecs(ref, commit))
}

/** Whether the ref, as it was fetched, is at the commit. */
async function isAt(git, ref, commit) {
  if (ref.startsWith('refs/') && ![heads, tags, pulls].some(prefix => ref.startsWith(prefix))) return false
  if (!commit) return true
  return (await git.commitOf(ref ? localName(ref) : commit)) === commit
}

/** What to check out. A name without refs/ is a branch, else a tag. */
async function findTarget(git, { ref, commit }) {
  if (!ref || ref.startsWith('refs/')) return target(ref, commit)
  for (const prefix of [heads, tags]) {
    if (await git.commitOf(localName(prefix + ref))) return target(prefix + ref, '')
  }
  throw new Error(`A branch or tag with the name '${ref}' could not be found`)
}

async function setSparse(git, settings) {
  if (settings.sparse.length === 0) {
    await leaveSparse(git, settings)
    return
  }
  await core.group('Setting up sparse checkout', async () => {
    await unsetWorktreeConfig(git) // what it says of sparse checkouts would count for more than this
    const set = (key, value) => git.ask('config', '--local', key, value)
    await set('core.sparseCheckout', 'true')
    await set('core.sparseCheckoutCone', String(settings.cone))
    if (settings.cone) await git.run(['sparse-checkout', 'set', '--stdin'], { input: settings.sparse.join('\n') + '\n' })
    else writePatterns(settings)
  })
}

/** Makes a tree that is sparse whole again, whoever made it sparse: an earlier job, a script, another action. */
async function leaveSparse(git, settings) {
  if (!fs.existsSync(path.join(settings.directory, '.git', 'info', 'sparse-checkout'))) return
  const { stdout } = await git.run(['config', '--type=bool', '--get', 'core.sparseCheckout'], { quiet: true, allow: [1] })
  if (stdout.trim() === 'true') {
    await core.group('Disabling sparse checkout', () => git.run(['sparse-checkout', 'disable']))
  }
  // That leaves settings behind, for which some programs do not read the repository.
  await unsetWorktreeConfig(git)
  for (const key of ['core.sparseCheckout', 'core.sparseCheckoutCone']) await git.says('config', '--local', '--unset-all', key)
}

/** The settings of single work trees are where `git sparse-checkout` keeps its own. */
async function unsetWorktreeConfig(git) {
  await git.says('config', '--local', '--unset-all', 'extensions.worktreeConfig')
}

/** Patterns that are no directories may look like anything, so git reads them from its file. */
function writePatterns(settings) {
  const dir = path.join(settings.directory, '.git', 'info')
  fs.mkdirSync(dir, { recursive: true })
  fs.writeFileSync(path.join(dir, 'sparse-checkout'), settings.sparse.join('\n') + '\n')
}

async function installLFS(git) {
  if (!(await git.says('lfs', 'version'))) throw new Error('The input lfs needs Git LFS: install git-lfs on the runner')
  git.useLFS()
  await git.run(['lfs', 'install', '--local'])
}

async function updateSubmodules(git, settings) {
  const recursive = settings.recursive ? ['--recursive'] : []
  const depth = settings.depth > 0 ? [`--depth=${settings.depth}`] : []
  await git.run(['submodule', 'sync', ...recursive])
  await git.retry(['-c', 'protocol.version=2', 'submodule', 'update', '--init', '--force', ...depth, ...recursive])
  await git.run(['submodule', 'foreach', ...recursive, 'git config --local gc.auto 0'], { quiet: true })
}

module.exports = { checkOut }
