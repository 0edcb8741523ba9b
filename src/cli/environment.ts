import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { loadConfig, type Settings } from '../config.ts'
import { findUnknownVariables } from '../effective-settings.ts'
import { warn } from './output.ts'

/** The variables of the process together with those of `.env` in the working folder; the process's own come first. */
export interface Environment {
  variables: Record<string, string | undefined>
  originOf(variable: string): 'environment' | '.env' | 'default'
}

/** Reads the environment, and warns of variables that look like settings but are none; `quiet` where that was done. */
export function readEnvironment({ quiet = false } = {}): Environment {
  const file = readEnvFile()
  const variables = { ...file, ...process.env }
  if (!quiet) for (const line of findUnknownVariables(variables)) warn(`Warning: ${line}`)
  return {
    variables,
    originOf(variable) {
      const written = (variables[variable] ?? '').trim() !== ''
      if (!written) return 'default'
      return process.env[variable] === undefined ? '.env' : 'environment'
    },
  }
}

/** The settings in force. */
export function loadSettings(options?: { quiet: boolean }): Settings {
  return loadConfig(readEnvironment(options).variables)
}

function readEnvFile(): Record<string, string | undefined> {
  try {
    // Editors on Windows begin files with a byte order mark.
    return parseEnv(readFileSync('.env', 'utf8').replace(/^\uFEFF/, ''))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'EISDIR') return {}
    throw new Error(`The file .env cannot be read: ${(error as Error).message}`, { cause: error })
  }
}
