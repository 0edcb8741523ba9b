import { connect } from 'node:net'
import { createHistogram } from 'node:perf_hooks'

/** What the load process is asked to do. */
export interface Load {
  port: number
  /** Whole HTTP requests, sent in turn. */
  requests: readonly string[]
  /** What each body has to hold. */
  expected: string
  connections: number
  durationMs: number
}

/** What came of it. */
export interface Measure {
  answered: number
  requestsPerSecond: number
  p50Ms: number
  p99Ms: number
  /** How much of its core the load took: near 1, the load was the limit and not the server. */
  busy: number
}

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
  const requests = load.requests.map((request) => Buffer.from(request, 'latin1'))
  const latency = createHistogram()
  const cpu = process.cpuUsage()
  const start = performance.now()
  const end = start + load.durationMs
  let next = 0
  let answered = 0

  async function drive(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const socket = connect({ port: load.port, host: '127.0.0.1', noDelay: true }).setEncoding('latin1')
    let received = ''
    let sentAt = 0
    const send = (): void => {
      sentAt = performance.now()
      socket.write(requests[next++ % requests.length] as Buffer) // never empty
    }
    socket.on('connect', send)
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('The server hung up.')))
    socket.on('data', (chunk) => {
      received += chunk
      if (!isWhole(received)) return
      if (!received.startsWith('HTTP/1.1 200') || !received.includes(load.expected)) {
        return reject(new Error(`Not what was asked for:\n${received}`))
      }
      const now = performance.now()
      latency.record(Math.max(1, Math.round((now - sentAt) * 1000)))
      answered++
      received = ''
      if (now < end) return send()
      resolve()
      socket.destroy()
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
  }
}

function isWhole(response: string): boolean {
  const headersEnd = response.indexOf('\r\n\r\n')
  if (headersEnd === -1) return false
  if (/\r\ntransfer-encoding: chunked/i.test(response)) return response.endsWith('\r\n0\r\n\r\n')
  const length = /\r\ncontent-length: (\d+)/i.exec(response)?.[1]
  if (length === undefined) throw new Error(`A response without its length:\n${response}`)
  return response.length >= headersEnd + 4 + Number(length)
}
