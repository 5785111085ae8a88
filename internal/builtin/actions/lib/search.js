'use strict'
// Which files an upload takes, and what their paths in the artifact begin with.

const fs = require('node:fs')
const path = require('node:path')
const core = require('./core')
const { Globber } = require('./glob')

/** The directory that all paths are in. */
function commonAncestor(paths) {
  const split = paths.map(p => p.split(path.sep))
  let n = 0
  while (split.every(s => n < s.length && s[n] === split[0][n])) n++
  const root = path.parse(paths[0]).root
  const common = split[0].slice(0, n).join(path.sep)
  return common.length < root.length ? root : common
}

/** Resolves to the files that a text of patterns finds, and their root directory. */
async function findFiles(text, { hidden = false } = {}) {
  const globber = new Globber(text, { hidden })
  const files = []
  const seen = new Set()
  for await (const file of globber.files()) {
    files.push(file)
    const lower = file.toLowerCase()
    if (seen.has(lower)) {
      core.info(`Uploads are case insensitive: ${file} was detected that it will be overwritten by another file with the same path`)
    }
    seen.add(lower)
  }
  const starts = globber.searchPaths
  if (starts.length > 1) {
    core.info('Multiple search paths detected. Calculating the least common ancestor of all paths')
    let root = commonAncestor(starts)
    if (files.includes(root)) root = path.dirname(root)
    core.info(`The least common ancestor is ${root}. This will be the root directory of the artifact`)
    return { files, root }
  }
  const [start] = starts
  if (files.length === 1 && files[0] === start) return { files, root: path.dirname(start) }
  return { files, root: start }
}

const pathCharacters = new Map([
  ['"', 'Double quote "'],
  [':', 'Colon :'],
  ['<', 'Less than <'],
  ['>', 'Greater than >'],
  ['|', 'Vertical bar |'],
  ['*', 'Asterisk *'],
  ['?', 'Question mark ?'],
  ['\r', 'Carriage return \\r'],
  ['\n', 'Line feed \\n']
])
const nameCharacters = new Map([...pathCharacters, ['\\', 'Backslash \\'], ['/', 'Forward slash /']])

function refuse(what, text, characters) {
  for (const [c, title] of characters) {
    if (!text.includes(c)) continue
    throw new Error(
      `${what} is not valid: ${text}. Contains the following character:  ${title} \n\n` +
        `Invalid characters include:  ${[...characters.values()].join(' , ')} \n\n` +
        'Some file systems, such as NTFS, cannot hold them, and an artifact must be the same everywhere.'
    )
  }
}

/** Refuses names that an artifact cannot have. */
function checkName(name) {
  if (!name) throw new Error('Provided artifact name input during validation is empty')
  refuse('The artifact name', name, nameCharacters)
}

/** What to pack: each file and its path in the artifact. */
function entriesOf({ files, root }) {
  return files.map(from => {
    const to = path.relative(root, from).split(path.sep).join('/')
    refuse('The path for one of the files in artifact', to, pathCharacters)
    return { from, to }
  })
}

/** Whether a directory is there. */
const isDirectory = dir => fs.statSync(dir, { throwIfNoEntry: false })?.isDirectory() === true

module.exports = { findFiles, checkName, entriesOf, isDirectory }
