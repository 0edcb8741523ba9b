import type { FastifyInstance } from 'fastify'

/** The paths that probes ask. */
export const healthPaths = ['/healthz', '/readyz']

/** `/healthz`: the process answers. `/readyz`: it can do its work, which takes the database. Neither tells more. */
export function registerHealth(app: FastifyInstance): void {
  app.get('/healthz', (_request, reply) => reply.send({ status: 'ok' }))
  app.get('/readyz', async (request, reply) => {
    try {
      await app.latchkey.auth.hasUsers()
      return { status: 'ok' }
    } catch (error) {
      request.log.error({ err: error }, 'the database cannot be reached')
      return reply.code(503).send({ status: 'unavailable' })
    }
  })
}
