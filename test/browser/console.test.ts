import type { Browser } from 'playwright-core'
import t from 'tap'
import { password } from '../support/app.ts'
import { startBrowser, whySkipped } from '../support/browser.ts'
import { secret } from '../support/log.ts'
import { signInOnDevices, startTown, type Town } from './console/people.ts'
import { answer, cards, enter, goTo, see, signIn, visit } from './console/visit.ts'

const clean = { foreign: [], violations: [], errors: [] }
const newPassword = secret('seven plain words are enough')

let town: Town
let browser: Browser
const skip = whySkipped()

t.setTimeout(600_000) // on a busy machine

t.before(async () => {
  if (skip !== false) return
  town = await startTown(t)
  browser = await startBrowser(t)
})

t.test('somebody signs up, signs out, and in again with the email address', { skip }, async (t) => {
  const { page, seen } = await visit(t, browser, town.app.url)
  await page.getByRole('link', { name: 'Create an account' }).click()
  await page.getByLabel('Username', { exact: true }).fill('grace')
  await page.getByLabel('Email address (optional)', { exact: true }).fill('grace@example.org')
  await page.getByLabel('Password', { exact: true }).fill('password')
  await page.getByRole('button', { name: 'Create account' }).click()
  await see(page, 'one of the most common ones')
  t.equal(await page.getByLabel('Password', { exact: true }).getAttribute('aria-invalid'), 'true')

  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Create account' }).click()
  await see(page, 'This device')
  t.strictSame(await cards(page, 1), ['Chrome on Linux'], 'the browser says what it is')

  await page.reload()
  await see(page, 'This device')
  await page.getByRole('button', { name: 'Sign out', exact: true }).first().click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await signIn(page, { username: 'grace', password: 'not this one' })
  await see(page, 'The name or the password is wrong.')
  await enter(page, { username: 'grace@example.org', password })
  t.strictSame(await cards(page, 1), ['Chrome on Linux'], 'the same browser is the same device')
  t.strictSame(seen, clean)
})

t.test('a device is renamed and signed out from another one, which is told', { skip }, async (t) => {
  const ada = await town.app.createUser({ username: 'ada' })
  const one = await visit(t, browser, town.app.url)
  const other = await visit(t, browser, town.app.url)
  await enter(one.page, ada)
  await enter(other.page, ada)

  await one.page.reload()
  await see(one.page, 'Last used')
  t.strictSame(await cards(one.page, 2), ['Chrome on Linux', 'Chrome on Linux'])
  const elsewhere = one.page.locator('.card:not(.current)')
  t.match(await elsewhere.textContent(), /from 127\.0\.0\.1.*signs out in 30 days/)
  await elsewhere.getByRole('button', { name: 'Rename' }).click()
  await one.page.getByLabel('Name', { exact: true }).fill('The library')
  await answer(one.page, 'Save')
  await see(one.page, 'Renamed to “The library”.')

  await one.page.getByRole('button', { name: 'Sign out The library' }).click()
  await see(one.page, 'Sign out “The library”?')
  t.ok(
    await one.page.getByRole('button', { name: 'Cancel' }).and(one.page.locator(':focus')).isVisible(),
    'the safe answer has the focus',
  )
  await one.page.keyboard.press('Enter')
  t.strictSame(await cards(one.page, 2), ['Chrome on Linux', 'The library'], 'and nothing was done')
  await one.page.getByRole('button', { name: 'Sign out The library' }).click()
  await answer(one.page, 'Sign out')
  await see(one.page, '“The library” is signed out.')
  t.strictSame(await cards(one.page, 1), ['Chrome on Linux'])

  await goToSignedOut(other.page)
  await see(other.page, 'This device was signed out.')
  t.strictSame([one.seen, other.seen], [clean, clean])
})

