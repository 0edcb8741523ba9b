import { join } from 'node:path'
import { fillNew } from '../fill.ts'
import type { Answer, Question } from '../question.ts'
import { barsOf, describeRates, measureRates, type Row, ratioOf, type Variant } from '../rates.ts'
import { type Server, startLatchkey, startServer, stop, toRequest, withFolder } from '../runner.ts'
import { likeOthers } from '../terms.ts'

const query = '{ viewer { id username } }'
const expected = '"viewer":{"id":"'

/** What authentication costs a request: the signed-in viewer, against the same without it. */
export const viewer: Question = {
  name: 'viewer',
  ask: (plan) =>
    withFolder(async (folder) => {
      const { file, tokens } = await fillNew(join(folder, 'latchkey.db'), {
        users: 1_000,
        tokens: 1_000,
        known: 1_000,
      })
      const servers = await Promise.all([
        startLatchkey(file, { env: likeOthers }),
        startLatchkey(file),
        startServer('mercurius'),
        startServer('fastify'),
      ])
      try {
        const [latchkey, byDefault, mercurius, fastify] = servers
        const signedIn = (name: string, server: Server): Variant => ({
          name,
          server,
          load: { request: toRequest(query, { signedIn: true }), tokens, expected },
        })
        const rows = await measureRates(
          [
            signedIn('Latchkey, viewer with a token', latchkey),
            signedIn('the same by default: it counts requests and logs a line for each', byDefault),
            {
              name: 'Latchkey, public field',
              server: latchkey,
              load: {
                request: toRequest('{ serverInfo { name version } }'),
                expected: '"serverInfo":{"name":"latchkey"',
              },
            },
            {
              name: 'Mercurius + JIT, no authentication',
              server: mercurius,
              load: { request: toRequest(query), expected },
            },
            {
              name: 'bare Fastify route',
              server: fastify,
              load: { request: toRequest(query), expected },
            },
          ],
          plan,
        )
        return answer(rows)
      } finally {
        await stop(...servers.map(({ child }) => child))
      }
    }),
}

function answer(rows: readonly Row[]): Answer {
  const [latchkey, , , mercurius, fastify] = rows as [Row, Row, Row, Row, Row]
  return {
    title: 'What does authentication cost? `{ viewer { id username } }` with 1,000 tokens in turn',
    text: describeRates(rows),
    figures: [
      {
        measure: 'requests/s, warm, ÷ plain Mercurius + JIT without authentication',
        ...ratioOf(latchkey, mercurius),
        target: 0.95,
        bound: 'least',
      },
      {
        measure: 'requests/s, warm, ÷ a bare Fastify route with the same answer',
        ...ratioOf(latchkey, fastify),
        target: 0.75,
        bound: 'least',
      },
    ],
    bars: barsOf(rows),
  }
}
