'use strict'

/** Calls fn with each item, some at once, and resolves to the results in order. */
async function inParallel(items, fn, atOnce = 5) {
  const out = new Array(items.length)
  let next = 0
  const worker = async () => {
    while (next < items.length) {
      const i = next++
      out[i] = await fn(items[i])
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker))
  return out
}

module.exports = { inParallel }
