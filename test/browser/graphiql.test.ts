import { fileURLToPath } from 'node:url'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Locator, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { registerGraphiql } from '../../src/http/graphiql.ts'
import { createStorage, hasTabs, keepsHeaders } from '../../web/graphiql/storage.ts'
import { startApp } from '../support/app.ts'
import { startBrowser, watch, whySkipped } from '../support/browser.ts'

t.test('someone signs in by an operation, lists devices and signs out', { skip: whySkipped() }, async (t) => {
  const app = await startApp(t, { listen: true, graphiql: true })
  const user = await app.createUser({ username: 'ada' })
  await app.signIn(user, { name: 'phone' })
  const { page, seen } = await openPage(t, app.url)

  await page.getByRole('tab', { name: 'SignIn' }).click()
  await page.getByRole('button', { name: 'Variables' }).click()
  await write(page, variables(page), { username: 'ada', password: user.password, device: { name: 'laptop' } })
  const token = /"token":"(\w+)"/.exec(await run(page))?.[1] ?? ''
  t.match(token, /^lk_\w{49}$/, 'the answer shows the token')

  await page.getByRole('tab', { name: 'Viewer' }).click()
  await page.getByRole('button', { name: 'Headers' }).click()
  t.equal(
    await read(headers(page)),
    '{"Authorization":"Token<token>"}',
    'the pane shows where the token goes',
  )
  t.match(await run(page), '"reason":"MISSING"', 'the example is not sent as if it were a token')

  await write(page, headers(page), { Authorization: `Token ${token}` })
  const viewer = await run(page)
  for (const expected of [
    '"username":"ada"',
    /"name":"phone","lastUsedAt":null,"current":false/,
    /"name":"laptop","lastUsedAt":[^,]+,"current":true/,
  ]) {
    t.match(viewer, expected)
  }

  await writeOperation(page, 'SignOut', 'mutation SignOut { revokeToken { revoked } }')
  t.match(await run(page), '"revoked":true')

  await writeOperation(page, 'Again', 'query Again { viewer { username } }')
  const refusal = await run(page)
  t.match(refusal, '"code":"UNAUTHENTICATED"', 'the body of a 401 is shown')
  t.match(refusal, '"reason":"REVOKED"')

  const stored = await readStorage(page, 'query Again')
  t.notMatch(stored, token, 'the browser does not store the token')
  t.notMatch(stored, user.password, 'the browser does not store the password')
  t.same(
    seen,
    { foreign: [], violations: [], errors: [] },
    'no other host, no breach of the policy, no error',
  )
})

t.test(
  'the panel signs in, sends the token with what is asked, and signs out',
  { skip: whySkipped() },
  async (t) => {
    const app = await startApp(t, {
      listen: true,
      graphiql: true,
      tokenHeader: 'X-Token',
      tokenSchemes: 'Key',
    })
    const user = await app.createUser({ username: 'ada' })
    const { page, seen } = await openPage(t, app.url)
    const panel = page.getByRole('region', { name: 'Sign in' })

    t.match(await run(page), '"reason":"MISSING"', 'the first tab asks who one is, which nobody is yet')
    await panel.getByLabel('Username or email address').fill('ada')
    await panel.getByLabel('Password').fill('not this one')
    await panel.getByRole('button', { name: 'Sign in' }).click()
    await panel.getByText('Wrong username or password').waitFor()
    await panel.getByLabel('Password').fill(user.password)
    await panel.getByRole('button', { name: 'Sign in' }).click()
    await panel.getByText(/^Signed in as ada until Dec \d+, 2026/).waitFor()
    await panel.getByText('X-Token is sent').waitFor()

    const viewer = await run(page)
    await page.screenshot({ path: fileURLToPath(new URL('../../.ci-output/graphiql.png', import.meta.url)) })
    t.match(viewer, '"username":"ada"')
    t.match(viewer, /"name":"GraphiQLinChromeonLinux","lastUsedAt":[^,]+,"current":true/)
    t.match(
      await runTab(page, 'PersonalToken'),
      '"name":"Nightlybackup"',
      'an example that needs a fresh sign-in',
    )
    t.match(
      await runTab(page, 'SignOutOthers'),
      '{"revokeOtherTokens":{"count":1}}',
      'the panel’s token is this page’s own',
    )
    t.match(await run(page), '{"revokeOtherTokens":{"count":0}}')

    await panel.getByRole('button', { name: 'Sign out' }).click()
    await panel.getByRole('button', { name: 'Sign in' }).waitFor()
    t.match(await run(page), '"reason":"MISSING"')
    const stored = await readStorage(page, 'tabState')
    t.notMatch(stored, /lk_\w{20}/, 'no token is stored')
    t.notMatch(stored, user.password)
    t.same(seen, { foreign: [], violations: [], errors: [] })
  },
)

