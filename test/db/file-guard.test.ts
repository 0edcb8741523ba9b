import { renameSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openDomain, origin, refusalOf } from '../support/domain.ts'

const away = { code: 'SERVICE_UNAVAILABLE', reason: 'DATABASE', retryAfter: 5 }

t.test('what is written to a file that is no longer there is not acknowledged', async (t) => {
  const file = join(t.testdir(), 'latchkey.db')
  const { auth, createUser, signIn, userOf, database } = await openDomain(t, { url: `sqlite:${file}` })
  await createUser('ada')
  const principal = await userOf((await signIn('ada')).token)
  const lost = database.transaction(async () => renameSync(file, `${file}.away`))
  t.match(await refusalOf(lost), away)
  await t.rejects(auth.revokeAllTokens(principal, origin()), {
    cause: { message: /was deleted, moved or replaced while in use\. Put it back, or start again\./ },
  })
  renameSync(`${file}.away`, file)
  t.equal(await auth.revokeAllTokens(principal, origin()), 1)
})

t.test('a token is not looked up in a file that is no longer there', async (t) => {
  const file = join(t.testdir(), 'latchkey.db')
  const { createUser, signIn, reasonOf } = await openDomain(t, { url: `sqlite:${file}` })
  await createUser('ada')
  const { token } = await signIn('ada')
  t.equal(await reasonOf(token), 'none')
  renameSync(file, `${file}.away`)
  await new Promise((resolve) => setTimeout(resolve, 150)) // it is looked at ten times a second
  t.match(await refusalOf(reasonOf(token)), away)
})
