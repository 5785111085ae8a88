'use strict'
// Archives of files, by the programs tar and zstd. They are as @actions/cache
// makes them, and so are their versions: caches of both serve each other.

const crypto = require('node:crypto')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { spawn } = require('node:child_process')
const core = require('./lib/core')
const { workspace } = require('./settings')

const windows = process.platform === 'win32'
const salt = '1.0'
const manifest = 'manifest.txt'

const gzip = { name: 'gzip', file: 'cache.tgz', pack: ['-z'], unpack: ['-z'] }
const zstd = {
  name: 'zstd-without-long',
  file: 'cache.tzst',
  pack: ['--use-compress-program', windows ? 'zstd -T0' : 'zstdmt'],
  unpack: ['--use-compress-program', windows ? 'zstd -d' : 'unzstd']
}

/** Runs a program, shows what it prints, and resolves to that when it ends well. */
function run(program, args, { cwd, quiet = false } = {}) {
  if (!quiet) core.info(`[command]${program} ${args.join(' ')}`)
  return new Promise((resolve, reject) => {
    const env = { ...process.env, MSYS: 'winsymlinks:nativestrict' }
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true })
    let text = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', part => (text = (text + part).slice(-65536)))
    }
    child.on('error', reject)
    child.on('close', code => {
      if (code === 0) resolve(text)
      else reject(new Error(`${path.basename(program)} failed with exit code ${code}: ${text.trim().split('\n').slice(-3).join('\n')}`))
    })
  })
}

/** The version that a program says it has, or nothing. */
async function versionOf(program, ...args) {
  try {
    return (await run(program, [...args, '--version'], { quiet: true })).trim()
  } catch {
    return ''
  }
}

/** The tar to use, and its options on this system. */
async function findTar() {
  if (windows) {
    const own = path.join(process.env.PROGRAMFILES || '', 'Git', 'usr', 'bin', 'tar.exe')
    const program = fs.existsSync(own) ? own : 'tar'
    if (!(await versionOf(program)).includes('GNU tar')) throw new Error('The cache action needs GNU tar: install Git for Windows')
    return { program, options: ['--force-local'] }
  }
  if (process.platform === 'darwin' && (await versionOf('gtar'))) {
    return { program: 'gtar', options: ['--delay-directory-restore'] }
  }
  return { program: 'tar', options: [] }
}

/** Finds out what this machine has, and resolves to what can be done with it. */
async function tools() {
  const tar = await findTar()
  const method = (await versionOf('zstd', '--quiet')) ? zstd : gzip
  const slashes = file => file.split(path.sep).join('/')
  return {
    file: dir => path.join(dir, method.file),

    /** The version of a cache: what it is made of. Others are not found. */
    version(patterns, crossOS) {
      const parts = [...patterns, method.name, ...(windows && !crossOS ? ['windows-only'] : []), salt]
      return crypto.createHash('sha256').update(parts.join('|')).digest('hex')
    },

    /** Packs files and directories, relative to the workspace. Zero bytes divide their names, so that any name is one. */
    async pack(dir, names) {
      fs.writeFileSync(path.join(dir, manifest), names.map(name => name + '\0').join(''))
      const args = ['--posix', '-cf', method.file, '--exclude', method.file, '-P', '-C', slashes(workspace())]
      await run(tar.program, [...args, '--null', '--files-from', manifest, ...tar.options, ...method.pack], { cwd: dir })
    },

    async unpack(file) {
      fs.mkdirSync(workspace(), { recursive: true })
      await run(tar.program, ['-xf', slashes(file), '-P', '-C', slashes(workspace()), ...tar.options, ...method.unpack])
    }
  }
}

/** Calls fn with a new directory that is gone afterwards. */
async function inTemporary(fn) {
  const dir = fs.mkdtempSync(path.join(process.env.RUNNER_TEMP || os.tmpdir(), 'cache-'))
  try {
    return await fn(dir)
  } finally {
    fs.rmSync(dir, { recursive: true, force: true })
  }
}

module.exports = { tools, inTemporary }