t.test('the panel says so when its token has ended elsewhere', { skip: whySkipped() }, async (t) => {
  const app = await startApp(t, { listen: true, graphiql: true })
  const user = await app.createUser({ username: 'ada' })
  const { page } = await openPage(t, app.url)
  const panel = page.getByRole('region', { name: 'Sign in' })
  await panel.getByLabel('Username or email address').fill('ada')
  await panel.getByLabel('Password').fill(user.password)
  await panel.getByRole('button', { name: 'Sign in' }).click()
  await panel.getByText('Signed in as ada').waitFor()
  const token = await app.signIn(user)
  await app.graphql('mutation { revokeOtherTokens { count } }', null, { token })
  t.match(await run(page), '"reason":"REVOKED"')
  await panel.getByRole('button', { name: 'Sign in' }).waitFor()
  t.match(await run(page), '"reason":"MISSING"', 'it is not sent any more')
})

t.test('the page and its assets are served under a strict policy, and nothing else is', async (t) => {
  const folder = t.testdir({
    'index.html': '<meta name="latchkey-endpoint" content="/graphql">',
    'secret.txt': 'secret',
    assets: { 'index-1a2b.js': 'export {}', 'index-1a2b.js.map': '{}', '.env': 'secret' },
  })
  const app = serve(t, folder, '/graphql')

  const page = await app.inject('/graphiql/')
  t.equal(page.statusCode, 200)
  t.match(page.headers, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-cache',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  })
  t.equal(
    page.headers['content-security-policy'],
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
      "font-src 'self' data:; connect-src 'self'; worker-src 'self'; frame-ancestors 'none'; base-uri 'none'; " +
      "form-action 'none'",
  )

  const asset = await app.inject('/graphiql/assets/index-1a2b.js')
  t.equal(asset.body, 'export {}')
  t.equal(asset.headers['cache-control'], 'public, max-age=31536000, immutable')
  t.equal(
    asset.headers['content-security-policy'],
    page.headers['content-security-policy'],
    'workers have it too',
  )

  const redirect = await app.inject('/graphiql')
  t.equal(redirect.statusCode, 302)
  t.equal(
    redirect.headers.location,
    'graphiql/',
    'relative, so that it holds behind a proxy that takes a prefix away',
  )

  for (const path of [
    'index.html',
    'secret.txt',
    'assets',
    'assets/',
    'assets/index-1a2b.js.map',
    'assets/.env',
    'assets/../secret.txt',
    'assets/..%2fsecret.txt',
    'assets/%2e%2e/secret.txt',
    'assets/..%5csecret.txt',
    'assets//index-1a2b.js',
  ]) {
    t.equal((await app.inject(`/graphiql/${path}`)).statusCode, 404, path)
  }
})

t.test('the page and its assets are served under a prefix as well', async (t) => {
  const folder = t.testdir({
    'index.html': '<meta name="latchkey-endpoint" content="/graphql">',
    assets: { 'index-1a2b.js': 'export {}' },
  })
  const app = Fastify()
  t.teardown(() => app.close())
  app.register(async (scope) => register(scope, folder, '/graphql'), { prefix: '/api' })
  const page = '/api/graphiql/'
  t.equal((await app.inject('/api/graphiql')).headers.location, 'graphiql/')
  const [, endpoint = ''] = /content="([^"]*)"/.exec((await app.inject(page)).body) ?? []
  t.equal(new URL(endpoint, `http://localhost${page}`).pathname, '/api/graphql')
  t.equal((await app.inject(page)).headers['cache-control'], 'no-cache')
  const asset = await app.inject(`${page}assets/index-1a2b.js`)
  t.equal(asset.headers['cache-control'], 'public, max-age=31536000, immutable')
})

