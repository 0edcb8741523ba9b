import { existsSync } from 'node:fs'
import Fastify from 'fastify'
import { chromium, type Page } from 'playwright-core'
import t, { type Test } from 'tap'
import type { SettingsInput } from '../../src/config.ts'
import { startApp } from '../support/app.ts'
import { signInForCookie } from '../support/cookie.ts'

const CHROMIUM = '/usr/bin/chromium'

/** Why the tests cannot run here: CI installs Chromium. */
const skip =
  process.env.CI === undefined && !existsSync(CHROMIUM) ? `there is no ${CHROMIUM}` : (false as const)

const who = '{ viewer { username } }'
const revoke = 'mutation { revokeToken { revoked } }'

t.test('no script can read the token, and the browser sends it by itself', { skip }, async (t) => {
  const { page, password } = await start(t)
  t.match(await post(page, signInForCookie, { username: 'ada', password }), {
    data: { tokenAuth: { token: null, user: { username: 'ada' } } },
  })
  const stored = String(
    await page.evaluate(
      '(async () => JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }, await (await fetch("/graphql?query={__typename}")).text()]))()',
    ),
  )
  t.notMatch(stored, /lk_|latchkey/, 'neither the value nor the name')
  const [cookie] = await page.context().cookies()
  t.match(cookie, { name: 'latchkey', value: /^lk_\w{49}$/, httpOnly: true, sameSite: 'Lax', path: '/' })
  t.match(await post(page, who), { data: { viewer: { username: 'ada' } } })
  t.match(await get(page, who), { data: { viewer: { username: 'ada' } } }, 'a query by GET as well')

  t.match(await post(page, 'mutation { rotateToken { token } }'), { data: { rotateToken: { token: null } } })
  const [rotated] = await page.context().cookies()
  t.not(rotated?.value, cookie?.value)
  t.match(await post(page, who), { data: { viewer: { username: 'ada' } } })

  await page.evaluate('localStorage.setItem("draft", "something")')
  t.match(await post(page, revoke), { data: { revokeToken: { revoked: true } } })
  t.strictSame(await page.context().cookies(), [])
  t.equal(await page.evaluate('localStorage.length'), 0, 'what the page has stored is gone, too')
  t.match(await post(page, who), { errors: [{ extensions: { reason: 'MISSING' } }] })
})

t.test(
  'pages of other origins can do nothing with the cookie, though it is sent along',
  { skip },
  async (t) => {
    const { app, page, password } = await start(t)
    await post(page, signInForCookie, { username: 'ada', password })
    const endpoint = `${app.url}/graphql`
    // Another port is another origin of the same site, so that the browser does add the cookie.
    const evil = Fastify()
    evil.get('/', (_request, reply) => reply.type('text/html').send('<title>evil</title>'))
    evil.get('/form', (request, reply) =>
      reply.type('text/html').send(formThatSendsItself(request.query as Form)),
    )
    t.teardown(() => evil.close())
    const evilUrl = await evil.listen({ host: '127.0.0.1', port: 0 })
    const seen: { cookie: boolean; status: number; method: string }[] = []
    page.context().on('response', async (response) => {
      if (!response.url().startsWith(endpoint)) return
      const headers = await response.request().allHeaders()
      seen.push({
        cookie: headers.cookie !== undefined,
        status: response.status(),
        method: response.request().method(),
      })
    })
    const attacker = await page.context().newPage()

    for (const [enctype, name, value] of [
      ['text/plain', `{"query":"${revoke}","x":"`, '"}'],
      ['application/x-www-form-urlencoded', 'query', revoke],
      ['multipart/form-data', 'query', revoke],
    ] as const) {
      const form = new URLSearchParams({ action: endpoint, enctype, name, value })
      await attacker.goto(`${evilUrl}/form?${form}`)
      await attacker.waitForURL(endpoint)
      t.match(await attacker.textContent('body'), /UNSUPPORTED_MEDIA_TYPE/, enctype)
    }
    t.ok(
      seen.every(({ cookie, status }) => cookie && status === 415),
      'the cookie went along',
    )

    await attacker.goto(evilUrl)
    const outcomes = await attacker.evaluate(
      async ([endpoint, revoke]) => {
        const attempt = (init: RequestInit, url = endpoint) =>
          fetch(url, { credentials: 'include', ...init }).then(
            (response) => response.type,
            () => 'failed',
          )
        const body = JSON.stringify({ query: revoke })
        return [
          await attempt({ method: 'POST', mode: 'no-cors', body }),
          await attempt({ method: 'POST', headers: { 'content-type': 'application/json' }, body }),
          await attempt({ mode: 'no-cors' }, `${endpoint}?query=${encodeURIComponent(revoke)}`),
          await attempt({ mode: 'no-cors' }, `${endpoint}?query={viewer{id}}`),
          await attempt({}, `${endpoint}?query={viewer{id}}`),
        ]
      },
      [endpoint, revoke] as const,
    )
    t.strictSame(outcomes, Array(5).fill('failed'), 'nothing comes to the page')
    const link = await attacker.goto(`${endpoint}?query={viewer{username}}`)
    t.equal(link?.status(), 403)
    t.match(await attacker.textContent('body'), /CSRF/)
    const succeeded = seen.filter(({ status }) => status < 400)
    t.strictSame(succeeded, [], 'nothing was answered')
    t.match(await post(page, who), { data: { viewer: { username: 'ada' } } }, 'the token has not ended')
  },
)

