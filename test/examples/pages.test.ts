import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import t from 'tap'
import { build } from 'vite'
import { startApp } from '../support/app.ts'
import { startGateway } from '../support/gateway.ts'

const CHROMIUM = '/usr/bin/chromium'
const NO_CHROMIUM = `there is no ${CHROMIUM}; install it: apt-get install chromium`

// Where the whole suite is required to run, a missing browser is a failure.
const skip = existsSync(CHROMIUM) || process.env.CI !== undefined ? false : NO_CHROMIUM

t.setTimeout(300_000)

for (const example of ['spa-urql', 'spa-apollo']) {
  t.test(
    `${example}: signs in, shows the devices in two tabs, and signs out of both`,
    { skip },
    async (t) => {
      const folder = t.testdir({})
      const configFile = fileURLToPath(new URL(`../../examples/${example}/vite.config.ts`, import.meta.url))
      await build({ configFile, logLevel: 'error', build: { outDir: folder, emptyOutDir: true } })
      const { url, createUser } = await startApp(t, { listen: true })
      const ada = await createUser({ username: 'ada' })
      const gateway = await startGateway(t, folder, url)
      const browser = await chromium.launch({
        executablePath: CHROMIUM,
        args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic'],
      })
      t.teardown(() => browser.close())
      const context = await browser.newContext()
      const errors: string[] = []
      context.on('weberror', (event) => errors.push(event.error().message))

      const page = await context.newPage()
      await page.goto(gateway.url)
      await page.getByLabel('Username').fill('ada')
      await page.getByLabel('Password').fill('not the password')
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByRole('alert').getByText('Wrong username or password.').waitFor()

      const other = await context.newPage()
      await other.goto(gateway.url)
      await page.getByLabel('Username').fill('ada')
      await page.getByLabel('Password').fill(ada.password)
      await page.getByRole('button', { name: 'Sign in' }).click()
      for (const tab of [page, other]) {
        await tab.getByRole('heading', { name: 'Devices of ada' }).waitFor()
        await tab.getByText('This browser (this one)').waitFor()
      }
      await page.reload()
      await page.getByRole('heading', { name: 'Devices of ada' }).waitFor()
      t.notMatch(await page.evaluate('JSON.stringify([document.cookie, { ...localStorage }])'), 'lk_')

      await other.getByRole('button', { name: 'Sign out' }).click()
      for (const tab of [page, other]) {
        await tab.getByText('You are signed out.').waitFor()
        await tab.getByRole('heading', { name: 'Sign in' }).waitFor()
      }
      t.same(errors, [])
    },
  )
}
