import t, { type Test } from 'tap'
import { type Answer, password } from '../support/app.ts'
import { secret } from '../support/log.ts'
import { startMailServer } from '../support/mail.ts'
import { createDatabase, startServer, type TestServer } from '../support/servers.ts'

const settings = { rateLimitAddressFailures: 100_000, rateLimitAccountFailures: 1_000, mailLimit: 1_000 }

const signIn = 'mutation ($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { token } }'
const reset =
  'mutation ($token: String!, $p: String!) { resetPassword(token: $token, newPassword: $p) { revokedTokens } }'
const verify = 'mutation ($token: String!) { verifyEmail(token: $token) { email } }'
const update = 'mutation ($e: String) { updateViewer(email: $e) { pendingEmail } }'
const replace =
  'mutation ($u: String!, $p: String!, $new: String) { tokenAuth(username: $u, password: $p, newPassword: $new) { token } }'

/** Two processes on one file that send mail, and ada, who has an address. */
async function startTwo(t: Test) {
  const mail = await startMailServer(t)
  const { databaseUrl, domain } = await createDatabase(t)
  const id = await domain.createUser('ada', 'ada@example.org')
  const start = (): Promise<TestServer> => startServer(t, { databaseUrl, ...settings, ...mail.settings })
  const servers = await Promise.all([start(), start()])
  /** Fifty requests at once, every other one to either process. */
  const race = (ask: (server: TestServer, index: number) => Promise<Answer>): Promise<Answer[]> =>
    Promise.all(
      Array.from({ length: 50 }, (_, index) => ask(servers[index % 2 ? 0 : 1] as TestServer, index)),
    )
  return { domain, id, mail, servers, race }
}

/** Which of the answers are no refusal, and the reasons of the others, each once. */
function outcome(answers: readonly Answer[]): { won: number[]; reasons: string[] } {
  const reasonOf = ({ body }: Answer): string | null => body.errors?.[0].extensions.reason ?? null
  return {
    won: answers.flatMap((answer, index) => (reasonOf(answer) === null ? [index] : [])),
    reasons: [...new Set(answers.map(reasonOf).filter((reason) => reason !== null))],
  }
}

const countIn = (servers: readonly TestServer[], event: string): number =>
  servers.reduce((sum, server) => sum + server.countEvents(event), 0)

t.test('each link of a mail is used once by fifty at two processes', async (t) => {
  const { mail, servers, race } = await startTwo(t)
  const [one] = servers
  const bearer = await one.signIn('ada')

  await one.graphql('mutation { requestEmailVerification { requested } }', null, bearer)
  const verifying = (await mail.next('ada@example.org')).token
  const verified = outcome(await race(({ graphql }) => graphql(verify, { token: verifying })))
  t.equal(verified.won.length, 1)
  t.strictSame(verified.reasons, ['MAIL_TOKEN'])

  await one.graphql(update, { e: 'new@example.org' }, bearer)
  const changing = (await mail.next('new@example.org')).token
  const changed = outcome(await race(({ graphql }) => graphql(verify, { token: changing })))
  t.equal(changed.won.length, 1)
  t.strictSame(changed.reasons, ['MAIL_TOKEN'])

  await one.graphql('mutation { requestPasswordReset(username: "ada") { requested } }')
  const resetting = (await mail.next('new@example.org')).token
  const phrase = (index: number): string => secret(`the long phrase of number ${index}`)
  const resets = outcome(
    await race(({ graphql }, index) => graphql(reset, { token: resetting, p: phrase(index) })),
  )
  t.equal(resets.won.length, 1)
  t.strictSame(resets.reasons, ['MAIL_TOKEN'])
  for (const [index, server] of [0, 1, 2, 3, resets.won[0] as number].entries()) {
    const { body } = await (servers[index % 2] as TestServer).graphql(signIn, { u: 'ada', p: phrase(server) })
    t.equal(body.errors === undefined, server === resets.won[0], `number ${server}`)
  }

  for (const { stop } of servers) await stop()
  for (const event of ['email_verified', 'email_changed', 'authn_password_reset'])
    t.equal(countIn(servers, event), 1, event)
})

