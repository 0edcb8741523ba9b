import type { FastifyInstance } from 'fastify'

/** The paths that probes ask. */
export const healthPaths = ['/healthz', '/readyz']

/** `/healthz`: the process answers. `/readyz`: it can do its work, and wants to. Neither tells more. */
export function registerHealth(app: FastifyInstance, isReady: () => Promise<boolean>): void {
  app.get('/healthz', (_request, reply) => reply.send({ status: 'ok' }))
  app.get('/readyz', async (_request, reply) => {
    if (await isReady()) return { status: 'ok' }
    return reply.code(503).send({ status: 'unavailable' })
  })
}

const unready = {
  MIGRATIONS: 'migrations are missing in the database: `latchkey migrate up` makes them',
  CHANGES:
    'changes that others make are not heard of: each token is looked up; where the server has no LISTEN set DATABASE_CHANGES=poll',
}

/** Whether requests should be sent here: the database answers, all migrations were made, and nothing is about to stop. */
export function createIsReady(app: FastifyInstance, isDraining = () => false): () => Promise<boolean> {
  return async () => {
    if (isDraining()) return false
    try {
      const missing = await app.latchkey.auth.findUnready()
      if (missing !== null) app.log.error(unready[missing])
      return missing === null
    } catch (error) {
      app.log.error({ err: error }, 'the database cannot be reached')
      return false
    }
  }
}
