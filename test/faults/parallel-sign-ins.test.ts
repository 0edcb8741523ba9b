import t from 'tap'
import { createDatabase, startServer } from '../support/servers.ts'

const settings = { tokenLimit: 10, rateLimitAddressFailures: 10_000, rateLimitAccountFailures: 1_000 }

for (const processes of [1, 2]) {
  t.test(`50 sign-ins at once in ${processes} process(es) leave ten tokens`, async (t) => {
    const { databaseUrl, domain } = await createDatabase(t, 'ada')
    const servers = await Promise.all(
      Array.from({ length: processes }, () => startServer(t, { databaseUrl, ...settings })),
    )
    const serverOf = (index: number) => {
      const server = servers[index % processes]
      if (server === undefined) throw new Error('no such server')
      return server
    }
    const tokens = await Promise.all(Array.from({ length: 50 }, (_, index) => serverOf(index).signIn('ada')))
    t.equal(new Set(tokens).size, 50)
    const answers = await Promise.all(
      tokens.map((token, index) =>
        serverOf(index + 1).graphql('{ viewer { tokens { totalCount } } }', null, token),
      ),
    )
    const live = answers.filter(({ status }) => status === 200)
    t.equal(live.length, 10)
    for (const { body } of live) t.equal(body.data.viewer.tokens.totalCount, 10)
    const { n } = await domain.database.kysely
      .selectFrom('latchkey_tokens')
      .select((select) => select.fn.countAll<number>().as('n'))
      .where('revoked_at', 'is', null)
      .executeTakeFirstOrThrow()
    t.equal(n, 10)
  })
}
