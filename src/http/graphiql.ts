import { existsSync, readFileSync } from 'node:fs'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import { setConstantHeaders } from './constant-headers.ts'
import { logSerializers } from './request-log.ts'

/** Where the GraphiQL page is served and what it talks to. */
export interface GraphiqlOptions {
  /** The page's path, for example `/graphiql`. */
  path: string
  /** The path that the page posts its operations to; under the same prefix as the page, if there is one. */
  endpoint: string
  /** The folder that `npm run build:web` fills; another one for tests. */
  folder?: URL
}

/**
 * Serves the self-hosted GraphiQL page: nothing but its index and the files of its `assets` folder, under a
 * Content-Security-Policy that lets it load from and talk to its own origin only. Answers 503 if it has not been built.
 */
export function registerGraphiql(app: FastifyInstance, options: GraphiqlOptions): void {
  const folder = options.folder ?? new URL('../../web/dist/graphiql/', import.meta.url)
  const index = readIndex(folder, relativeTo(`${options.path}/`, options.endpoint))
  const assets = `${options.path}/assets/`

  app.register(async (scope) => {
    const assetUrls = scope.prefix + assets
    scope.addHook('onSend', async (request, reply) => {
      setConstantHeaders(request, reply)
      reply.headers(SECURITY_HEADERS)
      // The names of the assets carry a digest of their content.
      if (request.url.startsWith(assetUrls) && reply.statusCode < 400) {
        reply.header('cache-control', 'public, max-age=31536000, immutable')
      }
    })

    if (index === null) {
      for (const url of [options.path, `${options.path}/`]) {
        scope.get(url, { logSerializers }, (_request, reply) =>
          reply.code(503).type('text/plain; charset=utf-8').send(NOT_BUILT),
        )
      }
      return
    }

    // The page's addresses are relative to its folder, and so is this one: a proxy may have taken away a prefix.
    const page = `${options.path.slice(options.path.lastIndexOf('/') + 1)}/`
    scope.get(options.path, { logSerializers }, (_request, reply) => reply.redirect(page))
    scope.get(`${options.path}/`, { logSerializers }, (_request, reply) =>
      reply.type('text/html; charset=utf-8').send(index),
    )
    await scope.register(fastifyStatic, {
      root: new URL('assets/', folder),
      prefix: assets,
      // One route for each file that is there at boot: a path can name nothing else.
      wildcard: false,
      globIgnore: ['**/*.map'],
      index: false,
      dotfiles: 'ignore',
      cacheControl: false,
      decorateReply: false,
    })
  })
}

const NOT_BUILT = 'GraphiQL has not been built. Run `npm run build:web` and start the server again.\n'

const SECURITY_HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    // Monaco, GraphiQL's editor, writes style elements and attributes.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "worker-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; '),
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
}

/** A path as it is seen from a page: neither an application's prefix nor a proxy's has to be known. */
function relativeTo(page: string, path: string): string {
  return '../'.repeat(page.split('/').length - 2) + path.slice(1)
}

function readIndex(folder: URL, endpoint: string): string | null {
  const file = new URL('index.html', folder)
  if (!existsSync(file)) return null
  return readFileSync(file, 'utf8').replace(
    /(<meta name="latchkey-endpoint" content=")[^"]*/,
    (_tag, before: string) => before + escapeHtml(endpoint),
  )
}

function escapeHtml(text: string): string {
  return text.replace(/[&"<>]/g, (character) => `&#${character.charCodeAt(0)};`)
}
