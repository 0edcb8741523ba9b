import { join } from 'node:path'
import t from 'tap'
import { password } from '../support/app.ts'
import { startBrowser, whySkipped } from '../support/browser.ts'
import { secret } from '../support/log.ts'
import { startTown } from './console/people.ts'
import { enter, goTo, see, visit } from './console/visit.ts'

const clean = { foreign: [], violations: [], errors: [] }
const newPassword = secret('seven plain words are enough')

t.setTimeout(600_000) // on a busy machine

t.test('the console works where known operations alone run', { skip: whySkipped() }, async (t) => {
  const folder = t.testdir({ 'manifest.json': '{ "mine": "{ serverInfo { name } }" }' })
  const { app, mail } = await startTown(t, {
    persistedQueries: 'only',
    persistedQueriesManifest: join(folder, 'manifest.json'),
  })
  const browser = await startBrowser(t)
  const ada = await app.createUser({ username: 'ada', email: 'ada@example.org', role: 'ADMIN' })
  const { page, seen } = await visit(t, browser, app.url)
  const refused: string[] = []
  page.on('response', (response) => {
    if (response.url() === `${app.url}/graphql` && response.status() === 400)
      refused.push(response.request().postData() ?? '')
  })

  await page.getByRole('link', { name: 'Forgot your password?' }).click()
  await page.getByLabel('Username or email address', { exact: true }).fill('ada')
  await page.getByRole('button', { name: 'Send a link' }).click()
  await see(page, 'If there is such an account')
  const { token } = await mail.next('ada@example.org')
  await page.goto(`${app.url}/reset-password#token=${token}`)
  await page.getByLabel('New password', { exact: true }).fill(newPassword)
  await page.getByRole('button', { name: 'Set password' }).click()
  await see(page, 'Your new password is set.')

  await enter(page, { ...ada, password: newPassword })
  await goTo(page, 'Personal tokens')
  await see(page, 'No personal tokens yet')
  await goTo(page, 'Activity')
  await see(page, 'Recent activity')
  await goTo(page, 'Account')
  await page.getByLabel('Username', { exact: true }).fill('lovelace')
  await page.getByRole('button', { name: 'Save username' }).click()
  await see(page, 'Your username is changed.')
  await app.app.latchkey.auth.audit.flush()
  await goTo(page, 'Audit')
  await see(page, 'Signed in')
  await goTo(page, 'Users')
  await page.locator('.row-link', { hasText: 'lovelace' }).click()
  await see(page, 'Sign out everywhere')

  const stranger = await visit(t, browser, app.url, { path: '/sign-up' })
  await stranger.page.getByLabel('Username', { exact: true }).fill('grace')
  await stranger.page.getByLabel('Password', { exact: true }).fill(password)
  await stranger.page.getByRole('button', { name: 'Create account' }).click()
  await see(stranger.page, 'This device')
  t.strictSame([seen, stranger.seen, refused], [clean, clean, []])
})
