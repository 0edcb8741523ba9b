import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { openDatabase } from '../../src/db/open.ts'
import { openDomain, origin } from '../support/domain.ts'
import { startPgBouncer, whyWithoutPgBouncer } from '../support/pgbouncer.ts'
import { startPostgres } from '../support/postgres.ts'

t.test(
  'all works through PgBouncer, with sessions of its own',
  { skip: whyWithoutPgBouncer() },
  async (t) => {
    const postgres = await startPostgres(t)
    const urlOf = await startPgBouncer(t, postgres)
    await postgres.createDatabase('latchkey')
    const [one, other] = [openDatabase(urlOf('latchkey')), openDatabase(urlOf('latchkey'))]
    const domain = await openDomain(t, { database: one })
    const neighbour = await openDomain(t, { database: other })
    other.feed?.subscribe(() => {})
    while (!other.feed?.isCurrent()) await sleep(5)

    const userId = await domain.createUser('ada')
    const { token } = await domain.signIn('ada')
    for (const { userOf } of [domain, neighbour, domain, neighbour])
      t.equal((await userOf(token)).user.id, userId, 'by a prepared statement')
    await domain.auth.revokeToken(await domain.userOf(token), null, origin())
    while ((await neighbour.reasonOf(token)) === 'none') await sleep(1) // until it has heard of it
    t.equal(await neighbour.reasonOf(token), 'REVOKED')
  },
)
