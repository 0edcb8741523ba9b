import t from 'tap'
import { startApp } from '../support/app.ts'

t.test('a user signs in, is known by the token, and is not after revoking it', async (t) => {
  const { createUser, graphql, signIn } = await startApp(t)
  const user = await createUser()
  const token = await signIn(user)
  t.match((await graphql('{ viewer { username } }', null, { token })).body, {
    data: { viewer: { username: user.username } },
  })
  t.match((await graphql('mutation { revokeToken { revoked } }', null, { token })).body, {
    data: { revokeToken: { revoked: true } },
  })
  t.match(await graphql('{ viewer { username } }', null, { token }), {
    status: 401,
    body: { errors: [{ extensions: { code: 'UNAUTHENTICATED', reason: 'REVOKED' } }] },
  })
})
