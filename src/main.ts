import type { AddressInfo } from 'node:net'
import closeWithGrace from 'close-with-grace'
import type { FastifyInstance } from 'fastify'
import { buildApp } from './app.ts'
import type { Settings } from './config.ts'
import { createLogOutput } from './log-output.ts'
import { version } from './version.ts'

/** How long requests in flight may take once the process was told to stop. */
const closeLimitMs = 10_000

const closeIdleIntervalMs = 50

/** How long the last log lines may take: one that nobody reads does not keep the process. */
const flushLimitMs = 1_000

/**
 * Runs the service until it is told to stop: opens and migrates the database, listens, and says where. Throws an `Error`
 * that says what is in the way.
 */
export async function serve(settings: Settings, write: (line: string) => void): Promise<FastifyInstance> {
  const log = createLogOutput(1, (sentence) => process.stderr.write(`${sentence}\n`))
  const app = await buildApp(settings, { logger: { level: settings.logLevel, stream: log } })
  keepServing(app)
  const closing = closeWithGrace(
    { delay: closeLimitMs, skip: ['uncaughtException', 'unhandledRejection'] },
    async ({ signal }) => {
      app.log.info({ signal }, 'stopping')
      await closeGently(app)
      await log.flush(flushLimitMs)
    },
  )
  try {
    await app.ready()
    const hasUsers = await app.latchkey.auth.hasUsers()
    await app.listen({ host: settings.host, port: settings.port }).catch((error) => {
      throw explainListening(error, settings)
    })
    announce(app, settings, hasUsers, write)
    return app
  } catch (error) {
    closing.uninstall() // or it would end the process with success
    await app.close()
    throw error
  }
}

/** Lets requests in flight end. Their connections are idle only then, and would be held open for the next request. */
async function closeGently(app: FastifyInstance): Promise<void> {
  const timer = setInterval(() => app.server.closeIdleConnections(), closeIdleIntervalMs)
  await app.close()
  clearInterval(timer)
}

/** The last resort: what one request threw where nobody waited for it must not end the service for all. */
function keepServing(app: FastifyInstance): void {
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    process.on(event, (error) => app.log.error({ err: error }, event))
  }
}

function announce(
  app: FastifyInstance,
  settings: Settings,
  hasUsers: boolean,
  write: (line: string) => void,
): void {
  const origin = originOf(app.server.address() as AddressInfo)
  write(`Latchkey ${version} listens on ${origin}${settings.graphqlPath}`)
  if (settings.graphiql) write(`GraphiQL is at ${origin}/graphiql`)
  if (hasUsers) return
  // A database in memory is this process's own, so that no command could reach it.
  if (!settings.databaseUrl.endsWith(':memory:')) {
    write(
      'There is no user yet. Create one, in another terminal in this folder: npx latchkey user create ada',
    )
  } else if (settings.signUp === 'open') {
    write(
      'There is no user yet, and what is in memory ends with this process. Create one with the mutation signUp.',
    )
  }
}

function originOf({ address, family, port }: AddressInfo): string {
  if (address === '0.0.0.0' || address === '::') return `http://localhost:${port}`
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

function explainListening(error: unknown, { host, port }: Settings): Error {
  const sentences: Record<string, string> = {
    EADDRINUSE: `Port ${port} on ${host} is in use. Stop what uses it, or set PORT to another.`,
    EACCES: `Port ${port} is not for this user. Set PORT to one from 1024 up.`,
    EADDRNOTAVAIL: `HOST ${host} is not an address of this machine.`,
    ENOTFOUND: `HOST ${host} is not an address, nor a name that has one.`,
    EAI_AGAIN: `HOST ${host} is not an address, and no name server can be asked for it.`,
  }
  const { code = '', message } = error as NodeJS.ErrnoException
  return new Error(sentences[code] ?? `Cannot listen on ${host}, port ${port}: ${message}`, { cause: error })
}
