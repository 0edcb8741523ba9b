import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { build } from 'vite'
import { startApp } from '../support/app.ts'
import { startGateway } from '../support/gateway.ts'
import type { ClientPage } from './pages/expose.ts'

declare const clientPage: ClientPage

const CHROMIUM = '/usr/bin/chromium'
const NO_CHROMIUM = `there is no ${CHROMIUM}; install it: apt-get install chromium`
const pages = ['urql', 'apollo'] as const
const kinds = [
  ['urql', false],
  ['urql', true],
  ['apollo', false],
  ['apollo', true],
] as const
const minute = 60_000

// Where the whole suite is required to run, a missing browser is a failure.
const skip = existsSync(CHROMIUM) || process.env.CI !== undefined ? false : NO_CHROMIUM

t.setTimeout(300_000)

let folder = ''
let browser: Browser | undefined

t.teardown(() => browser?.close())

t.before(async () => {
  folder = t.testdir({})
  const root = fileURLToPath(new URL('pages', import.meta.url))
  const input = pages.map((page) => `${root}/${page}.html`)
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    build: {
      outDir: folder,
      emptyOutDir: true,
      modulePreload: { polyfill: false },
      rolldownOptions: { input },
    },
  })
})

for (const [kind, cookie] of kinds) {
  const where = cookie ? `${kind}, with a cookie` : kind
  t.test(
    `${where}: the end of a token's life amid 20 queries is one rotation and 20 answers`,
    { skip },
    async (t) => {
      const { clock, user, gateway, open } = await start(t, { tokenTtl: '10m', tokenRenew: 'on' })
      const [page, other] = [await open(kind, { cookie }), await open(kind, { cookie })]
      await page.evaluate((user) => clientPage.signIn(user), user)
      for (const one of [page, other]) await one.evaluate((ms) => clientPage.wait(ms), 10 * minute - 5_000)
      clock.now += 10 * minute - 5_000

      gateway.hold('Viewer', 5)
      const asked = page.evaluate(() => clientPage.ask(20))
      const askedToo = other.evaluate(() => clientPage.ask(20))
      await until(async () => (await heard(page)).includes('rotated') && gateway.count('Viewer') >= 20)
      clock.now += 10_000 // the life that the token had before is over, while requests with its old secret are held
      gateway.release()
      t.same(await asked, Array(20).fill(user.username))
      t.same(await askedToo, Array(20).fill(user.username))
      t.equal(gateway.count('rotateToken'), 1, 'one in both tabs')
      for (const one of [page, other]) t.same(await heard(one), ['signed-in', 'rotated'])
      clock.now += minute
      t.same(
        await other.evaluate(() => clientPage.ask(1)),
        [user.username],
        'and nobody has the old secret any more',
      )
    },
  )

  t.test(
    `${where}: a life that cannot be prolonged ends amid 20 queries in one sign-in and 20 answers`,
    { skip },
    async (t) => {
      const { clock, user, gateway, open } = await start(t, { tokenTtl: '10m' })
      const page = await open(kind, { user, cookie })
      await page.evaluate((user) => clientPage.signIn(user), user)
      gateway.hold('Viewer', 5)
      const asked = page.evaluate(() => clientPage.ask(20))
      await until(async () => gateway.count('Viewer') >= 20)
      clock.now += 10 * minute
      gateway.release()
      t.same(await asked, Array(20).fill(user.username))
      t.equal(gateway.count('tokenAuth'), 2, 'the first one, and one for all that met the end')
      t.ok(gateway.count('Viewer') >= 25, 'what was refused was sent again')
      t.same(await heard(page), ['signed-in', 'signed-in'])
    },
  )

  t.test(`${where}: a token that is revoked elsewhere signs each tab out once`, { skip }, async (t) => {
    const { user, gateway, open, graphql, signIn } = await start(t, { tokenTtl: '10m' })
    const tabs = [
      await open(kind, { cookie }),
      await open(kind, { cookie }),
      await open(kind, { cookie }),
    ] as const
    const revoke = async () =>
      graphql('mutation { revokeOtherTokens { count } }', null, { token: await signIn(user) })
    for (const asking of [[tabs[0]], [tabs[1], tabs[2]], [tabs[2]]]) {
      await tabs[0].evaluate((user) => clientPage.signIn(user), user)
      for (const tab of tabs) t.same(await tab.evaluate(() => clientPage.ask(1)), [user.username])
      await revoke()
      await Promise.all(asking.map((tab) => tab.evaluate(() => clientPage.ask(20))))
      await until(async () => (await Promise.all(tabs.map(heard))).every((events) => events.length > 1))
      for (const tab of tabs) t.same(await heard(tab), ['signed-in', 'signed-out REVOKED'])
      for (const tab of tabs) await tab.evaluate(() => clientPage.events.splice(0))
    }
    await tabs[0].evaluate((user) => clientPage.signIn(user), user)
    await until(async () => (await heard(tabs[2])).length === 1)
    t.equal(await tabs[2].evaluate(() => clientPage.signOut()), true)
    await until(async () => (await heard(tabs[0])).length === 2)
    for (const tab of tabs) t.same(await heard(tab), ['signed-in', 'signed-out SIGNED_OUT'])
    t.equal(gateway.count('revokeToken'), 1)
  })

  t.test(`${where}: without a network nobody is signed out`, { skip }, async (t) => {
    const { clock, user, context, open } = await start(t, { tokenTtl: '10m', tokenRenew: 'on' })
    const page = await open(kind, { cookie })
    await page.evaluate((user) => clientPage.signIn(user), user)
    await page.evaluate((ms) => clientPage.wait(ms), 6 * minute)
    clock.now += 6 * minute
    await context.setOffline(true)
    t.match((await page.evaluate(() => clientPage.ask(3))).join(), /fetch/i)
    t.same(await heard(page), ['signed-in'])
    await context.setOffline(false)
    t.same(await page.evaluate(() => clientPage.ask(3)), Array(3).fill(user.username))
    await until(async () => (await heard(page)).includes('rotated'))
    await page.reload()
    await page.evaluate((options) => clientPage.start(options), { cookie })
    t.same(await page.evaluate(() => clientPage.ask(3)), Array(3).fill(user.username))
  })
}

const heard = (page: Page) => page.evaluate(() => clientPage.events)

async function start(t: Test, settings: object) {
  if (!existsSync(CHROMIUM)) throw new Error(NO_CHROMIUM)
  const server = await startApp(t, { listen: true, ...settings })
  const gateway = await startGateway(t, folder, server.url)
  browser ??= await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic'],
  })
  const context = await browser.newContext()
  t.teardown(() => context.close())
  return {
    ...server,
    gateway,
    context,
    user: await server.createUser(),
    open: (kind: string, options: object = {}) => openPage(context, `${gateway.url}/${kind}.html`, options),
  }
}

async function openPage(context: BrowserContext, url: string, options: object): Promise<Page> {
  const page = await context.newPage()
  await page.goto(url)
  await page.evaluate((options) => clientPage.start(options), options)
  return page
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`This did not come true within 10 seconds: ${isSo}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
