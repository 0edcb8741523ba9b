import { execFileSync, spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { debianPackages, python } from './peers.ts'

const folder = fileURLToPath(new URL('.', import.meta.url))

/** Installs the peers' packages as the lockfile has them, unless that was done. */
export function installPackages(): void {
  const installed = modifiedAt(`${folder}node_modules/.package-lock.json`)
  if (installed > Math.max(modifiedAt(`${folder}package-lock.json`), modifiedAt(`${folder}package.json`)))
    return
  run('npm', 'ci', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund')
}

/** Installs Django REST Framework and gunicorn from Debian's packages. */
export function installDebianPackages(): void {
  const prefix = process.getuid?.() === 0 ? [] : ['sudo']
  run(...prefix, 'apt-get', 'update', '--quiet')
  run(...prefix, 'apt-get', 'install', '--yes', '--quiet', '--no-install-recommends', ...debianPackages)
}

/** Why Django REST Framework cannot be measured, or null. */
export function missingFromDebian(): string | null {
  const { status } = spawnSync(python, ['-B', `${folder}drf/versions.py`], { stdio: 'ignore' })
  if (status === 0) return null
  return (
    'Django REST Framework was not measured: it needs Debian’s packages ' +
    `${debianPackages.join(', ')}. \`npm run bench:peers -- --install\` installs them with apt-get.`
  )
}

function run(...command: string[]): void {
  const [program = '', ...args] = command
  // Standard output is for the report alone.
  execFileSync(program, args, { stdio: ['ignore', process.stderr.fd, 'inherit'] })
}

function modifiedAt(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
