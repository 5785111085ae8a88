'use strict'
// Names of refs and commits: which are good, what to fetch for them, and what to
// check out then. Nothing here asks git.

const heads = 'refs/heads/'
const tags = 'refs/tags/'
const pulls = 'refs/pull/'
const origin = 'refs/remotes/origin/'
const allTags = '+refs/tags/*:refs/tags/*'

const isSHA = text => /^([0-9a-f]{40}|[0-9a-f]{64})$/i.test(text)

/**
 * Returns a name that git takes as one, by the rules of git check-ref-format. No
 * other reaches git: not options, ranges, patterns or refspecs.
 */
function checkRef(ref) {
  const bad =
    ref.length > 1024 ||
    /[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|^[-/]|[/.]$|(^|\/)\.|\.lock(\/|$)|^@$/.test(ref) ||
    /^refs\/[^/]+\/-/.test(ref) ||
    ref === 'refs'
  if (bad) throw new Error(`Invalid ref '${ref.slice(0, 100)}'`)
  return ref
}

/** Where the ref of a branch or pull request is kept here; others keep their names. */
function localName(ref) {
  if (ref.startsWith(heads)) return origin + ref.slice(heads.length)
  if (ref.startsWith(pulls)) return `refs/remotes/pull/${ref.slice(pulls.length)}`
  return ref
}

/** The refspecs to fetch for a ref, at a commit if that is known. */
function refspecs(ref, commit) {
  if (!ref) return [commit]
  if (!ref.startsWith('refs/')) return [`+${heads}${ref}*:${origin}${ref}*`, `+${tags}${ref}*:${tags}${ref}*`]
  if (!commit) return [`+${ref}:${localName(ref)}`]
  const named = [heads, tags, pulls].some(prefix => ref.startsWith(prefix))
  return [named ? `+${commit}:${localName(ref)}` : commit]
}

/** The refspecs to fetch for all of the history. */
function allRefspecs(ref, commit) {
  const all = [`+${heads}*:${origin}*`, allTags]
  if (ref.startsWith(pulls)) all.push(`+${commit || ref}:${localName(ref)}`)
  return all
}

/** What to check out: a branch with its start, or something without a branch. */
function target(ref, commit) {
  if (!ref) return { ref: commit }
  if (ref.startsWith(heads)) return { branch: ref.slice(heads.length), ref: localName(ref) }
  if (ref.startsWith(tags) || ref.startsWith(pulls)) return { ref: localName(ref) }
  return { ref: commit || ref }
}

/** Whether two refs cannot both exist, as one is a directory of the other. */
function conflict(a, b) {
  const [x, y] = [a.toLowerCase(), b.toLowerCase()] // some file systems know no case
  return x.startsWith(`${y}/`) || y.startsWith(`${x}/`)
}

/** The names that a fetch of the ref may write. */
function written(ref) {
  if (!ref) return []
  return ref.startsWith('refs/') ? [localName(ref)] : [origin + ref, tags + ref]
}

module.exports = { heads, tags, pulls, allTags, isSHA, checkRef, localName, refspecs, allRefspecs, target, conflict, written }