t.test('all other devices are signed out, and then this one with all', { skip }, async (t) => {
  const edsger = await town.app.createUser({ username: 'edsger' })
  await signInOnDevices(town, edsger)
  const { page, seen } = await visit(t, browser, town.app.url)
  await enter(page, edsger)
  t.strictSame(await cards(page, 4), ['Ada’s iPhone', 'Chrome on Linux', 'MacBook in the office', 'Pixel 12'])

  await page.getByRole('button', { name: 'Sign out other devices' }).click()
  await answer(page, 'Sign out the others')
  await see(page, '3 other sign-ins have ended.')
  t.strictSame(await cards(page, 1), ['Chrome on Linux'])

  await page.getByRole('button', { name: 'Sign out everywhere' }).click()
  await page.keyboard.press('Escape')
  t.equal(await page.getByRole('dialog').count(), 0)
  await page.getByRole('button', { name: 'Sign out everywhere' }).click()
  await answer(page, 'Sign out everywhere')
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  t.strictSame(seen, clean)
})

t.test('a forgotten password is set anew by the link of a mail, once', { skip }, async (t) => {
  const barbara = await town.app.createUser({ username: 'barbara', email: 'barbara@example.org' })
  const { page, seen } = await visit(t, browser, town.app.url)
  await page.getByRole('link', { name: 'Forgot your password?' }).click()
  await page.getByLabel('Username or email address', { exact: true }).fill('barbara')
  await page.getByRole('button', { name: 'Send a link' }).click()
  await see(page, 'If there is such an account')

  const { token } = await town.mail.next('barbara@example.org')
  await page.goto(`${town.app.url}/reset-password#token=${token}`)
  await page.getByLabel('New password', { exact: true }).fill('short')
  await page.getByRole('button', { name: 'Set password' }).click()
  await see(page, 'A password needs at least 8 characters.')
  await page.getByLabel('New password', { exact: true }).fill(newPassword)
  await page.getByRole('button', { name: 'Set password' }).click()
  await see(page, 'Your new password is set.')
  await enter(page, { ...barbara, password: newPassword })

  const again = await visit(t, browser, town.app.url, { path: `/reset-password#token=${token}` })
  await again.page.getByLabel('New password', { exact: true }).fill(password)
  await again.page.getByRole('button', { name: 'Set password' }).click()
  await see(again.page, 'This link has been used already, or is too old.')
  t.strictSame([seen, again.seen], [clean, clean])
})

t.test(
  'an address is verified and changed by links, after a fresh proof of the password',
  { skip },
  async (t) => {
    const donald = await town.app.createUser({ username: 'donald', email: 'donald@example.org' })
    const { page, seen } = await visit(t, browser, town.app.url)
    await enter(page, donald)
    await goTo(page, 'Account')
    await page.getByRole('button', { name: 'Send a link' }).click()
    await see(page, 'We have sent you a link.')
    const elsewhere = await visit(t, browser, town.app.url, {
      path: `/verify-email#token=${(await town.mail.next('donald@example.org')).token}`,
    })
    await elsewhere.page.getByRole('button', { name: 'Verify my address' }).click()
    await see(elsewhere.page, 'donald@example.org is verified.')
    await page.reload()
    await see(page, 'This address is verified.')

    town.later(11 * 60_000)
    await page.getByLabel('Email address', { exact: true }).fill('don@example.org')
    await page.getByRole('button', { name: 'Save address' }).click()
    await see(page, 'Confirm your password')
    await page.getByLabel('Password', { exact: true }).fill('not this one')
    await answer(page, 'Confirm')
    await see(page, 'The name or the password is wrong.')
    await page.getByLabel('Password', { exact: true }).fill(password)
    await answer(page, 'Confirm')
    await see(page, 'We have sent a link to don@example.org')
    await elsewhere.page.goto(
      `${town.app.url}/verify-email#token=${(await town.mail.next('don@example.org')).token}`,
    )
    await elsewhere.page.getByRole('button', { name: 'Verify my address' }).click()
    await see(elsewhere.page, 'don@example.org is verified.')
    await page.reload()
    await see(page, 'This address is verified.')
    t.equal(await page.getByLabel('Email address', { exact: true }).inputValue(), 'don@example.org')
    t.strictSame([seen, elsewhere.seen], [clean, clean])
  },
)

