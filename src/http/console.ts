import type { FastifyInstance } from 'fastify'
import { consolePages } from '../console-pages.ts'
import { registerWebPage } from './web-page.ts'

/** Serves the account console at `/`; its pages talk to the API at `endpoint`. */
export function registerConsole(
  app: FastifyInstance,
  options: { endpoint: string /** Another one for tests. */; folder?: URL },
): void {
  registerWebPage(app, {
    name: 'The account console',
    folder: options.folder ?? new URL('../../web/dist/console/', import.meta.url),
    paths: consolePages,
    assets: '/assets/',
    endpoint: options.endpoint,
    styles: "'self'",
  })
}
