import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { password } from '../support/app.ts'
import { startBrowser, whySkipped } from '../support/browser.ts'
import { signInOnDevices, startTown, type Town } from './console/people.ts'
import { answer, enter, goTo, see, visit } from './console/visit.ts'

/**
 * The console in both colour schemes and at two widths: what axe finds wrong with each page, and a picture of it in
 * `.ci-output/console`. With `PICTURE=docs` the one of the documentation is taken anew.
 */
const output = fileURLToPath(new URL('../../.ci-output/console/', import.meta.url))
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const skip = whySkipped()

let town: Town
let browser: Browser

t.setTimeout(600_000) // on a busy machine

t.before(async () => {
  if (skip !== false) return
  town = await startTown(t)
  browser = await startBrowser(t)
  const ada = await town.app.createUser({ username: 'ada', email: 'ada@example.org', role: 'ADMIN' })
  for (const username of ['grace', 'edsger', 'barbara', 'donald', 'margaret']) {
    await town.app.createUser({ username, email: `${username}@example.org` })
  }
  await signInOnDevices(town, ada)
})

for (const width of [1280, 360]) {
  for (const colorScheme of ['light', 'dark'] as const) {
    t.test(`nothing is wrong with a page of ${width} pixels in ${colorScheme} colours`, { skip }, (t) =>
      walk(t, width, colorScheme),
    )
  }
}

async function walk(t: Test, width: number, colorScheme: 'light' | 'dark'): Promise<void> {
  const isPhone = width < 500
  const { page, seen } = await visit(t, browser, town.app.url, {
    viewport: { width, height: isPhone ? 740 : 800 },
    deviceScaleFactor: 2,
    isMobile: isPhone,
    hasTouch: isPhone,
    colorScheme,
  })
  const look = async (name: string): Promise<void> => {
    await page.screenshot({ path: `${output}${name}-${width}-${colorScheme}.png` })
    t.strictSame(await findFaults(page), [], name)
    const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
    t.ok(overflow <= 0, `${name} is no wider than the screen`)
  }
  const open = async (name: string, text: string): Promise<void> => {
    if (isPhone) await page.getByRole('button', { name: 'Menu' }).click()
    await goTo(page, name)
    await see(page, text)
    await look(name.toLowerCase().replaceAll(' ', '-'))
  }

  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await look('sign-in')
  await page.getByRole('link', { name: 'Create an account' }).click()
  await look('sign-up')
  await page.goBack()
  await enter(page, { username: 'ada', password })
  await look('devices')
  if (width === 1280 && colorScheme === 'light' && process.env.PICTURE === 'docs') {
    await page.screenshot({ path: fileURLToPath(new URL('../../docs/console.png', import.meta.url)) })
  }
  await page.getByRole('button', { name: 'Sign out MacBook in the office' }).click()
  await look('confirmation')
  await answer(page, 'Cancel')
  if (isPhone) {
    await page.getByRole('button', { name: 'Menu' }).click()
    await look('menu')
    await page.getByRole('button', { name: 'Menu' }).click()
  }
  await open('Account', 'Delete account')
  await open('Personal tokens', 'No personal tokens yet')
  await page.getByRole('button', { name: 'New token' }).click()
  await page.getByLabel('Name', { exact: true }).fill('Nightly backup')
  await look('new-token')
  await answer(page, 'Make token')
  await see(page, '“Nightly backup” is ready.')
  await look('issued-token')
  await page.getByRole('button', { name: 'Revoke Nightly backup' }).click()
  await answer(page, 'Revoke')
  await see(page, 'No personal tokens yet')
  await open('Activity', 'Signed in')
  await open('Users', 'grace')
  await page.getByRole('link', { name: 'ada', exact: false }).first().click()
  await see(page, 'All events of this user')
  await look('user')
  await open('Audit', 'Signed in')
  t.strictSame(seen, { foreign: [], violations: [], errors: [] })
}

/** What axe finds that is more than minor, a line each. */
async function findFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe)
  const { violations } = await page.evaluate<{
    violations: { id: string; impact: string; help: string; nodes: { target: string[] }[] }[]
  }>('axe.run()')
  return violations
    .filter(({ impact }) => impact !== 'minor')
    .map(({ id, help, nodes }) => `${id}: ${help} (${nodes.map(({ target }) => target).join(', ')})`)
}
