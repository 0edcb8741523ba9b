import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  root: at('.'),
  plugins: [react()],
  // In this repository the packages are their sources; an application that has installed latchkey leaves this out.
  resolve: { alias: { latchkey: at('../../clients') } },
  // One origin for the page and the API. Elsewhere, list the page's origin in the API's CORS_ORIGINS.
  server: { proxy: { '/graphql': process.env.API_URL ?? 'http://127.0.0.1:4000' } },
})
