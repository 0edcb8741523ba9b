import { Agent, request as httpRequest } from 'node:http'

/** What became of requests. */
export interface Tally {
  answered: number
  /** Requests that got no answer, and why. */
  lost: string[]
  statuses: Map<number, number>
  /** How often a connection was opened. */
  connections: number
}

/** Clients that send one request after another, each over a connection that it keeps for as long as the server lets it. */
export interface Load {
  tally: Tally
  /** Resolves when so many more requests have got an answer. */
  answers(count: number): Promise<void>
  /** Lets requests in flight end. */
  stop(): Promise<Tally>
}

/** Puts a load on `url`; where the server is away for good (`untilRefused`), a client ends when it gets no connection. */
export function startLoad(url: string, clients: number, options: { untilRefused?: boolean } = {}): Load {
  const tally: Tally = { answered: 0, lost: [], statuses: new Map(), connections: 0 }
  let isStopped = false
  const running = Array.from({ length: clients }, runClient)

  async function runClient(): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    while (!isStopped) {
      try {
        const { status, reused } = await send(url, agent)
        tally.answered++
        tally.statuses.set(status, (tally.statuses.get(status) ?? 0) + 1)
        if (!reused) tally.connections++
      } catch (error) {
        if (options.untilRefused && isRefusal(error as SendError)) break
        tally.lost.push(String(error))
      }
    }
    agent.destroy()
  }

  return {
    tally,
    async answers(count) {
      const enough = tally.answered + count
      while (tally.answered < enough && tally.lost.length === 0) await new Promise((go) => setTimeout(go, 10))
    },
    async stop() {
      isStopped = true
      await Promise.all(running)
      return tally
    },
  }
}

/** An error, with whether the connection had been used before. */
type SendError = NodeJS.ErrnoException & { reused: boolean }

/** Whether nobody took the connection: it was refused, or cut before there was a first answer. */
function isRefusal({ code, reused }: SendError): boolean {
  return code === 'ECONNREFUSED' || (code === 'ECONNRESET' && !reused)
}

/** What came back. */
interface Sent {
  status: number
  /** Whether the connection had been used before. */
  reused: boolean
  connection: string | undefined
}

/** Sends an operation that needs no user, and reads the answer to its end. */
export function send(url: string, agent: Agent): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, {
      method: 'POST',
      agent,
      headers: { 'content-type': 'application/json' },
    })
    request.on('error', (error) => reject(Object.assign(error, { reused: request.reusedSocket })))
    request.on('response', (response) => {
      response.resume().on('error', reject)
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response
        resolve({ status, reused: request.reusedSocket, connection: headers.connection })
      })
    })
    request.end('{"query":"{ serverInfo { name } }"}')
  })
}
