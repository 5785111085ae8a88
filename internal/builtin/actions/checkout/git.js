'use strict'
// The program git, in one directory.

const crypto = require('node:crypto')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { spawn } = require('node:child_process')
const { setTimeout: sleep } = require('node:timers/promises')
const core = require('./lib/core')

const oldest = [2, 18]
const waits = [1_000, 15_000] // ms before the second and the third try of a fetch

/** What git says when another try is in vain. */
const final =
  /couldn't find remote ref|not our ref|no such remote ref|repository .*not found|authentication failed|could not read username|returned error: 4(0[0-7]|1\d|22)/i

/** Why git has failed: its own words if it had any. */
class GitError extends Error {
  constructor(args, code, stderr) {
    const said = stderr.split(/[\r\n]/).filter(line => /^(fatal|error):/.test(line)).map(defuse)
    super(said.length > 0 ? said.slice(-3).join('\n') : `git ${args.find(arg => /^[a-z]+$/.test(arg))} failed with exit code ${code}`)
    this.code = code
    this.stderr = stderr
  }
}

class Git {
  #options = []
  #env
  #globals = ''

  constructor(directory) {
    this.directory = directory
    this.#env = { ...process.env, GIT_TERMINAL_PROMPT: '0', GCM_INTERACTIVE: 'Never', GIT_LFS_SKIP_SMUDGE: '1' }
  }

  /** Configuration for all that git is asked from now on; it stands nowhere else. */
  use(key, value) {
    this.#options.push('-c', `${key}=${value}`)
  }

  /** Replaces pointers by the files of Git LFS. */
  useLFS() {
    delete this.#env.GIT_LFS_SKIP_SMUDGE
  }

  /**
   * Lets git work in the directory whoever owns it. Git believes only the user's
   * own configuration about that, so this makes one that has all of the user's.
   */
  trustDirectory(temp) {
    this.#globals = path.join(temp, `git-global-${crypto.randomUUID()}.config`)
    const home = process.env.HOME || os.homedir()
    const own = process.env.GIT_CONFIG_GLOBAL
      ? [process.env.GIT_CONFIG_GLOBAL]
      : [path.join(process.env.XDG_CONFIG_HOME || path.join(home, '.config'), 'git', 'config'), path.join(home, '.gitconfig')]
    const lines = [...own.flatMap(file => ['[include]', `\tpath = ${quote(file)}`]), '[safe]', `\tdirectory = ${quote(this.directory)}`]
    fs.writeFileSync(this.#globals, lines.join('\n') + '\n', { mode: 0o600, flag: 'wx' })
    this.#env.GIT_CONFIG_GLOBAL = this.#globals
  }

  /** Removes what trustDirectory has made. */
  close() {
    if (this.#globals) fs.rmSync(this.#globals, { force: true })
    this.#globals = ''
  }

  /** Throws unless git is there and not too old. */
  async checkVersion() {
    const { stdout } = await this.run(['version'], { cwd: path.dirname(this.directory) })
    const version = /(\d+)\.(\d+)/.exec(stdout)
    if (!version) throw new Error(`git has an unknown version: ${stdout.trim()}`)
    const [major, minor] = version.slice(1).map(Number)
    if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
      throw new Error(`git ${version[0]} is too old for the checkout action: install git ${oldest.join('.')} or later`)
    }
  }

  /**
   * Runs git and resolves to { code, stdout } when it has ended with 0, or with
   * one of the codes allowed. What it prints is shown unless quiet.
   */
  run(args, { quiet = false, allow = [], input = '', cwd = this.directory, env = {} } = {}) {
    if (!quiet) core.info(`[command]git ${args.join(' ')}`)
    return new Promise((resolve, reject) => {
      const child = spawn('git', [...this.#options, ...args], {
        cwd, env: { ...this.#env, ...env }, stdio: 'pipe', windowsHide: true
      })
      child.stdin.on('error', () => {}) // git ended before it read all
      child.stdin.end(input)
      let stdout = ''
      let stderr = ''
      child.on('error', err => reject(err.code === 'ENOENT' ? missing(cwd) : err))
      const show = quiet ? () => {} : printer()
      child.stdout.setEncoding('utf8').on('data', text => {
        stdout += text
        show(text)
      })
      const showErrors = quiet ? () => {} : printer()
      child.stderr.setEncoding('utf8').on('data', text => {
        stderr = (stderr + text).slice(-65536)
        showErrors(text)
      })
      child.on('close', code => {
        show('\n')
        showErrors('\n')
        if (code === 0 || allow.includes(code)) resolve({ code, stdout })
        else reject(new GitError(args, code, stderr))
      })
    })
  }

  /** Adds a section to the configuration of the repository, which needs no git: each start of it costs a job some ms. */
  configure(section, values) {
    const lines = [`[${section}]`, ...values.map(([key, value]) => `\t${key} = ${quote(value)}`)]
    fs.appendFileSync(path.join(this.directory, '.git', 'config'), `\n${lines.join('\n')}\n`)
  }

  /** Runs git without showing anything and resolves to what it printed. */
  async ask(...args) {
    return (await this.run(args, { quiet: true })).stdout.trim()
  }

  /** Whether git has ended well; another end is a no. */
  async says(...args) {
    try {
      await this.run(args, { quiet: true })
      return true
    } catch (err) {
      if (err instanceof GitError) return false
      throw err
    }
  }

  /** Runs git, again if it was the network that failed. */
  async retry(args) {
    for (const wait of [...waits, 0]) {
      try {
        return await this.run(args)
      } catch (err) {
        if (!wait || !(err instanceof GitError) || err.code !== 128 || final.test(err.stderr)) throw err
        core.info(`${err.message}. Trying again in ${wait / 1000} seconds...`)
        await sleep(wait)
      }
    }
  }

  /** The names of the refs below a prefix. */
  async refs(...prefixes) {
    const text = await this.ask('for-each-ref', '--format=%(refname)', ...prefixes)
    return text ? text.split('\n') : []
  }

  /** The commit of a full ref, a SHA or HEAD, or nothing. */
  async commitOf(name) {
    const { code, stdout } = await this.run(['rev-parse', '--quiet', '--verify', `${name}^{commit}`], {
      quiet: true, allow: [1, 128]
    })
    return code === 0 ? stdout.trim() : ''
  }
}

/** Why git did not start: the system says the same of a program and of a directory that is not there. */
function missing(cwd) {
  if (!fs.existsSync(cwd)) return new Error(`The directory '${cwd}' does not exist`)
  return new Error('The checkout action needs git: install git on the runner')
}

/** Shows text by lines, of a progress bar one per second. */
function printer() {
  let rest = ''
  let last = 0
  return text => {
    const parts = (rest + text).split(/([\r\n])/)
    rest = parts.pop()
    for (let i = 0; i < parts.length; i += 2) {
      const bar = parts[i + 1] === '\r'
      if (!parts[i] || (bar && Date.now() - last < 1000)) continue
      if (bar) last = Date.now()
      core.info(defuse(parts[i].trimEnd()))
    }
  }
}

/** Makes what the runner would read as a command harmless: names of branches and subjects are untrusted. */
const defuse = line => line.replace(/^(\s*):(?=:)/, '$1: ').replace(/##(?=\[)/g, '## ')

/** A value as git's configuration files have it. */
const quote = text => `"${text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`

module.exports = { Git, GitError, quote }
