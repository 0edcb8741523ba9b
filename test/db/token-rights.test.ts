import SqliteDatabase from 'better-sqlite3'
import t from 'tap'
import { listMigrations, migrateDown, migrateToLatest } from '../../src/db/migrate.ts'
import { openDomain } from '../support/domain.ts'

t.test(
  'tokens of before hold all scopes; a sign-in proved the password when it was issued, the operator none',
  async (t) => {
    const file = `${t.testdir()}/latchkey.db`
    const { auth, database, createUser, signIn, userOf } = await openDomain(t, { url: `sqlite:${file}` })
    const userId = await createUser('ada')
    const ofSignIn = await signIn('ada')
    const ofOperator = await auth.createToken(userId, { name: null, expiresIn: null, scopes: ['ACCOUNT'] })
    const ran = async () =>
      (await listMigrations(database)).filter(({ executedAt }) => executedAt !== null).map(({ name }) => name)
    while ((await ran()).some((name) => name > '0005-smaller-tokens')) await migrateDown(database)
    await migrateToLatest(database)
    const { createdAt } = ofSignIn.tokenInfo
    t.match((await userOf(ofSignIn.token)).token, { kind: 'DEVICE', scopes: null, provenAt: createdAt })
    t.match((await userOf(ofOperator.token)).token, { kind: 'DEVICE', scopes: null, provenAt: null })
  },
)

t.test('whatever writes the rights of a token, its principal has them at once', async (t) => {
  const file = `${t.testdir()}/latchkey.db`
  const { createUser, signIn, userOf } = await openDomain(t, { url: `sqlite:${file}` })
  await createUser('ada')
  const { token } = await signIn('ada')
  const other = new SqliteDatabase(file)
  t.teardown(() => other.close())
  const writes: [set: string, rights: object][] = [
    ["scopes = 'ACCOUNT TOKENS'", { scopes: ['ACCOUNT', 'TOKENS'] }],
    ["scopes = ''", { scopes: [] }],
    ['scopes = null', { scopes: null }],
    ['kind = 1', { kind: 'PERSONAL' }],
    ['kind = 2', { kind: 'SERVICE' }],
    ['kind = null', { kind: 'DEVICE' }],
    ['proven_at = 0', { provenAt: null }],
    ['proven_at = 5', { provenAt: 5 }],
  ]
  for (const [set, rights] of writes) {
    await userOf(token)
    other.exec(`update latchkey_tokens set ${set}`)
    t.match((await userOf(token)).token, rights, set)
  }
})
