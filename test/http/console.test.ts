import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import Fastify from 'fastify'
import t from 'tap'
import { consolePages } from '../../src/console-pages.ts'
import { findConsoleManifest, registerConsole } from '../../src/http/console.ts'
import { startApp } from '../support/app.ts'

const folder = new URL('../../web/dist/console/', import.meta.url)
const assets = readdirSync(new URL('assets/', folder))
const script = assets.find((name) => name.endsWith('.js')) ?? 'none: npm run build:web'

t.test('each page of the console is its index, under a strict policy', async (t) => {
  const { app } = await startApp(t, { graphqlPath: '/api/graphql' })
  for (const url of consolePages) {
    const { statusCode, headers, body } = await app.inject(url)
    t.equal(statusCode, 200, url)
    t.match(headers, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    })
    t.equal(
      headers['content-security-policy'],
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self' data:; " +
        "connect-src 'self'; worker-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    )
    t.match(body, '<meta name="latchkey-endpoint" content="api/graphql">')
    t.match(body, `src="./assets/${script}"`, 'its addresses are relative')
    t.notMatch(body, /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/, 'nothing is written into the page')
  }
})

t.test('assets are kept for good, and come compressed where that is taken', async (t) => {
  const { app } = await startApp(t)
  const ask = (accept: string) =>
    app.inject({ url: `/assets/${script}`, headers: { 'accept-encoding': accept } })
  const plain = await ask('identity')
  t.equal(plain.statusCode, 200)
  for (const [accept, encoding, decode] of [
    ['gzip, deflate, br', 'br', brotliDecompressSync],
    ['gzip', 'gzip', gunzipSync],
  ] as const) {
    const { headers, rawPayload } = await ask(accept)
    t.equal(headers['content-encoding'], encoding)
    t.match(headers, {
      'content-type': /^(text|application)\/javascript/,
      'cache-control': 'public, max-age=31536000, immutable',
      vary: 'accept-encoding',
    })
    t.ok(decode(rawPayload).equals(plain.rawPayload))
    t.ok(rawPayload.length < plain.rawPayload.length / 2)
  }
  for (const url of [
    `/assets/${script}.br`,
    `/assets/${script}.gz`,
    '/assets/',
    '/index.html',
    '/assets/none.js',
  ]) {
    t.equal((await app.inject(url)).statusCode, 404, url)
  }
})

t.test('all of its JavaScript is less than 150 kB, compressed', async (t) => {
  const sizes = assets
    .filter((name) => name.endsWith('.js.gz'))
    .map((name) => readFileSync(fileURLToPath(new URL(`assets/${name}`, folder))).length)
  t.ok(sizes.length > 0)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  t.ok(total < 150_000, `${total} bytes`)
})

t.test('it can be switched off', async (t) => {
  const { app } = await startApp(t, { console: false, graphqlPath: '/' })
  for (const url of ['/users', `/assets/${script}`]) t.equal((await app.inject(url)).statusCode, 404, url)
  t.equal((await app.inject('/?query={__typename}')).statusCode, 200)
})

t.test('one that has not been built answers 503 and says how to build it', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  registerConsole(app, { endpoint: '/graphql', folder: new URL(`file://${t.testdir({})}/`) })
  for (const url of ['/', '/account']) {
    const { statusCode, headers, body } = await app.inject(url)
    t.equal(statusCode, 503)
    t.match(headers, { 'content-type': /^text\/plain/, 'cache-control': 'no-store' })
    t.match(body, 'npm run build:web')
  }
})

t.test('its operations run where known ones alone do, while it is served', async (t) => {
  const own = t.testdir({ 'mine.json': '{}' })
  const manifest = { persistedQueries: 'only', persistedQueriesManifest: `${own}/mine.json` } as const
  const known = Object.values<string>(JSON.parse(readFileSync(new URL('operations.json', folder), 'utf8')))
  const written = readFileSync(new URL('../../web/console/api/operations.graphql', import.meta.url), 'utf8')
  const names = (text: string) => [...text.matchAll(/^(?:query|mutation) (\w+)/gm)].map(([, name]) => name)
  t.strictSame(known.flatMap(names).sort(), names(written).sort(), 'each of them is in the manifest')

  const [served, off, open] = await Promise.all([
    startApp(t, manifest),
    startApp(t, { ...manifest, console: false }),
    startApp(t, {}),
  ])
  for (const text of known) {
    const code = async ({ graphql }: typeof served) => (await graphql(text)).body.errors?.[0].extensions.code
    t.equal(await code(served), await code(open), text)
    t.equal(await code(off), 'PERSISTED_QUERY_NOT_FOUND', text)
  }
  t.match(await served.graphql('{ serverInfo { name } }'), { status: 400 }, 'and nothing else')
})

t.test('where it has not been built, there are no operations of it', async (t) => {
  t.equal(findConsoleManifest(new URL(`file://${t.testdir({})}/`)), null)
})