t.test('the page carries the configured endpoint, relative and escaped', async (t) => {
  const folder = t.testdir({ 'index.html': '<meta name="latchkey-endpoint" content="/graphql">', assets: {} })
  for (const [endpoint, content] of [
    ['/graphql', '../graphql'],
    ['/', '../'],
    ['/api/$&/graphql', '../api/$&#38;/graphql'],
    ['/"><script>', '../&#34;&#62;&#60;script&#62;'],
  ] as const) {
    const { body } = await serve(t, folder, endpoint).inject('/graphiql/')
    t.equal(body, `<meta name="latchkey-endpoint" content="${content}">`)
  }
})

t.test('a page that has not been built answers 503 and says how to build it', async (t) => {
  const app = serve(t, t.testdir({}), '/graphql')
  for (const path of ['/graphiql', '/graphiql/']) {
    const answer = await app.inject(path)
    t.equal(answer.statusCode, 503)
    t.match(answer.headers, { 'content-type': /^text\/plain/, 'cache-control': 'no-store' })
    t.match(answer.body, 'npm run build:web')
  }
})

t.test('what GraphiQL stores has no password and no token in it', async (t) => {
  const sayings = [
    ['graphiql:variables', '{"username":"ada","password":"s3cr\\"et"}', '{"username":"ada","password":""}'],
    ['graphiql:variables', '{ "newPassword" : "unfinis', '{ "newPassword" : ""'],
    ['graphiql:query', '{ f(password: "s3cret", b: "kept") }', '{ f(password: "", b: "kept") }'],
    ['graphiql:query', '{ f(password: """s3\n"cret""") }', '{ f(password: "") }'],
    [
      'graphiql:query',
      'query ($password: String! = "s3cret") { a }',
      'query ($password: String! = "") { a }',
    ],
    [
      'graphiql:query',
      'query ($password: String!) { a(b: "kept") }',
      'query ($password: String!) { a(b: "kept") }',
    ],
    [
      'graphiql:tabState',
      '{"tabs":[{"query":null,"variables":"{\\"password\\":\\"s3cret\\"}","headers":"chosen"}]}',
      '{"tabs":[{"query":null,"variables":"{\\"password\\":\\"\\"}","headers":"chosen"}]}',
    ],
    [
      'graphiql:queries',
      '{"queries":[{"query":"{ f(password: \\"s3cret\\") }","headers":"{\\"Authorization\\":\\"Token lk_1\\"}"}]}',
      '{"queries":[{"query":"{ f(password: \\"\\") }","headers":""}]}',
    ],
    ['graphiql:theme', 'dark', 'dark'],
  ] as const
  for (const [key, value, stored] of sayings) {
    const storage = createStorage(memoryStore({}))
    storage.setItem(key, value)
    t.equal(storage.getItem(key), stored)
  }
})

t.test('clearing what GraphiQL stores leaves the rest of the origin alone', async (t) => {
  const store = memoryStore({
    'graphiql:tabState': '{}',
    'graphiql:shouldPersistHeaders': 'true',
    other: 'kept',
  })
  const storage = createStorage(store)
  t.equal(storage.length, 2)
  t.ok(hasTabs(storage))
  t.ok(keepsHeaders(storage))

  storage.removeItem('graphiql:shouldPersistHeaders')
  t.notOk(keepsHeaders(storage), 'headers are not kept unless the user has chosen so')
  storage.clear()
  t.notOk(hasTabs(storage))
  t.equal(store.getItem('other'), 'kept')
})

