// Uploads many small artifacts by the protocol alone.
const token = process.env.ACTIONS_RUNTIME_TOKEN
const [, run, job] = JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).scp.match(/Actions\.Results:([^: ]+):([^: ]+)/)
const count = Number(process.env.INPUT_COUNT)

async function call(method, body) {
  const res = await fetch(new URL(`/twirp/github.actions.results.api.v1.ArtifactService/${method}`, process.env.ACTIONS_RESULTS_URL), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ workflow_run_backend_id: run, workflow_job_run_backend_id: job, ...body })
  })
  if (!res.ok) throw new Error(`${method}: ${res.status} ${await res.text()}`)
  return res.json()
}

let next = 0
async function worker() {
  for (let n; (n = ++next) <= count; ) {
    const name = `artifact-${String(n).padStart(3, '0')}`
    const { signed_upload_url: url } = await call('CreateArtifact', { name, version: 7, mime_type: 'text/plain' })
    const res = await fetch(url, { method: 'PUT', headers: { 'x-ms-blob-type': 'BlockBlob' }, body: `this is ${name}\n` })
    if (res.status !== 201) throw new Error(`PUT: ${res.status} ${await res.text()}`)
    await call('FinalizeArtifact', { name, size: String(`this is ${name}\n`.length) })
  }
}
await Promise.all(Array.from({ length: 8 }, worker))
