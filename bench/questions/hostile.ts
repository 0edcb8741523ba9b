import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { fillNew } from '../fill.ts'
import type { Question } from '../question.ts'
import { type Server, spreadOf, startLatchkey, stop, table, tell, tick, withFolder } from '../runner.ts'
import type { LoopReport } from '../servers/latchkey.ts'
import { type HostileRequest, hostileRequests } from './documents.ts'

/** Often enough for the compilation of what comes again and again. */
const timesPerRound = 8

const agent = new Agent({ keepAlive: true, maxSockets: 1 })

/** How long one request can keep the event loop from all others. */
export const hostile: Question = {
  name: 'hostile',
  ask: ({ rounds }) =>
    withFolder(async (folder) => {
      // One user with as many tokens as the default limit allows.
      const { file, tokens } = await fillNew(join(folder, 'latchkey.db'), { users: 1, tokens: 50, known: 1 })
      const token = readFileSync(tokens, 'latin1')
      // Introspection is off in production by default; where it is on, it must not hurt either.
      const env = { INTROSPECTION: 'on', RATE_LIMIT_ADDRESS_FAILURES: '1000000' }
      const server = await startLatchkey(file, { env })
      try {
        const results = hostileRequests.map(({ name }) => ({
          name,
          answer: '',
          holds: [] as number[],
          actives: [] as number[],
        }))
        await askSome(server, token, hostileRequests[0] as HostileRequest, -1) // until it is warm
        for (let round = 0; round < rounds; round++) {
          for (const [index, hostileRequest] of hostileRequests.entries()) {
            const { answer, hold, active } = await askSome(server, token, hostileRequest, round)
            const result = results[index] as (typeof results)[number] // as many as requests
            result.answer = answer
            result.holds.push(hold)
            result.actives.push(active)
          }
          tick()
        }
        const spreads = results.map(({ holds }) => spreadOf(holds))
        const rows = results.map(({ name, answer, actives }, index) => [
          name,
          answer,
          ...[spreads[index]?.median, spreads[index]?.lowest, spreads[index]?.highest].map(
            (ms) => ms?.toFixed(1) ?? '',
          ),
          spreadOf(actives).median.toFixed(1),
        ])
        return {
          title: 'How long can one request hold the event loop?',
          text: [
            `Each request is within the limits or just past one, and is sent ${timesPerRound} times a round, so that it is compiled as well; each round has another document. The longest hold of a round counts, as the server's own event loop measures it. “Busy” is all the time that the server spent on the dearest of them.`,
            '',
            table(['request', 'answer', 'hold, ms, median', 'lowest', 'highest', 'busy, ms'], rows),
          ].join('\n'),
          figures: [
            {
              measure: 'longest event-loop hold by any request within the limits',
              value: Math.max(...spreads.map(({ median }) => median)),
              target: 50,
              bound: 'most',
              unit: ' ms',
            },
          ],
        }
      } finally {
        await stop(server.child)
      }
    }),
}

/** Sends a request a few times; the worst of them. */
async function askSome(
  server: Server,
  token: string,
  { query, variables }: HostileRequest,
  round: number,
): Promise<{ answer: string; hold: number; active: number }> {
  const body = JSON.stringify({ query, variables }).replaceAll('{round}', `_${round + 1}`)
  let [answer, hold, active] = ['', 0, 0]
  for (let time = 0; time < timesPerRound; time++) {
    await tell<LoopReport>(server.child, 'loop')
    answer = await ask(server.port, token, body)
    if (answer.startsWith('UNAUTHENTICATED')) throw new Error('Nobody is signed in: nothing would be run.')
    const report = await tell<LoopReport>(server.child, 'loop')
    hold = Math.max(hold, report.heldMs)
    active = Math.max(active, report.activeMs)
  }
  return { answer, hold, active }
}

/** What the server says to it: the first error's code, or the status. */
async function ask(port: number, token: string, body: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json',
    authorization: `Token ${token}`,
  }
  const sent = request({ port, host: '127.0.0.1', path: '/graphql', method: 'POST', agent, headers })
  sent.on('error', reject)
  sent.on('response', async (response) => {
    let text = ''
    for await (const chunk of response.setEncoding('utf8')) text += chunk
    const { code, reason, field } = JSON.parse(text).errors?.[0]?.extensions ?? {}
    resolve([code ?? response.statusCode, reason, field].filter(Boolean).join(' / '))
  })
  sent.end(body)
  return promise
}
