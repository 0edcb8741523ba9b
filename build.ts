/**
 * Builds what the package ships, since Node does not strip types under node_modules: `dist/` mirrors the repository, so
 * that the addresses of files relative to a source are the same in both. `npm run build:web` comes before.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

rmSync(at('dist'), { recursive: true, force: true })
for (const project of ['tsconfig.build.json', 'clients/tsconfig.build.json']) {
  execFileSync(process.execPath, [at('node_modules/typescript/bin/tsc'), '--project', at(project)], {
    stdio: 'inherit',
  })
}
cpSync(at('schema.graphql'), at('dist/schema.graphql'))
cpSync(at('web/dist'), at('dist/web/dist'), { recursive: true })

// The nearest package.json is the one that Node and bundlers read: what the clients do not use is left out of a page.
const { version } = JSON.parse(readFileSync(at('package.json'), 'utf8'))
const manifest = { type: 'module', version, sideEffects: ['./src/**'] }
writeFileSync(at('dist/package.json'), `${JSON.stringify(manifest)}\n`)
