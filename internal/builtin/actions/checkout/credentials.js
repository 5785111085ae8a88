'use strict'
// The token, for git only. It is in a file of the runner's temporary directory,
// never on a command line and never in the working tree, which jobs upload as an
// artifact. What git has in the repository is a line that includes the file.

const crypto = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const core = require('./lib/core')
const { quote } = require('./git')

/** Matches the files of this action and of actions/checkout. */
const pattern = 'git-credentials-[0-9a-f-]+[.]config$'

/** Where actions in containers see the runner's temporary directory. */
const inContainers = '/github/runner_temp'

class Credentials {
  /** Writes the file. Only git that is told of it uses it. */
  constructor(settings) {
    this.base = settings.base
    this.name = `git-credentials-${crypto.randomUUID()}.config`
    this.file = path.join(settings.temp, this.name)
    const basic = Buffer.from(`x-access-token:${settings.token}`).toString('base64')
    core.setSecret(basic)
    const lines = [`[http ${quote(`${this.base}/`)}]`, `\textraheader = ${quote(`AUTHORIZATION: basic ${basic}`)}`]
    fs.writeFileSync(this.file, lines.join('\n') + '\n', { mode: 0o600, flag: 'wx' })
  }

  /** Lets this git use the token. */
  use(git) {
    git.use('include.path', this.file)
    const { host, port } = new URL(this.base)
    // Submodules with an SSH address of this server come the same way.
    if (!port) git.use(`url.${this.base}/.insteadOf`, `git@${host}:`)
  }

  /** Lets git in later steps use the token, in submodules too. */
  async persist(git, settings) {
    const files = [this.file, `${inContainers}/${this.name}`]
    git.configure('include', files.map(file => ['path', file]))
    if (!settings.submodules) return
    const add = 'git config --local --add include.path "$CHECKOUT_FILE" && git config --local --add include.path "$CHECKOUT_CONTAINER_FILE"'
    await git.run(foreach(settings.recursive, add), {
      quiet: true, env: { CHECKOUT_FILE: files[0], CHECKOUT_CONTAINER_FILE: files[1] }
    })
  }

  /** Removes the file. */
  remove() {
    Credentials.removeFile(this.file)
  }

  /** Removes the file of a step, if it has one. */
  static removeFile(file) {
    if (file) fs.rmSync(file, { force: true })
  }

  /** Removes a file of this step or none, and what the repository has about files of any step. */
  static async forget(git, file) {
    Credentials.removeFile(file) // first, as this is what counts
    await unset(git, 'include.path', pattern)
    await inSubmodules(git, 'git config --local --unset-all include.path "$CHECKOUT_PATTERN"', { CHECKOUT_PATTERN: pattern })
  }

  /** Removes the headers that old versions of actions/checkout left where a job was killed. */
  static async forgetHeaders(git, base) {
    const header = `http.${base}/.extraheader`
    await unset(git, header)
    await inSubmodules(git, 'git config --local --unset-all "$CHECKOUT_HEADER"', { CHECKOUT_HEADER: header })
  }
}

/** A command of git that runs a constant script in each submodule. */
const foreach = (recursive, script) => ['submodule', 'foreach', '--quiet', ...(recursive ? ['--recursive'] : []), script]

/** Runs a constant script in each submodule there is. That it fails in some is all right. */
async function inSubmodules(git, script, env) {
  if (!fs.existsSync(path.join(git.directory, '.gitmodules'))) return
  await git.run(foreach(true, `${script}; :`), { quiet: true, env })
}

async function unset(git, ...args) {
  await git.run(['config', '--local', '--unset-all', ...args], { quiet: true, allow: [5] }) // 5: there is none
}

module.exports = { Credentials }
