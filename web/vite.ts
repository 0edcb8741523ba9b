import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import type { Plugin, UserConfig } from 'vite'

/** How each page of this folder is built: `page` is its folder, and its build is in `dist/<page>`. */
export function configOf(page: string): UserConfig {
  return {
    root: fileURLToPath(new URL(page, import.meta.url)),
    // Relative addresses, so that the page works under whatever path it is mounted.
    base: './',
    plugins: [react(), compress()],
    worker: { format: 'es' },
    build: {
      outDir: fileURLToPath(new URL(`dist/${page}`, import.meta.url)),
      emptyOutDir: true,
      target: 'es2022',
      // An inlined picture or font would need more of the Content-Security-Policy than it is worth.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      rolldownOptions: {
        // Directives for the React compiler, which has already run on these packages.
        onLog: (level, log, handle) => log.code === 'MODULE_LEVEL_DIRECTIVE' || handle(level, log),
      },
      // Monaco, of GraphiQL, is one piece of 3 MB.
      chunkSizeWarningLimit: 4096,
    },
  }
}

/** Puts a `.br` and a `.gz` beside each asset that gets smaller by it, so that no request waits for compression. */
function compress(): Plugin {
  return {
    name: 'latchkey-compress',
    apply: 'build',
    writeBundle({ dir = '' }) {
      const assets = join(dir, 'assets')
      for (const name of readdirSync(assets)) {
        if (!/\.(js|css|svg|ttf)$/.test(name)) continue
        const file = join(assets, name)
        const content = readFileSync(file)
        const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }
        writeFileSync(`${file}.br`, brotliCompressSync(content, quality))
        writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }))
      }
    },
  }
}
