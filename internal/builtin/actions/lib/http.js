'use strict'
// Requests to the server, with the patience of a client that may meet a server
// in the middle of a restart.

const http = require('node:http')
const https = require('node:https')
const { setTimeout: sleep } = require('node:timers/promises')
const core = require('./core')

const silence = 180_000 // ms without a byte after which a request has failed
const agents = {
  'http:': new http.Agent({ keepAlive: true, maxSockets: 64 }),
  'https:': new https.Agent({ keepAlive: true, maxSockets: 64 })
}

/** What a server answered when it was not what was hoped for. */
class StatusError extends Error {
  constructor(what, status, body) {
    super(`${what}: ${status} ${http.STATUS_CODES[status] || ''}${body ? `: ${body}` : ''}`.trim())
    this.status = status
    this.body = body
  }
}

/** An error after which another try is in vain. */
function forGood(err) {
  err.final = true
  return err
}

const passing = new Set([408, 425, 429, 500, 502, 503, 504])

function mayPass(err) {
  if (err.final) return false
  return err instanceof StatusError ? passing.has(err.status) : true
}

/**
 * Calls attempt until it succeeds, fails for good, or has failed tries times.
 * The waits grow from one second to half a minute.
 */
async function retry(what, attempt, { tries = 6, first = 1000 } = {}) {
  for (let n = 1; ; n++) {
    try {
      return await attempt(n)
    } catch (err) {
      if (n >= tries || !mayPass(err)) throw err
      const base = Math.min(first * 2 ** (n - 1), 30_000)
      const wait = Math.round(base * (0.75 + Math.random() / 2))
      core.info(`${what} - attempt ${n} of ${tries} failed: ${err.message}. Trying again in ${wait} ms...`)
      await sleep(wait)
    }
  }
}

/**
 * Sends one request and resolves to the answer, an http.IncomingMessage, when
 * its header is here. body is a Buffer, a text or nothing.
 */
function send(method, url, { headers = {}, body, signal } = {}) {
  return new Promise((resolve, reject) => {
    const at = new URL(url)
    const lib = at.protocol === 'https:' ? https : http
    const own = { 'user-agent': core.userAgent, ...headers }
    if (body !== undefined) own['content-length'] = Buffer.byteLength(body)
    const req = lib.request(at, { method, headers: own, agent: agents[at.protocol], signal })
    req.setTimeout(silence, () => req.destroy(new Error(`no answer within ${silence / 1000} s`)))
    req.on('response', resolve)
    req.on('error', reject)
    req.end(body)
  })
}

/** Reads the body of an answer that is not long. */
async function text(res, limit = 16 << 20) {
  const chunks = []
  let size = 0
  for await (const chunk of res) {
    size += chunk.length
    if (size > limit) {
      res.destroy()
      throw forGood(new Error(`the answer is longer than ${limit} bytes`))
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** The message of an error in any of the shapes that servers write. */
function messageOf(body) {
  try {
    const v = JSON.parse(body)
    return v.msg || v.message || body
  } catch {
    const xml = /<Message>([^<]*)<\/Message>/.exec(body)
    return xml ? xml[1] : body.slice(0, 500)
  }
}

/** Sends one request, and resolves to { res, body } if the status is one of those wanted. */
async function exchange(what, method, url, options, wanted) {
  const res = await send(method, url, options)
  const body = await text(res)
  if (!wanted.includes(res.statusCode)) throw new StatusError(what, res.statusCode, messageOf(body))
  return { res, body }
}

module.exports = { StatusError, retry, send, text, exchange, messageOf }
