import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import SqliteDatabase from 'better-sqlite3'
import t from 'tap'
import { buildApp } from '../../src/app.ts'
import { loadConfig } from '../../src/config.ts'
import type { MailWriters } from '../../src/index.ts'
import { startApp } from '../support/app.ts'
import { logLines } from '../support/log.ts'
import { startMailServer } from '../support/mail.ts'

const ask = 'mutation { requestPasswordReset(username: "ada") { requested } }'
const reset =
  'mutation ($token: String!, $newPassword: String!) { resetPassword(token: $token, newPassword: $newPassword) { revokedTokens } }'
const newPassword = 'a wholly different passphrase'

async function outboxOf(app: { app: { latchkey: { auth: { outbox: { deliverDue(): Promise<void> } } } } }) {
  await app.app.latchkey.auth.outbox.deliverDue()
}

t.test('a server that refuses for now is asked again, and each mail has a link of its own', async (t) => {
  let refusals = 2
  const server = await startMailServer(t, {
    onRcptTo(_address, _session, done) {
      if (refusals-- > 0) done(Object.assign(new Error('later'), { responseCode: 451 }))
      else done()
    },
  })
  const app = await startApp(t, { ...server.settings })
  await app.createUser({ username: 'ada', email: 'ada@example.org' })
  t.equal((await app.graphql(ask)).status, 200)
  for (let time = 0; time < 3; time++) {
    await outboxOf(app)
    app.clock.now += 60_000
  }
  const { token } = await server.next('ada@example.org')
  t.match((await app.graphql(reset, { token, newPassword })).body.data, {
    resetPassword: { revokedTokens: 0 },
  })
})

t.test('an address that the server refuses for good is given up', async (t) => {
  let asked = 0
  const server = await startMailServer(t, {
    onRcptTo(_address, _session, done) {
      asked++
      done(Object.assign(new Error('no such user'), { responseCode: 550 }))
    },
  })
  const app = await startApp(t, { ...server.settings })
  await app.createUser({ username: 'ada', email: 'ada@example.org' })
  await app.graphql(ask)
  await outboxOf(app)
  app.clock.now += 3_600_000
  await outboxOf(app)
  t.equal(asked, 1)
})

t.test('a server that has vanished delays nothing, and gets the mail once it is back', async (t) => {
  const server = await startMailServer(t)
  const app = await startApp(t, { ...server.settings })
  await app.createUser({ username: 'ada', email: 'ada@example.org' })
  await server.vanish()
  t.equal((await app.graphql(ask)).status, 200)
  await outboxOf(app)
  const back = await startMailServer(t, {}, Number(new URL(server.settings.smtpUrl).port))
  app.clock.now += 60_000
  await outboxOf(app)
  t.match(await back.next('ada@example.org'), { subject: 'Set a new password' })
})

t.test(
  'two processes send each mail once, and of fifty who use its link at both, one succeeds',
  async (t) => {
    const server = await startMailServer(t)
    const options = {
      databaseUrl: `sqlite:${join(t.testdir(), 'latchkey.db')}`,
      rateLimitAddressFailures: 1_000,
      ...server.settings,
    }
    const apps = [await startApp(t, options), await startApp(t, options)] as const
    await apps[0].createUser({ username: 'ada', email: 'ada@example.org' })
    await apps[0].graphql(ask)
    const { token } = await server.next('ada@example.org')
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        (n % 2 ? apps[0] : apps[1]).graphql(reset, { token, newPassword }),
      ),
    )
    t.equal(answers.filter(({ body }) => body.data.resetPassword !== null).length, 1)
    await Promise.all(apps.map(outboxOf))
    t.same(
      server.mails.map(({ subject }) => subject),
      ['Your password was changed'],
    )
  },
)

