'use strict'
// Finds files by patterns, with the meaning that @actions/glob gives them:
// one pattern per line; *, ?, [a-z] and **; a leading ! takes away what the
// patterns before have found; # begins a comment; what is found as a directory
// counts with all that is in it.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const core = require('./core')

const windows = process.platform === 'win32'
const file = 1
const directory = 2

/** Divides a pattern at separators; those in brackets or escaped are none on POSIX either way. */
function segmentsOf(text) {
  return text.split(windows ? /[\\/]+/ : /\/+/)
}

/** The end of a [set] that begins at text[i], or -1. */
function endOfSet(text, i) {
  let j = i + 1
  if (text[j] === '!' || text[j] === '^') j++
  if (text[j] === ']') j++
  for (; j < text.length; j++) {
    if (text[j] === '\\' && !windows) j++
    else if (text[j] === ']') return j
  }
  return -1
}

const quote = c => c.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')

/** The regular expression of a [set], whose inside is given. */
function setExpression(inside) {
  let out = '['
  let i = 0
  if (inside[0] === '!' || inside[0] === '^') {
    out += '^/'
    i = 1
  }
  for (; i < inside.length; i++) {
    let c = inside[i]
    if (c === '\\' && !windows && i + 1 < inside.length) c = inside[++i]
    else if (c === '-' && i > 0 && i + 1 < inside.length) {
      out += '-'
      continue
    }
    out += c === '-' ? '\\-' : quote(c)
  }
  return out + ']'
}

/**
 * Reads one segment: a text that stands for itself, a regular expression, or
 * '**' for any number of segments.
 */
function segmentOf(text) {
  if (text === '**') return text
  let expression = ''
  let literal = ''
  let wild = false
  for (let i = 0; i < text.length; i++) {
    const c = text[i]
    if (c === '\\' && !windows && i + 1 < text.length) {
      literal += text[++i]
      expression += quote(text[i])
      continue
    }
    if (c === '*') {
      while (text[i + 1] === '*') i++
      expression += '[^/]*?'
      wild = true
      continue
    }
    if (c === '?') {
      expression += '[^/]'
      wild = true
      continue
    }
    const end = c === '[' ? endOfSet(text, i) : -1
    if (end > 0) {
      const inside = text.slice(i + 1, end)
      if (inside.length === 1 && inside !== '!' && inside !== '^') {
        literal += inside
        expression += quote(inside)
      } else {
        expression += setExpression(inside)
        wild = true
      }
      i = end
      continue
    }
    literal += c
    expression += quote(c)
  }
  if (!wild) return { literal }
  // A name of nothing, "." or ".." is never what a pattern means.
  return { expression: new RegExp(`^(?!\\.{1,2}$)(?=.)${expression}$`, windows ? 'is' : 's') }
}

function sameSegment(segment, name) {
  if (segment.expression) return segment.expression.test(name)
  return windows ? segment.literal.toUpperCase() === name.toUpperCase() : segment.literal === name
}

/**
 * Matches names against segments. partial asks whether something below may
 * match. Each segment is tried at each name once: no pattern takes without end.
 */
function matches(segments, names, partial) {
  let states = closure(new Set([0]), segments)
  for (const name of names) {
    const next = new Set()
    for (const at of states) {
      const segment = segments[at]
      if (segment === '**') next.add(at)
      else if (segment !== undefined && sameSegment(segment, name)) next.add(at + 1)
    }
    if (next.size === 0) return false
    states = closure(next, segments)
  }
  return partial ? [...states].some(at => at < segments.length) : states.has(segments.length)
}

/** Adds what is reached when ** stands for nothing. */
function closure(states, segments) {
  for (const at of states) {
    if (segments[at] === '**') states.add(at + 1)
  }
  return states
}

