import type { Browser } from 'playwright-core'
import t from 'tap'
import { password } from '../support/app.ts'
import { startBrowser, whySkipped } from '../support/browser.ts'
import { secret } from '../support/log.ts'
import { signInOnDevices, startTown, type Town } from './console/people.ts'
import { answer, cards, enter, goTo, see, signIn, type Visit, visit } from './console/visit.ts'

const clean = { foreign: [], violations: [], errors: [] }
const newPassword = secret('seven plain words are enough')
const skip = whySkipped()

let town: Town
let browser: Browser
let admin: Visit

t.setTimeout(600_000) // on a busy machine

t.before(async () => {
  if (skip !== false) return
  town = await startTown(t)
  browser = await startBrowser(t)
  const ada = await town.app.createUser({ username: 'ada', email: 'ada@example.org', role: 'ADMIN' })
  for (let count = 10; count < 40; count++) await town.app.createUser({ username: `person${count}` })
  admin = await visit(t, browser, town.app.url)
  await enter(admin.page, ada)
})

t.test('users are listed in pages, searched and filtered', { skip }, async (t) => {
  const { page } = admin
  const names = () => page.locator('.rows strong').allTextContents()
  await goTo(page, 'Users')
  await see(page, 'person33')
  t.equal((await names()).length, 25)
  await page.getByRole('button', { name: 'Show more' }).click()
  await see(page, 'person39')
  t.equal((await names()).length, 31)
  t.equal(await page.getByRole('button', { name: 'Show more' }).count(), 0)

  await page.getByLabel('Search', { exact: true }).fill('person1')
  await until(async () => (await names()).length === 10)
  await page.getByLabel('Search', { exact: true }).fill('ada@')
  await until(async () => (await names()).join() === 'ada')
  await page.getByLabel('Search', { exact: true }).fill('nobody')
  await see(page, 'Nobody found')
  await page.getByLabel('Search', { exact: true }).fill('')
  await page.getByLabel('Role', { exact: true }).selectOption('Administrators')
  await until(async () => (await names()).join() === 'ada')
  await page.getByLabel('State', { exact: true }).selectOption('Disabled')
  await see(page, 'Nobody found')
  t.strictSame(admin.seen, clean)
})

t.test('an account is disabled, which is felt at once, and enabled again', { skip }, async (t) => {
  const grace = await town.app.createUser({ username: 'grace' })
  const hers = await visit(t, browser, town.app.url)
  await enter(hers.page, grace)
  const { page } = admin
  await find(page, 'grace')
  await page.getByRole('button', { name: 'Disable account' }).click()
  await answer(page, 'Disable account')
  await see(page, 'grace is disabled.')
  await see(page, 'Signed in nowhere')

  await hers.page.getByRole('link', { name: 'Activity', exact: true }).click()
  await see(hers.page, 'This account has been disabled or deleted.')
  await signIn(hers.page, grace)
  await see(hers.page, 'The name or the password is wrong.')

  await page.getByRole('button', { name: 'Enable account' }).click()
  await answer(page, 'Enable account')
  await see(page, 'grace may sign in again.')
  await signIn(hers.page, grace)
  await see(hers.page, 'Recent activity')
  t.strictSame([admin.seen, hers.seen], [clean, clean])
})

t.test('a role is given and taken, but not from the last administrator', { skip }, async (t) => {
  await town.app.createUser({ username: 'edsger' })
  const { page } = admin
  await find(page, 'edsger')
  await page.getByRole('button', { name: 'Make an administrator' }).click()
  await answer(page, 'Make an administrator')
  await see(page, 'edsger is an administrator.')
  await page.getByRole('button', { name: 'Take the administrator’s role' }).click()
  await answer(page, 'Take the role')
  await see(page, 'edsger is an ordinary user.')

  await find(page, 'ada')
  await page.getByRole('button', { name: 'Take the administrator’s role' }).click()
  await answer(page, 'Take the role')
  await see(page, 'This is the only administrator.')
  await answer(page, 'Cancel')
  t.strictSame(admin.seen, clean)
})