t.test(
  'templates of an operator take the place of ours, and what is wrong with them stops the start',
  async (t) => {
    const server = await startMailServer(t)
    const good = t.testdir({
      good: {
        'reset.txt': 'Subject: Hi\n\nGo: {link}\n',
        'reset.html': '<p>{account} {link}</p>',
        'notes.md': '',
      },
      bad: { 'rest.txt': '', 'reset.txt': 'Hi {nobody}', 'verification.html': '<p></p>' },
    })
    const app = await startApp(t, { ...server.settings, mailTemplates: join(good, 'good') })
    await app.createUser({ username: 'ada', email: 'a&da@example.org' })
    await app.graphql(ask)
    const mail = await server.next('a&da@example.org')
    t.match(mail, { subject: 'Hi', text: /^Go: http/, html: /<p>a&amp;da@example\.org http/ })
    const failing = startApp(t, { ...server.settings, mailTemplates: join(good, 'bad') })
    await t.rejects(failing, /rest\.txt is no mail(.|\n)*\{nobody\}(.|\n)*Subject(.|\n)*\{link\}/)
  },
)

t.test('an application writes mails by functions of its own', async (t) => {
  const server = await startMailServer(t)
  const given: object[] = []
  let isAway = false
  const folder = t.testdir({ 'reset.txt': 'Subject: Of the folder\n\n{link}\n' })
  const app = await startApp(t, {
    ...server.settings,
    mailTemplates: folder,
    plugin: {
      mails: {
        async reset(values) {
          given.push(values)
          if (isAway) throw new Error('the templates are away')
          return { subject: `For ${values.account}`, text: `Hi <you>,\n\n${values.link}\n` }
        },
        'password-changed': (values) => {
          given.push(values)
          return { subject: 'Changed', text: 'It was.', html: '<b>It was.</b>' }
        },
        'new-device': undefined,
      },
    },
  })
  const { auth } = app.app.latchkey
  const { id } = await app.createUser({ username: 'ada', email: 'a&da@example.org' })
  await app.graphql(ask)
  const mail = await server.next('a&da@example.org')
  t.match(mail, { subject: 'For a&da@example.org', text: /^Hi <you>,\n\nhttp/ })
  t.match(mail.html, '<p>Hi &lt;you&gt;,</p>')
  t.match(mail.html, `<a href="http://localhost:4000/reset-password#token=${mail.token}">`)
  t.match(given.pop(), { account: 'a&da@example.org', email: 'a&da@example.org', token: mail.token })

  await auth.setUserPassword(id, { temporaryPassword: true })
  t.match(await server.next('a&da@example.org'), { subject: 'Changed', text: /^It was/, html: /<b>It was/ })
  const values = given.pop() as object
  t.strictSame(Object.keys(values).sort(), ['account', 'address', 'device', 'email', 'time', 'token'])
  t.match(values, { account: 'a&da@example.org', address: 'unknown', time: /UTC$/ })

  isAway = true
  await app.graphql(ask)
  await auth.outbox.deliverDue()
  isAway = false
  app.clock.now += 60_000
  await auth.outbox.deliverDue()
  t.match(await server.next('a&da@example.org'), { subject: /^For/ }, 'it is tried again')
  t.equal(given.length, 2)
})

t.test('what writes no mail is named when the application starts', async (t) => {
  const mails = { rest: () => {}, reset: 'Hi' } as unknown as MailWriters
  await t.rejects(
    startApp(t, { plugin: { mails } }),
    /mails\.rest is no mail; there are reset, .*token-leaked\.\n.*mails\.reset must be a function\./,
  )
})

t.test('in development mails are printed to the log, whole', async (t) => {
  const lines: string[] = []
  const app = await buildApp(loadConfig({ DATABASE_URL: 'sqlite::memory:' }), {
    logger: { level: 'info', stream: { write: (line: string) => void lines.push(line) } },
    plugin: { production: false },
  })
  t.teardown(() => app.close())
  await app.ready()
  await app.latchkey.auth.createUser({ username: 'ada', email: 'ada@example.org', password: newPassword })
  await app.inject({ method: 'POST', url: '/graphql', payload: { query: ask } })
  while (!lines.some((line) => line.includes('/reset-password#token=lkm_'))) await sleep(5)
  t.ok(lines.some((line) => line.includes('Set a new password')))
})

