import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { fillNew } from '../fill.ts'
import type { Question } from '../question.ts'
import { barsOf, describeRates, measureRates, type Row, ratioOf, type Variant } from '../rates.ts'
import { type Server, startLatchkey, startServer, stop, toRequest, withFolder } from '../runner.ts'
import { likeOthers } from '../terms.ts'

const load = {
  request: toRequest('{ viewer { id username } }', { signedIn: true }),
  expected: '"viewer":{"id":"',
}

/** What a look-up in the database costs when no two requests bring the same token. */
export const cold: Question = {
  name: 'cold',
  ask: (plan) =>
    withFolder(async (folder) => {
      const { file, tokens } = await fillNew(join(folder, 'latchkey.db'), {
        users: 10_000,
        tokens: 200_000,
        known: 150_000,
      })
      const copy = join(folder, 'mercurius.db')
      copyFileSync(file, copy)
      const servers = await Promise.all([
        startLatchkey(file, { env: { ...likeOthers, TOKEN_CACHE: 'off' } }),
        startServer('mercurius-sqlite', { args: [copy] }),
      ])
      try {
        const variant = (name: string, server: Server): Variant => ({
          name,
          server,
          load: { ...load, tokens },
        })
        const rows = (await measureRates(
          [
            variant('Latchkey, TOKEN_CACHE=off', servers[0]),
            variant('Mercurius + JIT + one prepared statement', servers[1]),
          ],
          plan,
        )) as [Row, Row]
        return {
          title: 'What does a look-up cost? Every request another one of 150,000 tokens',
          text: describeRates(rows),
          figures: [
            {
              measure: 'requests/s, cold, ÷ plain Mercurius with one prepared better-sqlite3 statement',
              ...ratioOf(...rows),
              target: 0.95,
              bound: 'least',
            },
          ],
          bars: barsOf(rows),
        }
      } finally {
        await stop(...servers.map(({ child }) => child))
      }
    }),
}
