import Fastify, { type FastifyInstance } from 'fastify'
import { registerHealth } from './http/health.ts'
import { explainListening } from './listening.ts'

/** What the port of the operator answers from. */
export interface AdminSources {
  isReady(): Promise<boolean>
  /** In the text format of Prometheus. */
  metrics(): Promise<string>
}

/** The type of that format (https://prometheus.io/docs/instrumenting/exposition_formats). */
const metricsType = 'text/plain; version=0.0.4; charset=utf-8'

/**
 * Serves `/metrics`, `/healthz` and `/readyz` on a port of their own, which is for the operator alone. Throws an `Error` that
 * says why it cannot listen.
 */
export async function openAdmin(
  { adminHost: host, adminPort: port }: { adminHost: string; adminPort: number },
  sources: AdminSources,
): Promise<FastifyInstance> {
  const app = Fastify()
  registerHealth(app, sources.isReady)
  app.get('/metrics', async (_request, reply) => {
    return reply
      .header('cache-control', 'no-store')
      .type(metricsType)
      .send(await sources.metrics())
  })
  await app.listen({ host, port }).catch((error) => {
    throw explainListening(error, { host, port, names: { host: 'ADMIN_HOST', port: 'ADMIN_PORT' } })
  })
  return app
}
