import { existsSync, readFileSync } from 'node:fs'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import { setConstantHeaders } from './constant-headers.ts'
import { logSerializers } from './request-log.ts'

/** A page that `npm run build:web` has built, and where it is served. */
export interface WebPage {
  /** For people, who are told where it has not been built. */
  name: string
  /** The folder of its `index.html`, and of the `assets` beside it. */
  folder: URL
  /** Where its index is: paths of one level, such as `/` and `/users`, or `/graphiql/`. */
  paths: readonly [string, ...string[]]
  /** A path that leads to it, and the address, relative to that path, that it leads to. */
  redirect?: { from: string; to: string }
  /** Where its assets are, on the same level: for example `/assets/`. */
  assets: string
  /** The path that it posts its operations to; under the same prefix as the page, if there is one. */
  endpoint: string
  /** The policy for styles; scripts come from the page's own origin, and never from the page itself. */
  styles: string
}

/**
 * Serves a built page: nothing but its index and the files of its `assets` folder, compressed where the client takes that,
 * under a Content-Security-Policy that lets it load from and talk to its own origin only. Answers 503 if it has not been built.
 */
export function registerWebPage(app: FastifyInstance, page: WebPage): void {
  const index = readIndex(page)
  const headers = securityHeaders(page.styles)

  app.register(async (scope) => {
    const assetUrls = scope.prefix + page.assets
    scope.addHook('onSend', async (request, reply) => {
      setConstantHeaders(request, reply)
      reply.headers(headers)
      if (reply.statusCode >= 400) return
      // The names of the assets carry a digest of their content; the index, which names them, is asked for anew.
      const isAsset = request.url.startsWith(assetUrls)
      reply.header('cache-control', isAsset ? 'public, max-age=31536000, immutable' : 'no-cache')
    })

    const { redirect } = page
    if (index === null) {
      for (const path of redirect ? [redirect.from, ...page.paths] : page.paths) {
        scope.get(path, { logSerializers }, (_request, reply) =>
          reply.code(503).type('text/plain; charset=utf-8').send(notBuilt(page.name)),
        )
      }
      return
    }

    if (redirect)
      scope.get(redirect.from, { logSerializers }, (_request, reply) => reply.redirect(redirect.to))
    for (const path of page.paths) {
      scope.get(path, { logSerializers }, (_request, reply) =>
        reply.type('text/html; charset=utf-8').send(index),
      )
    }
    await scope.register(fastifyStatic, {
      root: new URL('assets/', page.folder),
      prefix: page.assets,
      // One route for each file that is there at boot: a path can name nothing else.
      wildcard: false,
      globIgnore: ['**/*.map', '**/*.br', '**/*.gz'],
      preCompressed: true,
      index: false,
      dotfiles: 'ignore',
      cacheControl: false,
      decorateReply: false,
    })
  })
}

function readIndex({ folder, paths, endpoint }: WebPage): string | null {
  const file = new URL('index.html', folder)
  if (!existsSync(file)) return null
  return readFileSync(file, 'utf8').replace(
    /(<meta name="latchkey-endpoint" content=")[^"]*/,
    (_tag, before: string) => before + escapeHtml(relativeTo(paths[0], endpoint)),
  )
}

/** A path as it is seen from a page: neither an application's prefix nor a proxy's has to be known. */
function relativeTo(page: string, path: string): string {
  return '../'.repeat(page.split('/').length - 2) + path.slice(1)
}

function escapeHtml(text: string): string {
  return text.replace(/[&"<>]/g, (character) => `&#${character.charCodeAt(0)};`)
}

function notBuilt(name: string): string {
  return `${name} has not been built. Run \`npm run build:web\` and start the server again.\n`
}

function securityHeaders(styles: string): Record<string, string> {
  return {
    'content-security-policy': [
      "default-src 'none'",
      "script-src 'self'",
      `style-src ${styles}`,
      "img-src 'self' data:",
      "font-src 'self' data:",
      "connect-src 'self'",
      "worker-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "form-action 'none'",
    ].join('; '),
    'cross-origin-opener-policy': 'same-origin',
    'x-frame-options': 'DENY',
  }
}