t.test(
  'a mail that the server refuses for good is given up, and the log says so without the address',
  async (t) => {
    let asked = 0
    const server = await startMailServer(t, {
      onData(stream, _session, done) {
        asked++
        stream.resume()
        stream.on('end', () =>
          done(Object.assign(new Error('ada@example.org wants no such mail'), { responseCode: 554 })),
        )
      },
    })
    const app = await startApp(t, { ...server.settings })
    await app.createUser({ username: 'ada', email: 'ada@example.org' })
    const before = logLines().length
    await app.graphql(ask)
    await outboxOf(app)
    app.clock.now += 3_600_000
    await outboxOf(app)
    t.equal(asked, 1)
    const lines = logLines().slice(before)
    t.ok(lines.some((line) => line.includes('"mail_failed"')))
    t.ok(lines.some((line) => line.includes('(the address) wants no such mail')))
    t.notOk(lines.some((line) => line.includes('ada@example.org')))
  },
)

t.test('a server that never answers holds up neither requests nor the end of the process', async (t) => {
  const url = `sqlite:${join(t.testdir(), 'latchkey.db')}`
  const sockets = new Set<Socket>()
  const silent = createServer((socket) => sockets.add(socket.on('error', () => {})))
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    silent.close()
  })
  const { port } = silent.address() as AddressInfo
  const smtpUrl = `smtp://127.0.0.1:${port}`
  const app = await startApp(t, { databaseUrl: url, smtpUrl, mailFrom: 'login@example.org' })
  await app.createUser({ username: 'ada', email: 'ada@example.org' })
  t.equal((await app.graphql(ask)).status, 200)
  while (sockets.size === 0) await sleep(5)
  t.equal((await app.graphql(ask)).status, 200)
  await app.app.close()
  const server = await startMailServer(t)
  const next = await startApp(t, { databaseUrl: url, ...server.settings })
  next.clock.now += 60_000
  await outboxOf(next)
  t.match(await server.next('ada@example.org'), { subject: 'Set a new password' }, 'and nothing is lost')
})

t.test('an address with characters that mean something in a header gets no mail', async (t) => {
  const server = await startMailServer(t)
  const file = join(t.testdir(), 'latchkey.db')
  const app = await startApp(t, { databaseUrl: `sqlite:${file}`, ...server.settings })
  await app.createUser({ username: 'ada', email: 'ada@example.org' })
  // As no account can have it today.
  new SqliteDatabase(file).exec(`update latchkey_users set email = '"ada,eve"@example.org'`).close()
  const before = logLines().length
  await app.graphql(ask)
  await outboxOf(app)
  t.same(server.mails, [])
  t.ok(
    logLines()
      .slice(before)
      .some((line) => line.includes('"mail_failed"')),
  )
})

t.test('a password goes to a mail server over TLS alone, unless that is on this machine', async (t) => {
  const server = await startMailServer(t, {
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: (_auth, _session, done) => done(null, { user: 'ada' }),
  })
  const { port } = new URL(server.settings.smtpUrl)
  // It leads to this machine as well, but not for sure.
  for (const [host, count] of [
    ['127.0.0.1', 1],
    ['0.0.0.0', 0],
  ] as const) {
    const smtpUrl = `smtp://ada:passphrase@${host}:${port}`
    const app = await startApp(t, { smtpUrl, mailFrom: 'login@example.org' })
    await app.createUser({ username: 'ada', email: 'ada@example.org' })
    await app.graphql(ask)
    await outboxOf(app)
    t.equal(server.mails.splice(0).length, count, host)
  }
})

t.test('an outbox that cannot be read is said to be, and asked again', async (t) => {
  const server = await startMailServer(t)
  const file = join(t.testdir(), 'latchkey.db')
  const app = await startApp(t, { databaseUrl: `sqlite:${file}`, ...server.settings })
  await app.createUser({ username: 'ada', email: 'ada@example.org' })
  const before = logLines().length
  const other = new SqliteDatabase(file)
  other.exec('alter table latchkey_outbox rename to elsewhere')
  const isSaid = (): boolean =>
    logLines()
      .slice(before)
      .some((line) => line.includes('the outbox could not be read or written'))
  while (!isSaid()) await sleep(50)
  other.exec('alter table elsewhere rename to latchkey_outbox')
  other.close()
  await app.graphql(ask)
  t.match(await server.next('ada@example.org'), { subject: 'Set a new password' })
})