t.test('a temporary password is replaced once by fifty at two processes', async (t) => {
  const { domain, id, servers, race } = await startTwo(t)
  const { temporaryPassword } = await domain.auth.setUserPassword(id, { temporaryPassword: true })
  const given = secret(temporaryPassword?.password ?? '')
  const phrase = (index: number): string => secret(`the long phrase of number ${index}`)
  const { won, reasons } = outcome(
    await race(({ graphql }, index) => graphql(replace, { u: 'ada', p: given, new: phrase(index) })),
  )
  t.equal(won.length, 1)
  t.strictSame(reasons, ['CREDENTIALS'])
  t.equal(await domain.auth.countTokens(id), 1)
  const last = await servers[0].graphql(signIn, { u: 'ada', p: phrase(won[0] as number) })
  t.match(last, { status: 200 })
})

t.test('a token that fifty report at two processes ends once, and its owner is told once', async (t) => {
  const { mail, servers, race } = await startTwo(t)
  const lost = await servers[0].signIn('ada')
  const answers = await race(({ graphql }) =>
    graphql('mutation ($token: String!) { reportLeakedToken(token: $token) { received } }', { token: lost }),
  )
  for (const { body } of answers) t.strictSame(body, { data: { reportLeakedToken: { received: true } } })
  await mail.next('ada@example.org')
  for (const { stop } of servers) await stop()
  for (const event of ['token_reported', 'authn_token_revoked']) t.equal(countIn(servers, event), 1, event)
  t.strictSame(mail.mails, [])
})

t.test(
  'fifty who ask for personal tokens at two processes get as many as the limit has room for',
  async (t) => {
    const { domain, id, servers, race } = await startTwo(t)
    const bearer = await servers[0].signIn('ada')
    const { won, reasons } = outcome(
      await race(({ graphql }) =>
        graphql('mutation { createToken(name: "a script", scopes: []) { token } }', null, bearer),
      ),
    )
    t.equal(won.length, 20)
    t.strictSame(reasons, ['TOKEN_LIMIT'])
    t.equal(await domain.auth.countTokens(id), 21)
  },
)

t.test('of administrators who remove each other at two processes, one always remains', async (t) => {
  const { databaseUrl, domain } = await createDatabase(t)
  const { auth } = domain
  const names = ['root', 'other']
  const ids: string[] = []
  for (const username of names) ids.push((await auth.createUser({ username, password, role: 'ADMIN' })).id)
  const start = (): Promise<TestServer> => startServer(t, { databaseUrl, ...settings })
  const servers = await Promise.all([start(), start()])
  const tokens = await Promise.all(names.map((name, index) => (servers[index] as TestServer).signIn(name)))
  const demote = 'mutation ($id: ID!) { setUserRole(id: $id, role: USER) { user { role } } }'
  const remove = 'mutation ($id: ID!) { deleteUser(id: $id) { deleted } }'
  /** Each does it to the other at once. */
  const attack = (query: string): Promise<Answer[]> =>
    Promise.all(
      servers.map(({ graphql }, index) => graphql(query, { id: ids[1 - index] }, tokens[index] as string)),
    )
  const listAdmins = async (): Promise<string[]> =>
    (await auth.searchUsers({ role: 'ADMIN' }, 10, null)).items.map(({ node }) => node.id)
  for (let round = 0; round < 50; round++) {
    const { won, reasons } = outcome(await attack(demote))
    t.equal(won.length, 1, `round ${round}: ${reasons}`)
    t.equal((await listAdmins()).length, 1)
    for (const id of ids) await auth.setRole(id, 'ADMIN')
  }
  t.equal(outcome(await attack(remove)).won.length, 1)
  t.equal((await listAdmins()).length, 1)
})
