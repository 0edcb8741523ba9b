import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fillNew } from '../fill.ts'
import type { Question } from '../question.ts'
import { describeRates, measureRates, type Row, ratioOf } from '../rates.ts'
import { startLatchkey, stop, toRequest, withFolder } from '../runner.ts'
import { likeOthers } from '../terms.ts'

/** What counting costs a request: the signed-in viewer with metrics, against the same without. */
export const metrics: Question = {
  name: 'metrics',
  ask: (plan) =>
    withFolder(async (folder) => {
      const { file, tokens } = await fillNew(join(folder, 'latchkey.db'), {
        users: 1_000,
        tokens: 1_000,
        known: 1_000,
      })
      const servers = await Promise.all([
        startLatchkey(file, { env: { ...likeOthers, ADMIN_PORT: String(await findPort()) } }),
        startLatchkey(file, { env: likeOthers }),
      ])
      try {
        const load = {
          request: toRequest('query Mine { viewer { id username } }', { signedIn: true }),
          tokens,
          expected: '"viewer":{"id":"',
        }
        const names = ['Latchkey with metrics', 'the same without'] as const
        const rows = await measureRates(
          servers.map((server, index) => ({ name: names[index] as string, server, load })), // one name for each
          plan,
        )
        const [counted, uncounted] = rows as [Row, Row]
        return {
          title: 'What do metrics cost? `{ viewer { id username } }` with `ADMIN_PORT` and without',
          text: describeRates(rows),
          figures: [
            {
              measure: 'requests/s, warm, with metrics ÷ without',
              ...ratioOf(counted, uncounted),
              target: 0.97,
              bound: 'least',
            },
          ],
        }
      } finally {
        await stop(...servers.map(({ child }) => child))
      }
    }),
}

async function findPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}
