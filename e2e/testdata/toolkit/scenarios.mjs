// What a job does with artifacts and caches, by packages of any version.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { input, makeBig, makeFiles, sum, sums, temporary } from './files.mjs'

const prefix = input('prefix')

/** Runs the scenario that the step names. */
export async function run(packages) {
  try {
    await { artifacts, caches, upload, fetchBuiltin }[input('do')](packages)
    console.log(`${input('do')} of ${prefix}: all is well`)
  } catch (err) {
    console.log(String(err.stack))
    console.log(`::error::${String(err.message).replaceAll('\n', '%0A')}`)
    process.exit(1)
  }
}

async function artifacts({ artifact }) {
  const [small, big] = [temporary('small'), temporary('big')]
  const files = makeFiles(small, 200)
  makeBig(path.join(big, 'big'), Number(input('megabytes')))
  const sent = {
    small: await artifact.uploadArtifact(`${prefix}-small`, files, small, { retentionDays: 1 }),
    big: await artifact.uploadArtifact(`${prefix}-big`, [path.join(big, 'big')], big, { compressionLevel: 0 })
  }
  const { artifacts: all } = await artifact.listArtifacts()
  for (const [name, { id, size }] of Object.entries(sent)) {
    const [listed] = all.filter(a => a.id === id)
    assert.equal(listed.name, `${prefix}-${name}`)
    assert.equal(listed.size, size)
    assert.ok(Math.abs(Date.now() - listed.createdAt) < 3600_000)
    if (sent[name].digest) assert.equal(listed.digest ?? `sha256:${sent[name].digest}`, `sha256:${sent[name].digest}`)
  }
  assert.equal((await artifact.getArtifact(`${prefix}-small`)).artifact.id, sent.small.id)

  for (const [name, from] of Object.entries({ small, big })) {
    const to = temporary('down')
    const expectedHash = sent[name].digest && `sha256:${sent[name].digest}`
    const { digestMismatch } = await artifact.downloadArtifact(sent[name].id, { path: to, expectedHash })
    assert.ok(!digestMismatch)
    assert.deepEqual(sums(to), sums(from))
    fs.rmSync(to, { recursive: true })
  }
  await assert.rejects(artifact.uploadArtifact(`${prefix}-small`, files.slice(0, 1), small), /an artifact with this name already exists/)
  await byREST(artifact, sent)
  await remove(artifact, sent)
  fs.rmSync(big, { recursive: true })
}

/** The same by GitHub's API, as a job of another run does it. */
async function byREST(artifact, sent) {
  const [repositoryOwner, repositoryName] = process.env.GITHUB_REPOSITORY.split('/')
  const findBy = { token: input('token'), workflowRunId: Number(process.env.GITHUB_RUN_ID), repositoryOwner, repositoryName }
  const { artifacts: all } = await artifact.listArtifacts({ findBy, latest: true })
  assert.ok(all.some(a => a.id === sent.small.id))
  assert.equal((await artifact.getArtifact(`${prefix}-small`, { findBy })).artifact.id, sent.small.id)
  const to = temporary('rest')
  await artifact.downloadArtifact(sent.small.id, { path: to, findBy })
  assert.equal(Object.keys(sums(to)).length, 200)
}

async function remove(artifact, sent) {
  const { id } = await artifact.deleteArtifact(`${prefix}-big`)
  assert.equal(id, sent.big.id)
  const { artifacts: all } = await artifact.listArtifacts()
  assert.ok(all.some(a => a.id === sent.small.id) && !all.some(a => a.id === sent.big.id))
  await assert.rejects(artifact.getArtifact(`${prefix}-big`), /Artifact not found/)
  await assert.rejects(artifact.downloadArtifact(sent.big.id))
}

/** Uploads what later jobs and people look for, raw if the package can. */
async function upload({ artifact }) {
  const dir = temporary('upload')
  const file = path.join(dir, 'report ü.txt')
  fs.writeFileSync(file, 'a report\n'.repeat(100))
  const raw = await artifact.uploadArtifact('', [file], dir, { skipArchive: true })
  const to = temporary('raw')
  await artifact.downloadArtifact(raw.id, { path: to, expectedHash: `sha256:${raw.digest}` })
  assert.equal(sum(path.join(to, 'report ü.txt')), raw.digest)
  console.log(`uploaded ${raw.id} ${raw.digest}`)
}

/** Reads what the built-in actions have uploaded and saved: the directory small. */
async function fetchBuiltin({ artifact, cache }) {
  const want = sums('small')
  const to = temporary('builtin')
  const { artifact: found } = await artifact.getArtifact('by-builtin')
  await artifact.downloadArtifact(found.id, { path: to, expectedHash: found.digest })
  assert.deepEqual(sums(to), want)
  fs.rmSync('small', { recursive: true })
  assert.equal(await cache.restoreCache(['small'], 'builtin-2', ['builtin-']), 'builtin-1')
  assert.deepEqual(sums('small'), want)
}

/** What is true of caches depends on the branch. The one named other comes last. */
async function caches({ cache }) {
  for (const protocol of ['v2', 'v1']) {
    if (protocol === 'v1') delete process.env.ACTIONS_CACHE_SERVICE_V2
    assert.ok(cache.isFeatureAvailable())
    const c = new Caches(cache, `${prefix}-${protocol}`)
    await { main: onMain, topic: onTopic, other: onOther }[process.env.GITHUB_REF_NAME](c)
  }
}

async function onMain(c) {
  assert.equal(await c.restore('main-1', ['main-']), undefined)
  const saved = await c.save('main-1')
  assert.equal(await c.restore('main-1'), saved)
  assert.equal(await c.restore('main-2', ['none-', 'main-']), saved)
  assert.equal(await c.restore('main-', [], true), undefined) // of another version
  assert.equal(await c.save('main-1', false), undefined) // it never changes
}

async function onTopic(c) {
  assert.equal(await c.restore('main-2', ['main-']), `${c.prefix}-main-1`)
  await c.save('topic-1')
  assert.equal(await c.restore('topic-1'), `${c.prefix}-topic-1`)
}

async function onOther(c) {
  assert.equal(await c.restore('topic-1', ['topic-']), undefined)
  assert.equal(await c.restore('main-1'), `${c.prefix}-main-1`)
}

class Caches {
  constructor(cache, prefix) {
    this.cache = cache
    this.prefix = prefix
    this.dir = 'cached files'
    this.saved = {} // SHA-256 of files by key
  }

  /** Saves new files, and resolves to the key if that is a new cache. */
  async save(key, isNew = true) {
    fs.rmSync(this.dir, { recursive: true, force: true })
    fs.mkdirSync(this.dir)
    makeFiles(this.dir, 20)
    makeBig(path.join(this.dir, 'big'), 5)
    const full = `${this.prefix}-${key}`
    const id = await this.cache.saveCache([this.dir, '!*.tmp'], full, { uploadChunkSize: 1 << 20 })
    assert.equal(id > 0, isNew)
    if (isNew) this.saved[full] = sums(this.dir)
    return isNew ? full : undefined
  }

  /** Resolves to the key of the cache that was restored. */
  async restore(key, restoreKeys = [], otherPaths = false) {
    fs.rmSync(this.dir, { recursive: true, force: true })
    const paths = otherPaths ? [this.dir] : [this.dir, '!*.tmp']
    const found = await this.cache.restoreCache(paths, `${this.prefix}-${key}`, restoreKeys.map(k => `${this.prefix}-${k}`))
    assert.equal(fs.existsSync(this.dir), found !== undefined)
    if (found in this.saved) assert.deepEqual(sums(this.dir), this.saved[found])
    return found
  }
}
