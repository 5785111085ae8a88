'use strict'
// What an action and its runner say to each other: inputs, outputs, state, and
// commands on standard output.

const crypto = require('node:crypto')
const fs = require('node:fs')
const os = require('node:os')
const about = require('./about.json')

const userAgent = `understudy/${about.version} (${about.action})`

/** The text of an input, without blanks around it. */
function getInput(name, { required = false, trim = true } = {}) {
  const text = process.env[`INPUT_${name.replace(/ /g, '_').toUpperCase()}`] || ''
  if (required && !text) throw new Error(`Input required and not supplied: ${name}`)
  return trim ? text.trim() : text
}

/** Whether an input is true. Other texts are not, as in the originals that read inputs so. */
const isTrue = name => getInput(name).toLowerCase() === 'true'

/** An input that is true or false as YAML 1.2 writes them; without a value, the fallback. */
function getBooleanInput(name, fallback) {
  const text = getInput(name)
  if (['true', 'True', 'TRUE'].includes(text)) return true
  if (['false', 'False', 'FALSE'].includes(text)) return false
  if (!text && fallback !== undefined) return fallback
  throw new TypeError(
    `Input does not meet YAML 1.2 "Core Schema" specification: ${name}\n` +
      'Support boolean input list: `true | True | TRUE | false | False | FALSE`'
  )
}

/** The lines of an input that have something on them. */
function getMultilineInput(name, options) {
  return getInput(name, options)
    .split(/\r?\n/)
    .map(line => line.trim())
    .filter(line => line)
}

/** A whole number from an input, within bounds; without a value, the fallback. */
function getNumberInput(name, { fallback, min = 0, max = Number.MAX_SAFE_INTEGER } = {}) {
  const text = getInput(name)
  if (!text) return fallback
  const n = Number(text)
  if (!/^\d+$/.test(text) || n < min || n > max) {
    const range = max === Number.MAX_SAFE_INTEGER ? `a whole number from ${min}` : `a whole number from ${min} to ${max}`
    throw new Error(`Invalid ${name}: '${text}' is not ${range}`)
  }
  return n
}

function text(value) {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** Adds name and value to one of the files that the runner reads after the step. */
function keep(variable, name, value) {
  const file = process.env[variable]
  if (!file) throw new Error(`Unable to find environment variable for file command ${variable}`)
  const end = `end_${crypto.randomUUID()}`
  fs.appendFileSync(file, `${name}<<${end}${os.EOL}${text(value)}${os.EOL}${end}${os.EOL}`)
}

const setOutput = (name, value) => keep('GITHUB_OUTPUT', name, value)
const saveState = (name, value) => keep('GITHUB_STATE', name, value)
const getState = name => process.env[`STATE_${name}`] || ''

const escapeData = s => text(s).replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A')

/** Writes a command to the runner. */
function command(name, data) {
  process.stdout.write(`::${name}::${escapeData(data)}${os.EOL}`)
}

const info = message => process.stdout.write(message + os.EOL)
const debug = message => command('debug', message)
const warning = message => command('warning', String(message.message || message))
const error = message => command('error', String(message.message || message))

/** Keeps a text out of the log from now on. */
function setSecret(secret) {
  if (secret) command('add-mask', secret)
}

/** Keeps the signature of a signed URL out of the log. */
function maskSignature(url) {
  const sig = new URL(url).searchParams.get('sig')
  if (!sig) return
  setSecret(sig)
  if (encodeURIComponent(sig) !== sig) setSecret(encodeURIComponent(sig))
}

/** Fails the step, which goes on. */
function setFailed(message) {
  process.exitCode = 1
  error(message)
}

/** Puts what fn logs into a group that people can fold. */
async function group(title, fn) {
  command('group', title)
  try {
    return await fn()
  } finally {
    command('endgroup', '')
  }
}

/** Says what action this is, and runs it. What it throws fails the step. */
async function run(main) {
  info(`Built-in action of Understudy ${about.version} in place of ${about.action}`)
  try {
    await main()
  } catch (err) {
    if (process.env.RUNNER_DEBUG === '1' && err.stack) debug(err.stack)
    setFailed(err.message || String(err))
  }
  // Connections that are kept for another request do not hold the step up.
  await new Promise(done => process.stdout.write('', done))
  process.exit(process.exitCode || 0)
}

module.exports = {
  userAgent,
  getInput,
  isTrue,
  getBooleanInput,
  getMultilineInput,
  getNumberInput,
  setOutput,
  saveState,
  getState,
  info,
  debug,
  warning,
  setSecret,
  maskSignature,
  setFailed,
  group,
  run
}
