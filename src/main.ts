import type { AddressInfo } from 'node:net'
import closeWithGrace from 'close-with-grace'
import type { FastifyInstance } from 'fastify'
import { buildApp } from './app.ts'
import type { Settings } from './config.ts'
import { version } from './version.ts'

/** How long requests in flight may take once the process was told to stop. */
const closeLimitMs = 10_000

/** Runs the service until it is told to stop: opens and migrates the database, listens, and says where. */
export async function serve(settings: Settings, write: (line: string) => void): Promise<FastifyInstance> {
  const app = await buildApp(settings)
  keepServing(app)
  closeWithGrace(
    { delay: closeLimitMs, skip: ['uncaughtException', 'unhandledRejection'] },
    async ({ signal }) => {
      app.log.info({ signal }, 'stopping')
      await app.close()
    },
  )
  await app.listen({ host: settings.host, port: settings.port })
  await announce(app, settings, write)
  return app
}

/** The last resort: what one request threw where nobody waited for it must not end the service for all. */
function keepServing(app: FastifyInstance): void {
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    process.on(event, (error) => app.log.fatal({ err: error }, event))
  }
}

async function announce(
  app: FastifyInstance,
  settings: Settings,
  write: (line: string) => void,
): Promise<void> {
  const origin = originOf(app.server.address() as AddressInfo)
  write(`Latchkey ${version} listens on ${origin}${settings.graphqlPath}`)
  if (settings.graphiql) write(`GraphiQL is at ${origin}/graphiql`)
  if (!(await app.latchkey.auth.hasUsers())) {
    write('There is no user yet. Create one with: npx latchkey user create ada')
  }
}

function originOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
