import t from 'tap'
import { startApp } from '../support/app.ts'
import { secret } from '../support/log.ts'
import { openSocket } from '../support/socket.ts'

const viewer = '{ viewer { username } }'

t.test('a ticket opens one socket, once, as the bearer of its token', async (t) => {
  const { url, createUser, signIn, clock, graphql } = await startApp(t, { listen: true })
  const ada = await createUser()
  const token = await signIn(ada)
  const create = async () => {
    const { body } = await graphql('mutation { createSocketTicket { ticket expiresAt } }', null, { token })
    secret(body.data.createSocketTicket.ticket)
    return body.data.createSocketTicket.ticket as string
  }
  const inUrl = await openSocket(t, url, { search: `?ticket=${await create()}` })
  t.match(await inUrl.init(), { type: 'connection_ack' })
  t.match(await inUrl.run(viewer), { payload: { data: { viewer: { username: ada.username } } } })
  t.match(await inUrl.run('mutation { rotateToken { token } }'), {
    payload: { errors: [{ extensions: { code: 'FORBIDDEN', reason: 'NO_TOKEN' } }] },
  })
  const ticket = await create()
  const answers = await Promise.all(
    Array.from({ length: 50 }, async () => (await (await openSocket(t, url)).init({ ticket })).type),
  )
  t.equal(answers.filter((type) => type === 'connection_ack').length, 1)
  t.equal(answers.filter((type) => type === '4401 INVALID').length, 49)
  const late = await create()
  clock.now += 30_000
  t.match(await (await openSocket(t, url)).init({ ticket: late }), { type: '4401 INVALID' })
  const kept = await create()
  await graphql('mutation { revokeToken { revoked } }', null, { token })
  t.equal(await inUrl.closed, '4401 REVOKED')
  t.match(await (await openSocket(t, url)).init({ ticket: kept }), { type: '4401 REVOKED' })
})
