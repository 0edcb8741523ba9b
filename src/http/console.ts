import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { consolePages } from '../console-pages.ts'
import { registerWebPage } from './web-page.ts'

/** The folder that `npm run build:web` fills. */
const built = new URL('../../web/dist/console/', import.meta.url)

/** The manifest of the operations that the console sends; null where it has not been built. */
export function findConsoleManifest(folder: URL = built): string | null {
  const file = fileURLToPath(new URL('operations.json', folder))
  return existsSync(file) ? file : null
}

/** Serves the account console at `/`; its pages talk to the API at `endpoint`. */
export function registerConsole(
  app: FastifyInstance,
  options: { endpoint: string /** Another one for tests. */; folder?: URL },
): void {
  registerWebPage(app, {
    name: 'The account console',
    folder: options.folder ?? built,
    paths: consolePages,
    assets: '/assets/',
    endpoint: options.endpoint,
    styles: "'self'",
  })
}