const escapeText = text => (windows ? text : text.replace(/[[?*\\]/g, '[$&]').replace(/\[\\\]/g, '\\\\'))

/** Makes a pattern absolute. */
function absolute(text, cwd, home) {
  if (text === '.' || text.startsWith(`.${path.sep}`) || text.startsWith('./')) return escapeText(cwd) + text.slice(1)
  if (text === '~' || text.startsWith(`~${path.sep}`) || text.startsWith('~/')) return escapeText(home) + text.slice(1)
  if (path.isAbsolute(text)) return text
  return `${escapeText(cwd.replace(/[\\/]+$/, ''))}${path.sep}${text}`
}

/** One pattern: what it means, and where to begin to look. */
class Pattern {
  constructor(line, cwd, home) {
    let text = line.trim()
    this.negate = false
    for (; text.startsWith('!'); text = text.slice(1).trim()) this.negate = !this.negate
    if (!text) throw new Error('A pattern must not be empty')
    if (segmentsOf(text).some((s, i) => s === '..' || (s === '.' && i > 0))) {
      throw new Error(`Invalid pattern '${text}'. Relative pathing '.' and '..' is not allowed.`)
    }
    text = absolute(text, cwd, home)
    this.trailing = windows ? /[\\/]$/.test(text) : text.endsWith('/')
    const root = path.parse(text).root
    this.root = root
    this.segments = segmentsOf(text.slice(root.length))
      .filter(s => s)
      .map(segmentOf)
    const literal = []
    for (const s of this.segments) {
      if (s === '**' || s.expression) break
      literal.push(s.literal)
    }
    this.searchPath = path.join(root, ...literal)
  }

  /** The pattern of all that is in what this one finds, unless it says so itself. */
  descendants() {
    if (!this.trailing && this.segments.at(-1) === '**') return []
    const all = Object.create(Pattern.prototype)
    return [Object.assign(all, this, { segments: [...this.segments, '**'], trailing: false })]
  }

  names(item) {
    const root = path.parse(item).root
    if (windows ? root.toUpperCase() !== this.root.toUpperCase() : root !== this.root) return null
    return item
      .slice(root.length)
      .split(path.sep)
      .filter(s => s)
  }

  match(item) {
    const names = this.names(item)
    if (!names || !matches(this.segments, names, false)) return 0
    return this.trailing ? directory : file | directory
  }

  partialMatch(item) {
    const names = this.names(item)
    return names !== null && matches(this.segments, names, true)
  }
}

/** The patterns of a text, and where to look. With whole, directories are found themselves and not what is in them. */
class Globber {
  constructor(text, { cwd = process.cwd(), home = os.homedir(), hidden = true, whole = false } = {}) {
    this.hidden = hidden
    this.whole = whole
    this.patterns = []
    this.searchPaths = []
    const own = []
    for (const line of text.split(/\r?\n/).map(s => s.trim())) {
      if (!line || line.startsWith('#')) continue
      const pattern = new Pattern(line, cwd, home)
      own.push(pattern)
      this.patterns.push(pattern, ...(whole ? [] : pattern.descendants()))
    }
    const starts = new Set(own.filter(p => !p.negate).map(p => p.searchPath))
    for (const start of starts) {
      if (!ancestors(start).some(dir => starts.has(dir))) this.searchPaths.push(start)
    }
  }

  match(item) {
    let result = 0
    for (const p of this.patterns) {
      if (p.negate) result &= ~p.match(item)
      else result |= p.match(item)
    }
    return result
  }

  partialMatch(item) {
    return this.patterns.some(p => !p.negate && p.partialMatch(item))
  }

  /** Yields what the patterns find, in the order of directories. */
  async *files() {
    const stack = []
    for (const start of this.searchPaths) {
      if (await exists(start)) stack.unshift({ at: start, above: null })
    }
    while (stack.length > 0) {
      const item = stack.pop()
      const match = this.match(item.at)
      const partial = match !== 0 || this.partialMatch(item.at)
      if (!partial) continue
      const stats = await follow(item)
      if (!stats || (!this.hidden && path.basename(item.at).startsWith('.'))) continue
      if (!stats.isDirectory()) {
        if (match & file && isRegular(item.at, stats)) yield item.at
        continue
      }
      if (this.whole && match & directory) yield item.at
      const children = await fs.promises.readdir(item.at)
      children.sort().reverse()
      for (const name of children) stack.push({ at: path.join(item.at, name), above: item })
    }
  }
}

function ancestors(at) {
  const all = []
  for (let dir = path.dirname(at); dir !== at; at = dir, dir = path.dirname(at)) all.push(dir)
  return all
}

/** Whether it is a file with contents. To read a named pipe would take until somebody writes to it. */
function isRegular(at, stats) {
  if (stats.isFile()) return true
  const what = stats.isFIFO() ? 'a named pipe' : stats.isSocket() ? 'a socket' : 'a device'
  core.warning(`${at} is left out: it is ${what}, not a file`)
  return false
}

async function exists(at) {
  try {
    await fs.promises.lstat(at)
    return true
  } catch (err) {
    if (err.code === 'ENOENT' || err.code === 'ENOTDIR') return false
    throw err
  }
}

/** What an item is behind its links; nothing for broken links and circles. */
async function follow(item) {
  let stats
  try {
    stats = await fs.promises.stat(item.at)
  } catch (err) {
    if (err.code === 'ENOENT' || err.code === 'ELOOP') return undefined
    throw err
  }
  if (!stats.isDirectory()) return stats
  item.real = await fs.promises.realpath(item.at)
  for (let above = item.above; above; above = above.above) {
    if (above.real === item.real) return undefined
  }
  return stats
}

/** Whether a name matches a pattern without directories, such as that of artifacts. */
function nameMatcher(pattern) {
  const alternatives = expandBraces(pattern).map(p => segmentOf(p === '**' ? '*' : p))
  return name => alternatives.some(a => sameSegment(a, name) && (!name.startsWith('.') || pattern.startsWith('.')))
}

const maxAlternatives = 1000

/** a{b,c} as ab and ac. */
function expandBraces(pattern) {
  let depth = 0
  let open = -1
  const commas = []
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i]
    if (c === '\\') i++
    else if (c === '{' && depth++ === 0) open = i
    else if (c === ',' && depth === 1) commas.push(i)
    else if (c === '}' && depth > 0 && --depth === 0) {
      if (commas.length === 0) return [pattern]
      const cuts = [open, ...commas, i]
      const tails = expandBraces(pattern.slice(i + 1))
      const out = []
      for (let k = 0; k + 1 < cuts.length; k++) {
        for (const middle of expandBraces(pattern.slice(cuts[k] + 1, cuts[k + 1]))) {
          for (const tail of tails) out.push(pattern.slice(0, open) + middle + tail)
          if (out.length > maxAlternatives) throw new Error(`Invalid pattern '${pattern}': too many alternatives`)
        }
      }
      return out
    }
  }
  return [pattern]
}

module.exports = { Globber, nameMatcher }
