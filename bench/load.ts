import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { createHistogram } from 'node:perf_hooks'

/** What the load process is asked to do. */
export interface Load {
  port: number
  /**
   * A whole HTTP request. `{token}` stands for one line of `tokens` after another, `{number}` for nine digits that count
   * up, and begin again after `numbers` of them.
   */
  request: string
  tokens?: string
  numbers?: number
  /** What each answer has to hold; without it, answers are only counted by their status. */
  expected?: string
  connections: number
  durationMs: number
  /** Ends sooner, once as many were sent: what can be asked only once. */
  most?: number
  /** Sent at this pace, whatever comes back; without it, each connection sends once it has its answer. */
  perSecond?: number
  /** Each connection comes from an address of its own, 127.1.0.1 and up. */
  manyAddresses?: boolean
}

/** What came of it. */
export interface Measure {
  answered: number
  requestsPerSecond: number
  /** From the moment a request was due, so that what waits behind a slow one counts too. */
  p50Ms: number
  p99Ms: number
  /** How much of its core the load took: near 1, the load was the limit and not the server. */
  busy: number
  /** How many answers had which status. */
  statuses: Record<string, number>
}

const tokensOf = new Map<string, readonly string[]>()

process.on('message', (load: Load) => {
  run(load).then(
    (measure) => process.send?.(measure),
    (error) => {
      process.stderr.write(`${error}\n`)
      process.exit(1)
    },
  )
})
process.on('disconnect', () => process.exit())

/** Keep-alive connections, each with one request under way at a time. */
async function run(load: Load): Promise<Measure> {
  const nextRequest = createRequests(load)
  const latency = createHistogram()
  const statuses: Record<string, number> = {}
  const cpu = process.cpuUsage()
  const start = performance.now()
  const end = start + load.durationMs
  const intervalMs = load.perSecond === undefined ? 0 : (load.connections / load.perSecond) * 1000
  let sent = 0
  let answered = 0

  async function drive(_: unknown, index: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const localAddress = `127.1.${index >> 8}.${(index & 255) + 1}`
    const socket = connect({
      port: load.port,
      host: '127.0.0.1',
      noDelay: true,
      ...(load.manyAddresses ? { localAddress } : {}),
    }).setEncoding('latin1')
    let received = ''
    // Connections take turns within an interval.
    let dueAt = start + (intervalMs * index) / load.connections
    const send = (): void => {
      sent++
      socket.write(nextRequest(), 'latin1')
    }
    const sendWhenDue = (): void => {
      const now = performance.now()
      if (now >= end || sent >= (load.most ?? Number.POSITIVE_INFINITY)) {
        resolve()
        socket.destroy()
        return
      }
      if (intervalMs === 0) dueAt = now
      if (dueAt > now) setTimeout(sendWhenDue, dueAt - now)
      else send()
    }
    socket.on('connect', sendWhenDue)
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('The server hung up.')))
    socket.on('data', (chunk) => {
      received += chunk
      if (!isWhole(received)) return
      if (
        load.expected !== undefined &&
        !(received.startsWith('HTTP/1.1 200') && received.includes(load.expected))
      ) {
        return reject(new Error(`Not what was asked for:\n${received}`))
      }
      const status = received.slice(9, 12)
      statuses[status] = (statuses[status] ?? 0) + 1
      latency.record(Math.max(1, Math.round((performance.now() - dueAt) * 1000)))
      answered++
      received = ''
      dueAt += intervalMs
      sendWhenDue()
    })
    return promise
  }

  await Promise.all(Array.from({ length: load.connections }, drive))
  const wallMs = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  return {
    answered,
    requestsPerSecond: (answered / wallMs) * 1000,
    p50Ms: latency.percentile(50) / 1000,
    p99Ms: latency.percentile(99) / 1000,
    busy: (user + system) / 1000 / wallMs,
    statuses,
  }
}

/** Where the next turn begins: another round goes on with other tokens and numbers. */
let turn = 0

function createRequests({ request, tokens: file, numbers = 1_000_000_000 }: Load): () => string {
  const parts = request.split(/\{(token|number)\}/)
  const tokens = file === undefined ? [] : readTokens(file)
  return () => {
    const now = turn++
    let text = parts[0] as string // split leaves one at least
    for (let index = 1; index < parts.length; index += 2) {
      text += parts[index] === 'token' ? tokens[now % tokens.length] : String(now % numbers).padStart(9, '0')
      text += parts[index + 1]
    }
    return text
  }
}

function readTokens(file: string): readonly string[] {
  const tokens = tokensOf.get(file) ?? readFileSync(file, 'latin1').trim().split('\n')
  tokensOf.set(file, tokens)
  return tokens
}

const lengthHeader = '\r\ncontent-length: '

function isWhole(response: string): boolean {
  const headersEnd = response.indexOf('\r\n\r\n')
  if (headersEnd === -1) return false
  const at = response.indexOf(lengthHeader)
  // As Fastify writes it; others have capitals there, or send chunks.
  if (at === -1 || at > headersEnd) return isWholeOtherwise(response, headersEnd)
  return response.length >= headersEnd + 4 + Number.parseInt(response.slice(at + lengthHeader.length), 10)
}

function isWholeOtherwise(response: string, headersEnd: number): boolean {
  const headers = response.slice(0, headersEnd + 2)
  if (/\r\ntransfer-encoding: chunked\r\n/i.test(headers)) return response.endsWith('\r\n0\r\n\r\n')
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(headers)?.[1]
  if (length === undefined) throw new Error(`A response without its length:\n${response}`)
  return response.length >= headersEnd + 4 + Number(length)
}