t.test('a password is changed, which signs out other devices', { skip }, async (t) => {
  const margaret = await town.app.createUser({ username: 'margaret' })
  const other = await visit(t, browser, town.app.url)
  await enter(other.page, margaret)
  const { page, seen } = await visit(t, browser, town.app.url)
  await enter(page, margaret)
  await goTo(page, 'Account')
  await page.getByLabel('Current password', { exact: true }).fill('not this one')
  await page.getByLabel('New password', { exact: true }).fill(newPassword)
  await page.getByRole('button', { name: 'Change password' }).click()
  await see(page, 'The name or the password is wrong.')
  await page.getByLabel('Current password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Change password' }).click()
  await see(page, 'Your password is changed. Your other devices are signed out.')

  await goToSignedOut(other.page)
  await signIn(other.page, { ...margaret, password: newPassword })
  await goTo(other.page, 'Devices')
  await see(other.page, 'This device')
  t.strictSame([seen, other.seen], [clean, clean])
})

t.test(
  'a personal token is made after a fresh proof, shown once, copied and revoked',
  { skip },
  async (t) => {
    const alan = await town.app.createUser({ username: 'alan' })
    const { page, seen } = await visit(t, browser, town.app.url, {
      permissions: ['clipboard-read', 'clipboard-write'],
    })
    await enter(page, alan)
    await goTo(page, 'Personal tokens')
    await see(page, 'No personal tokens yet')

    town.later(11 * 60_000)
    await page.getByRole('button', { name: 'New token' }).click()
    await page.getByLabel('Name', { exact: true }).fill('Nightly backup')
    await page.getByLabel(/^TOKENS/).check()
    await answer(page, 'Make token')
    await see(page, 'Confirm your password')
    await answer(page, 'Cancel')
    await see(page, 'Confirm your password first.')
    await answer(page, 'Make token')
    await page.getByLabel('Password', { exact: true }).fill(password)
    await answer(page, 'Confirm')

    await see(page, '“Nightly backup” is ready.')
    const token = secret(await page.getByRole('textbox', { name: 'The new token' }).inputValue())
    await page.getByRole('button', { name: 'Copy' }).click()
    await see(page, 'Copied')
    t.equal(await page.evaluate('navigator.clipboard.readText()'), token)
    const ask = () => town.app.graphql('{ viewer { username email tokens { totalCount } } }', {}, { token })
    const asked = await ask()
    t.match(asked.body.data.viewer, { username: 'alan', email: null, tokens: { totalCount: 2 } })
    t.match(asked.body.errors[0].extensions, { reason: 'SCOPE', scopes: ['ACCOUNT'] })

    await page.getByRole('button', { name: 'I have copied it' }).click()
    await page.reload()
    await see(page, 'Nightly backup')
    t.notOk((await page.content()).includes(token), 'it is nowhere on the page any more')
    t.match(await page.locator('.card').textContent(), /tokens · ends in 3 months/)
    await page.getByRole('button', { name: 'Revoke Nightly backup' }).click()
    await answer(page, 'Revoke')
    await see(page, 'No personal tokens yet')
    t.match((await ask()).body.errors[0].extensions, { code: 'UNAUTHENTICATED', reason: 'REVOKED' })
    t.strictSame(seen, clean)
  },
)

t.test('an account shows what happened to it, takes another name, and is deleted', { skip }, async (t) => {
  const katherine = await town.app.createUser({ username: 'katherine' })
  const { page, seen } = await visit(t, browser, town.app.url)
  await signIn(page, { ...katherine, password: 'not this one' })
  await see(page, 'The name or the password is wrong.')
  await enter(page, katherine)
  await goTo(page, 'Account')
  await page.getByLabel('Username', { exact: true }).fill('kate')
  await page.getByRole('button', { name: 'Save username' }).click()
  await see(page, 'Your username is changed.')
  t.equal(await page.locator('.who strong').textContent(), 'kate')

  await page.waitForTimeout(1_200) // events are written once a second
  const held = Promise.withResolvers<void>()
  await page.route('**/graphql', (route) => held.promise.then(() => route.continue()))
  await goTo(page, 'Activity')
  await page.getByRole('status').getByText('Loading…').waitFor()
  held.resolve()
  await see(page, 'Profile changed')
  await see(page, 'Sign-in failed')
  t.match(await page.locator('.event').last().textContent(), /Account created/)

  await goTo(page, 'Account')
  await page.getByRole('button', { name: 'Delete account' }).click()
  const confirm = page.getByRole('button', { name: 'Delete for good' })
  t.ok(await confirm.isDisabled(), 'the name has to be typed')
  await page.getByLabel('Your username', { exact: true }).fill('kate')
  await confirm.click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await signIn(page, { username: 'kate', password })
  await see(page, 'The name or the password is wrong.')
  t.strictSame(seen, clean)
})