t.test('the devices of a user are seen, and signed out one by one and all together', { skip }, async (t) => {
  const barbara = await town.app.createUser({ username: 'barbara' })
  await signInOnDevices(town, barbara)
  const { page } = admin
  await find(page, 'barbara')
  await see(page, 'Pixel 12')
  t.strictSame(await cards(page, 3), ['Ada’s iPhone', 'MacBook in the office', 'Pixel 12'])
  t.match(await page.locator('.card', { hasText: 'Pixel 12' }).textContent(), /from 2001:db8:42::7/)
  await page.getByRole('button', { name: 'Sign out Pixel 12' }).click()
  await answer(page, 'Sign out')
  await see(page, '“Pixel 12” is signed out.')
  t.strictSame(await cards(page, 2), ['Ada’s iPhone', 'MacBook in the office'])
  await page.getByRole('button', { name: 'Sign out everywhere' }).click()
  await answer(page, 'Sign out everywhere')
  await see(page, 'Signed in nowhere')
  t.strictSame(admin.seen, clean)
})

t.test('a new user gets a temporary password, which has to be replaced', { skip }, async (t) => {
  const { page } = admin
  await goTo(page, 'Users')
  await page.getByRole('button', { name: 'New user' }).click()
  await page.getByLabel('Username', { exact: true }).fill('ada')
  await answer(page, 'Create user')
  await see(page, 'This is taken already.')
  await page.getByLabel('Username', { exact: true }).fill('margaret')
  await answer(page, 'Create user')
  const given = page.getByRole('textbox', { name: 'The temporary password' })
  const temporary = secret(await given.inputValue())
  await answer(page, 'Done')
  t.notOk((await page.content()).includes(temporary), 'it is shown once')

  const hers = await visit(t, browser, town.app.url)
  await signIn(hers.page, { username: 'margaret', password: temporary })
  await see(hers.page, 'This is a temporary password. Choose one of your own.')
  await hers.page.getByLabel('New password', { exact: true }).fill('password')
  await hers.page.getByRole('button', { name: 'Set password and sign in' }).click()
  await see(hers.page, 'one of the most common ones')
  await hers.page.getByLabel('New password', { exact: true }).fill(newPassword)
  await hers.page.getByRole('button', { name: 'Set password and sign in' }).click()
  await see(hers.page, 'This device')
  t.strictSame([admin.seen, hers.seen], [clean, clean])
})

t.test('an account is deleted, and the audit tells it, filtered', { skip }, async (t) => {
  await town.app.createUser({ username: 'alan' })
  const { page } = admin
  await find(page, 'alan')
  await page.getByRole('button', { name: 'Delete account' }).click()
  await answer(page, 'Delete for good')
  await see(page, 'alan is deleted.')
  await page.waitForTimeout(1_200) // events are written once a second

  await goTo(page, 'Audit')
  await see(page, 'Account deleted')
  await see(page, 'Signed in')
  await page.getByLabel('What', { exact: true }).selectOption('Accounts')
  await see(page, 'Account created')
  await until(async () => (await page.getByText('Signed in', { exact: true }).count()) === 0)
  await page.getByLabel('Address', { exact: true }).fill('192.0.2.1')
  await see(page, 'No events')
  await page.getByLabel('Address', { exact: true }).fill('')
  await page.getByLabel('From', { exact: true }).fill('2199-01-01')
  await see(page, 'No events')
  await page.getByLabel('From', { exact: true }).fill('2020-01-01')
  await see(page, 'Account deleted')

  await find(page, 'grace')
  await page.getByRole('link', { name: 'All events of this user' }).click()
  await see(page, 'Account disabled')
  t.equal(await page.getByText('Account deleted').count(), 0)
  t.strictSame(admin.seen, clean)
})

t.test('others see nothing of the administration', { skip }, async (t) => {
  const { page, seen } = await visit(t, browser, town.app.url)
  await enter(page, { username: 'person10', password })
  t.equal(await page.getByRole('link', { name: 'Users' }).count(), 0)
  await page.goto(`${town.app.url}/users`)
  await see(page, 'Your devices')
  t.strictSame(seen, clean)
})

async function find(page: Visit['page'], username: string): Promise<void> {
  await page.goto(`${town.app.url}/users`) // without the search of before
  await page.getByLabel('Search', { exact: true }).fill(username)
  await page.locator('.row-link', { hasText: username }).first().click()
  await page.getByRole('heading', { level: 1, name: username }).waitFor()
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`This did not come true within 20 seconds: ${isSo}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
