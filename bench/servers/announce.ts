import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** What a server tells the runner. */
export interface Announcement {
  port: number
  tokens: readonly string[]
}

/** The CPU time of a server so far, in microseconds, all its threads together; the answer to any message. */
export interface CpuTime {
  cpuMicroseconds: number
}

/** Listens on loopback, and tells the runner where; ends with it. */
export async function announce(app: FastifyInstance, tokens: readonly string[] = []): Promise<void> {
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  process.on('disconnect', () => app.close().then(() => process.exit()))
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send?.({ cpuMicroseconds: user + system } satisfies CpuTime)
  })
  process.send?.({ port, tokens } satisfies Announcement)
}
