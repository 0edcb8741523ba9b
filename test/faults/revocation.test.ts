import t from 'tap'
import { createDatabase, startServer } from '../support/servers.ts'

const settings = {
  tokenLimit: 10_000,
  rateLimitAddressFailures: 100_000,
  rateLimitAccountFailures: 1_000,
  tokenFlushInterval: '100ms',
}
const rounds = 200

t.test('a token revoked in one process is refused by the other from the next request on', async (t) => {
  const { databaseUrl } = await createDatabase(t, 'ada')
  const [one, other] = await Promise.all([
    startServer(t, { databaseUrl, ...settings }),
    startServer(t, { databaseUrl, ...settings }),
  ])
  let accepted = 0
  let unusable = 0
  for (let round = 0; round < rounds; round++) {
    const [revoking, using] = round % 2 ? [one, other] : [other, one]
    const token = await revoking.signIn('ada')
    if ((await using.graphql('{ viewer { id } }', null, token)).status !== 200) unusable++
    const { body } = await revoking.graphql('mutation { revokeToken { revoked } }', null, token)
    t.equal(body.data.revokeToken.revoked, true)
    const answers = await Promise.all([1, 2, 3].map(() => using.graphql('{ viewer { id } }', null, token)))
    accepted += answers.filter(({ status }) => status !== 401).length
  }
  t.equal(unusable, 0, 'each works in both processes as soon as it is issued')
  t.equal(accepted, 0, `and in none of ${rounds} cases after its revocation`)
})
