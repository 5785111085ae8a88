// Asks for an OIDC token as the login actions of cloud providers do.
import * as core from '@actions/core'

try {
  const token = await core.getIDToken('sts.amazonaws.com')
  const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString())
  console.log(`the token is ${token}, for ${claims.aud}, of ${claims.sub}`)
  console.log(`by default it is for ${JSON.parse(Buffer.from((await core.getIDToken()).split('.')[1], 'base64url').toString()).aud}`)
} catch (error) {
  core.setFailed(error.message)
}