t.test(
  'a page of the own origin opens a WebSocket by the cookie alone, and one of another origin opens none',
  { skip },
  async (t) => {
    const { app, page, password } = await start(t)
    await post(page, signInForCookie, { username: 'ada', password })
    t.match(JSON.parse(await connect(page, app.url)), {
      type: 'connection_ack',
      payload: { expiresAt: /^2026-/ },
    })
    const other = Fastify()
    other.get('/', (_request, reply) => reply.type('text/html').send('<title>evil</title>'))
    t.teardown(() => other.close())
    const attacker = await page.context().newPage()
    await attacker.goto(await other.listen({ host: '127.0.0.1', port: 0 }))
    t.equal(await connect(attacker, app.url), 'closed with 1006')
  },
)

t.test('a page of a listed origin reads answers, by CORS and no other way', { skip }, async (t) => {
  const listed = Fastify()
  listed.get('/', (_request, reply) =>
    reply
      .headers({ 'cross-origin-embedder-policy': 'require-corp' })
      .type('text/html')
      .send('<title>app</title>'),
  )
  t.teardown(() => listed.close())
  const origin = await listed.listen({ host: '127.0.0.1', port: 0 })
  const { app, page } = await start(t, { corsOrigins: origin })
  await page.goto(origin)
  const asked = await page.evaluate(async (endpoint) => {
    const headers = { 'content-type': 'application/json' }
    const body = '{"query":"{ serverInfo { name } }"}'
    const read = await fetch(endpoint, { method: 'POST', headers, body })
    const blind = fetch(`${endpoint}?query={__typename}`, { mode: 'no-cors' })
    return [
      await read.json(),
      await blind.then(
        ({ type }) => type,
        () => 'failed',
      ),
    ]
  }, `${app.url}/graphql`)
  t.strictSame(asked, [{ data: { serverInfo: { name: 'latchkey' } } }, 'failed'])
})

/** What a page hears first over a WebSocket, having presented nothing. */
function connect(page: Page, url: string): Promise<string> {
  return page.evaluate(
    (address) =>
      new Promise<string>((resolve) => {
        const socket = new WebSocket(address, 'graphql-transport-ws')
        socket.onopen = () => socket.send('{"type":"connection_init"}')
        socket.onmessage = ({ data }) => resolve(data)
        socket.onclose = ({ code }) => resolve(`closed with ${code}`)
      }),
    `${url.replace('http', 'ws')}/graphql`,
  )
}

interface Form {
  action: string
  enctype: string
  name: string
  value: string
}

function formThatSendsItself({ action, enctype, name, value }: Form): string {
  const input = `<input name='${name}' value='${value}'>`
  return `<form method=post action="${action}" enctype="${enctype}">${input}</form><script>document.forms[0].submit()</script>`
}

async function start(t: Test, settings: SettingsInput = {}) {
  const app = await startApp(t, { listen: true, graphiql: true, ...settings })
  const { password } = await app.createUser({ username: 'ada' })
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
  t.teardown(() => browser.close())
  const page = await (await browser.newContext()).newPage()
  await page.goto(`${app.url}/healthz`) // a page of the server's own origin that loads nothing
  return { app, page, password }
}

/** What a script of the page gets for an operation, having done nothing about credentials. */
function post(page: Page, query: string, variables: object = {}): Promise<unknown> {
  return page.evaluate(async (body) => {
    const headers = { 'content-type': 'application/json' }
    return (await fetch('/graphql', { method: 'POST', headers, body })).json()
  }, JSON.stringify({ query, variables }))
}

function get(page: Page, query: string): Promise<unknown> {
  return page.evaluate(
    async (query) => (await fetch(`/graphql?query=${encodeURIComponent(query)}`)).json(),
    query,
  )
}
