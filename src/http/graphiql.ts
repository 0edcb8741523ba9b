import type { FastifyInstance } from 'fastify'
import { registerWebPage } from './web-page.ts'

/** Where the GraphiQL page is served and what it talks to. */
export interface GraphiqlOptions {
  /** The page's path, for example `/graphiql`. */
  path: string
  /** The path that the page posts its operations to; under the same prefix as the page, if there is one. */
  endpoint: string
  /** The folder that `npm run build:web` fills; another one for tests. */
  folder?: URL
}

/** Serves the self-hosted GraphiQL page. */
export function registerGraphiql(app: FastifyInstance, options: GraphiqlOptions): void {
  const { path, endpoint, folder = new URL('../../web/dist/graphiql/', import.meta.url) } = options
  registerWebPage(app, {
    name: 'GraphiQL',
    folder,
    paths: [`${path}/`],
    // The page's addresses are relative to its folder, and so is this one: a proxy may have taken away a prefix.
    redirect: { from: path, to: `${path.slice(path.lastIndexOf('/') + 1)}/` },
    assets: `${path}/assets/`,
    endpoint,
    // Monaco, GraphiQL's editor, writes style elements and attributes.
    styles: "'self' 'unsafe-inline'",
  })
}
