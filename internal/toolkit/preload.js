'use strict'
// Runs before the script of an action that lies in the workspace: node --require.
// What such an action loads has its host check lifted as it is loaded, and the files
// stay as they are. toolkit.go says what is lifted.

const fs = require('node:fs')
const path = require('node:path')
const Module = require('node:module')

// The action is started as if this were not here.
const at = process.execArgv.indexOf(__filename)
if (at > 0) process.execArgv.splice(at - 1, 2)

/** Returns the text of a script with the check lifted. It needs nothing from around it. */
function lift(text, file) {
  if (!text.includes('GITHUB_SERVER_URL')) return text
  let found = false
  text = text.replace(new RegExp(FORM, 'g'), (form, old, newer) => {
    found = true
    return form.replace(old || newer, LIFTED)
  })
  if (found) {
    const line = `Lifted the host check of the Actions toolkit in ${file}. With --no-toolkit-patch the server leaves actions as they are.\n`
    try {
      fs.writeSync(1, line)
    } catch {
      // the log is not there any more
    }
  }
  return text
}

const compile = Module.prototype._compile
Module.prototype._compile = function (text, file, ...more) {
  return compile.call(this, typeof text === 'string' ? lift(text, file) : text, file, ...more)
}

/** Whether node takes a script for an ECMAScript module. */
function isModule(file) {
  if (/\.[cm]js$/.test(file)) return file.endsWith('.mjs')
  for (let dir = path.dirname(file); ; dir = path.dirname(dir)) {
    try {
      return JSON.parse(fs.readFileSync(path.join(dir, 'package.json'), 'utf8')).type === 'module'
    } catch (err) {
      if (err.code !== 'ENOENT' || path.dirname(dir) === dir) return false
    }
  }
}

/** Returns what a loader has read of a module, lifted. */
function loaded(result, url) {
  if (result.format !== 'module' || !result.source || !url.startsWith('file:')) return result
  const text = typeof result.source === 'string' ? result.source : Buffer.from(result.source).toString()
  return { ...result, source: lift(text, decodeURI(new URL(url).pathname)) }
}

if (Module.registerHooks) {
  Module.registerHooks({ load: (url, context, next) => loaded(next(url, context), url) })
} else if (Module.register && isModule(process.argv[1] || '')) { // it costs a thread
  const hook = `import fs from 'node:fs'
${lift}
${loaded}
export const load = async (url, context, next) => loaded(await next(url, context), url)`
  Module.register('data:text/javascript,' + encodeURIComponent(hook))
}
