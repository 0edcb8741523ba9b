import t from 'tap'
import { password, startApp } from '../support/app.ts'

const signIn =
  'mutation ($username: String!, $password: String!) { tokenAuth(username: $username, password: $password) { user { id } } }'

/** Two clients behind one proxy: what tells them apart is what the proxy says. */
const proxied = {
  trustProxy: '127.0.0.1',
  passwordHashConcurrency: 1,
  queryTimeout: '10m', // half of it is what a busy machine has for 200 passwords
  rateLimitAccountFailures: 1_000,
  rateLimitAddressFailures: 1_000,
}

t.test('one address that floods does not stand in front of another', async (t) => {
  for (const [flooding, other, passwordHashQueue] of [
    ['192.0.2.1', '192.0.2.2', 1_000],
    ['192.0.2.1', '192.0.2.2', 10],
    ['2001:db8:1::1', '2001:db8:2::1', 1_000],
  ] as const) {
    const { graphql, createUser } = await startApp(t, { ...proxied, passwordHashQueue })
    const { username } = await createUser()
    const codes: string[] = []
    const flood = Array.from({ length: 200 }, async (_, index) => {
      const variables = { username: `nobody${index}`, password: 'a wrong password' }
      const { body } = await graphql(signIn, variables, from(`${flooding}`))
      codes.push(body.errors[0].extensions.code)
    })
    const answer = await graphql(signIn, { username, password }, from(other))
    t.type(answer.body.data?.tokenAuth.user.id, 'string', other)
    const checkedBefore = codes.filter((code) => code === 'UNAUTHENTICATED').length
    // The other comes behind the flood to the counters, so that some of it is through by then.
    t.ok(checkedBefore < 100, `${checkedBefore} of the flood were checked before`)
    await Promise.all(flood)
    const checked = codes.filter((code) => code === 'UNAUTHENTICATED').length
    if (passwordHashQueue < 200)
      t.ok(checked < 200, `${checked} were checked, of a queue of ${passwordHashQueue}`)
    else t.equal(checked, 200)
    t.equal(codes.filter((code) => code === 'RATE_LIMITED').length, 200 - checked)
  }
})

t.test('addresses of one IPv6 network are one address to the queue', async (t) => {
  const { graphql, createUser } = await startApp(t, { ...proxied, passwordHashQueue: 4 })
  const { username } = await createUser()
  const flood = Array.from({ length: 10 }, (_, index) =>
    graphql(signIn, { username, password }, from(`2001:db8:0:0:${index}::1`)),
  )
  const { body } = await graphql(signIn, { username, password }, from('2001:db8:0:1::1'))
  t.type(body.data?.tokenAuth.user.id, 'string', 'another network has a place')
  const answers = await Promise.all(flood)
  t.ok(answers.some((answer) => answer.body.errors?.[0].extensions.reason === 'BUSY'))
})

function from(address: string): { headers: Record<string, string> } {
  return { headers: { 'x-forwarded-for': address } }
}
