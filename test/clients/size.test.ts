import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { build } from 'vite'

const clients = fileURLToPath(new URL('../../clients/', import.meta.url))

/** What a page loads of ours: everything that an entry exports, or what of it is named, without the client's library. */
async function bundle(t: Test, entry: string, names = '*'): Promise<string> {
  const code =
    names === '*'
      ? `export * from '${clients}${entry}.ts'`
      : `export { ${names} } from '${clients}${entry}.ts'`
  const root = t.testdir({ 'entry.js': code })
  const result = await build({
    root,
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      target: 'es2022',
      lib: { entry: 'entry.js', formats: ['es'] },
      rolldownOptions: { external: /^(@apollo|@urql|wonka)/, output: { minify: true } },
    },
  })
  const [{ output }] = result as unknown as [{ output: [{ code: string }] }] // one format, not watched
  return output[0].code
}

t.test('each package is under 3 kB', async (t) => {
  for (const entry of ['client', 'apollo', 'urql', 'fetch', 'graphql-ws']) {
    const size = gzipSync(await bundle(t, entry)).length
    t.ok(size < 3_000, `latchkey/${entry}: ${size} bytes`)
  }
})

t.test('what a page does not use is not in it', async (t) => {
  const storage = await bundle(t, 'client', 'memoryStorage')
  t.ok(storage.length < 200, storage)
  for (const entry of ['apollo', 'urql', 'fetch']) {
    t.notMatch(await bundle(t, entry), /rotateToken|BroadcastChannel/, entry)
  }
})
