import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import t, { type Test } from 'tap'
import { password, startApp } from '../support/app.ts'
import { secret } from '../support/log.ts'
import { startMailServer } from '../support/mail.ts'

const username = 'countess-of-l'
const email = 'lovelace@analytical.example'
const pending = 'king@engine.example'
const address = '198.51.100.77'
const userAgent = 'TellingBrowser/1.0'
const device = { id: 'installation-4711', name: 'Phone of the countess', platform: 'notes-engine' }

/** What tells of a person, of whom nothing is to be found. */
const telling = [username, email, pending, address, userAgent, ...Object.values(device), 'a telling name']

/** All cells of all tables in which one of the words is, as `table.column`. */
function findTelling(file: string): string[] {
  const database = new SqliteDatabase(file, { readonly: true })
  const tables = database
    .prepare("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'")
    .pluck()
    .all() as string[]
  const found = tables.flatMap((table) =>
    database
      .prepare(`select * from ${table}`)
      .all()
      .flatMap((row) => Object.entries(row as object))
      .flatMap(([column, value]) => {
        const text = Buffer.isBuffer(value) ? value.toString('latin1') : String(value)
        return telling.some((word) => text.includes(word)) ? [`${table}.${column}`] : []
      }),
  )
  database.close()
  return [...new Set(found)].sort()
}

/** An account that has left traces wherever an account can; no mail has gone out yet. */
async function leaveTraces(t: Test) {
  const mail = await startMailServer(t)
  await mail.vanish()
  const file = join(t.testdir(), 'latchkey.db')
  const app = await startApp(t, { databaseUrl: `sqlite:${file}`, ...mail.settings })
  await app.createUser({ username: 'root', role: 'ADMIN' })
  const ask = async (query: string, variables: object = {}, token?: string) => {
    const bearer = token === undefined ? {} : { token }
    const request = { ...bearer, address, headers: { 'user-agent': userAgent } }
    return (await app.graphql(query, variables, request)).body
  }
  const must = async (...request: Parameters<typeof ask>) => {
    const { data, errors } = await ask(...request)
    if (errors !== undefined) throw new Error(JSON.stringify(errors))
    return data
  }
  const signUp =
    'mutation ($u: String!, $e: String, $p: String!) { signUp(username: $u, email: $e, password: $p) { id } }'
  await must(signUp, { u: username, e: email, p: secret(password) })
  const signIn =
    'mutation ($u: String!, $p: String!, $d: DeviceInput) { tokenAuth(username: $u, password: $p, device: $d) { token } }'
  await ask(signIn, { u: username, p: secret('not the password') })
  await must(signIn, { u: username, p: password })
  const { tokenAuth } = await must(signIn, { u: email, p: password, d: device })
  const token = secret(tokenAuth.token)
  await must('{ viewer { id } }', {}, token)
  await must('mutation { createToken(name: "a telling name", scopes: []) { token } }', {}, token)
  await must('mutation ($e: String) { updateViewer(email: $e) { pendingEmail } }', { e: pending }, token)
  await must('mutation { requestEmailVerification { requested } }', {}, token)
  for (const u of [username, email])
    await must('mutation ($u: String!) { requestPasswordReset(username: $u) { requested } }', { u })
  await app.app.latchkey.auth.outbox.deliverDue()
  await app.app.latchkey.auth.flush()
  await app.app.latchkey.auth.audit.flush()
  t.strictSame(
    findTelling(file),
    [
      'latchkey_audit_events.address',
      'latchkey_audit_events.user_agent',
      'latchkey_mail_tokens.email',
      'latchkey_mail_tokens.email_key',
      'latchkey_outbox.payload',
      'latchkey_outbox.user_id',
      'latchkey_tokens.device_id',
      'latchkey_tokens.device_name',
      'latchkey_tokens.device_platform',
      'latchkey_tokens.last_used_address',
      'latchkey_tokens.name',
      'latchkey_user_agents.text',
      'latchkey_users.email',
      'latchkey_users.email_key',
      'latchkey_users.username',
      'latchkey_users.username_key',
    ],
    'each place where something personal can be',
  )
  return { ...app, must, token, file }
}

t.test('who deletes the account leaves nothing personal in any table', async (t) => {
  const { app, must, token, file, clock } = await leaveTraces(t)
  await must('{ viewer { username } }', {}, token) // which is noted in memory alone
  t.match(await must('mutation { deleteViewer { deleted } }', {}, token), { deleteViewer: { deleted: true } })
  await app.latchkey.auth.flush()
  clock.now += 60_000
  await app.latchkey.auth.audit.finish()
  t.strictSame(findTelling(file), [])
})

t.test('nor does somebody whom an administrator deletes', async (t) => {
  const { app, file } = await leaveTraces(t)
  const { auth } = app.latchkey
  await auth.deleteUser((await auth.findUser(username))?.id ?? '')
  await auth.audit.finish()
  t.strictSame(findTelling(file), [])
})