t.test('it works by keyboard alone, and says so when the server is away', { skip }, async (t) => {
  await town.app.createUser({ username: 'alonzo' })
  const { page, seen } = await visit(t, browser, town.app.url)
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await page.keyboard.type('alonzo')
  await page.keyboard.press('Tab')
  await page.keyboard.type(password)
  await page.keyboard.press('Enter')
  await see(page, 'This device')

  await page.keyboard.press('Tab')
  t.equal(await focused(page), 'Skip to the content')
  await page.keyboard.press('Enter')
  for (let count = 0; count < 4; count++) await page.keyboard.press('Tab')
  t.equal(await focused(page), 'Sign out')
  await page.keyboard.press('Enter')
  await see(page, 'Sign out this device?')
  await page.keyboard.press('Escape')
  t.equal(await focused(page), 'Sign out', 'the focus is back where it was')
  await page.getByRole('link', { name: 'Activity' }).press('Enter')
  await see(page, 'Recent activity')
  t.equal(await focused(page), 'Recent activity', 'the heading of the new page is read out')

  await page.context().setOffline(true)
  await goTo(page, 'Personal tokens')
  await see(page, 'The server cannot be reached.')
  await page.context().setOffline(false)
  await page.getByRole('button', { name: 'Try again' }).click()
  await see(page, 'No personal tokens yet')
  t.strictSame(
    { ...seen, errors: seen.errors.filter((error) => !error.includes('ERR_INTERNET_DISCONNECTED')) },
    clean,
  )
})

t.test('no script can read the token, and tabs sign in and out together', { skip }, async (t) => {
  const kurt = await town.app.createUser({ username: 'kurt' })
  const { page, seen } = await visit(t, browser, town.app.url)
  await enter(page, kurt)
  const [cookie] = await page.context().cookies()
  t.match(cookie, { value: /^lk_\w{49}$/, httpOnly: true, sameSite: 'Lax' })
  const readable = await page.evaluate<string>(
    'JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }, document.body.innerHTML])',
  )
  t.notMatch(readable, /lk_\w{20}/)

  const tab = await page.context().newPage()
  await tab.goto(`${town.app.url}/account`)
  await see(tab, 'Delete account')
  await page.getByRole('button', { name: 'Sign out', exact: true }).first().click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await tab.getByRole('heading', { name: 'Sign in' }).waitFor()
  await enter(page, kurt)
  await see(tab, 'Delete account')
  t.strictSame(seen, clean)
})

t.test('it does without a cookie, and talks to the API wherever that is', { skip }, async (t) => {
  const elsewhere = await startTown(t, {
    graphqlPath: '/api/v1/graphql',
    signUp: 'closed',
    smtpUrl: 'off',
    tokenCookie: 'off',
    tokenHeader: 'X-Token',
    tokenSchemes: 'Key',
  })
  const user = await elsewhere.app.createUser()
  const { page, seen } = await visit(t, browser, elsewhere.app.url, {
    path: '/tokens',
    apiPath: '/api/v1/graphql',
  })
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  t.equal(await page.getByRole('link').count(), 0, 'neither sign-up nor mail is offered')
  await signIn(page, user)
  await see(page, 'No personal tokens yet')
  await page.reload()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  t.strictSame(seen, clean)
})

/** Asks for something with a token that has ended. */
async function goToSignedOut(page: Awaited<ReturnType<typeof visit>>['page']): Promise<void> {
  await page.getByRole('link', { name: 'Activity', exact: true }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
}

function focused(page: Awaited<ReturnType<typeof visit>>['page']): Promise<string> {
  return page.evaluate<string>('document.activeElement.textContent')
}