function serve(t: Test, folder: string, endpoint: string) {
  const app = Fastify()
  t.teardown(() => app.close())
  register(app, folder, endpoint)
  return app
}

function register(app: FastifyInstance, folder: string, endpoint: string): void {
  registerGraphiql(app, { path: '/graphiql', endpoint, folder: new URL(`file://${folder}/`) })
}

async function openPage(t: Test, url: string) {
  const browser = await startBrowser(t)
  const context = await browser.newContext({
    permissions: ['clipboard-read', 'clipboard-write'],
    viewport: { width: 1600, height: 1000 },
  })
  const seen = watch(context, url)
  const page = await context.newPage()
  const answer = await page.goto(`${url}/graphiql`)
  t.equal(answer?.status(), 200, 'the page is built (npm run build:web) and served')
  await query(page).locator('.view-line').first().waitFor()
  return { page, seen }
}

function query(page: Page): Locator {
  return page.locator('.graphiql-query-editor .graphiql-editor')
}

function variables(page: Page): Locator {
  return page.locator('.graphiql-editor-tool .graphiql-editor').nth(0)
}

function headers(page: Page): Locator {
  return page.locator('.graphiql-editor-tool .graphiql-editor').nth(1)
}

async function write(page: Page, pane: Locator, content: string | object): Promise<void> {
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  await pane.locator('.view-lines').click()
  await page.keyboard.press('Control+A')
  // Pasted, because the editor closes the brackets of what is typed.
  await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(text)})`)
  await page.keyboard.press('Control+V')
  await until(async () => (await read(pane)) === withoutBlanks(text))
}

// GraphiQL takes the operation's name, which it sends along, a little after the text; then the tab bears it.
async function writeOperation(page: Page, name: string, text: string): Promise<void> {
  await write(page, query(page), text)
  await page.getByRole('tab', { name }).waitFor()
}

async function runTab(page: Page, name: string): Promise<string> {
  await page.getByRole('tab', { name }).click()
  return run(page)
}

// Runs what is in the editor. The name of the operation, which is sent along, may still be that of the text before.
async function run(page: Page): Promise<string> {
  for (;;) {
    const answer = await execute(page)
    if (!answer.includes('OPERATION_RESOLUTION_FAILURE')) return answer
  }
}

// Presses the button and waits until the response pane shows the whole answer.
async function execute(page: Page): Promise<string> {
  const [response] = await Promise.all([
    page.waitForResponse((response) => response.request().method() === 'POST'),
    page.getByRole('button', { name: 'Execute query' }).click(),
  ])
  const answer = withoutBlanks(JSON.stringify(await response.json()))
  await until(async () => (await read(page.locator('.graphiql-response'))) === answer)
  return answer
}

// Monaco draws a line as an element, with non-breaking blanks, and not always in order.
async function read(pane: Locator): Promise<string> {
  const lines = await pane
    .locator('.view-line')
    .evaluateAll((elements: unknown[]) =>
      (elements as { style: { top: string }; textContent: string }[])
        .map((element) => ({ top: Number.parseFloat(element.style.top), text: element.textContent }))
        .sort((one, other) => one.top - other.top),
    )
  return withoutBlanks(lines.map((line) => line.text).join(''))
}

// GraphiQL writes to the storage a little after each change.
async function readStorage(page: Page, awaited: string): Promise<string> {
  const read = () => page.evaluate<string>('JSON.stringify({ ...localStorage })')
  await until(async () => (await read()).includes(awaited))
  return read()
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`This did not come true within 10 seconds: ${isSo}`)
  }
}

function withoutBlanks(text: string): string {
  return text.replace(/\s/g, '')
}

function memoryStore(items: Record<string, string>): Storage {
  return Object.assign(Object.create(STORE_METHODS), items)
}

const STORE_METHODS = {
  getItem(this: Record<string, string>, key: string) {
    return this[key] ?? null
  },
  setItem(this: Record<string, string>, key: string, value: string) {
    this[key] = value
  },
  removeItem(this: Record<string, string>, key: string) {
    delete this[key]
  },
}
